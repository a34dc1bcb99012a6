/** The handle that tests hold: the same for a source in this process and for one in a child. */
import type { Answer, ChannelAction, ChannelStats, ConnectionLimit } from './options.ts';
import type { AfterStall, Filler } from './player.ts';

/** How commands reach the channel. */
export interface ChannelLink {
  act(path: string, action: ChannelAction): Promise<void>;
  stats(path: string): Promise<ChannelStats>;
}

/** Commands for one channel. Each takes effect before its promise resolves. */
export class ChannelControl {
  readonly url: string;
  readonly #path: string;
  readonly #link: ChannelLink;

  constructor(origin: string, path: string, link: ChannelLink) {
    this.url = origin + path;
    this.#path = path;
    this.#link = link;
  }

  stats(): Promise<ChannelStats> {
    return this.#link.stats(this.#path);
  }

  act(action: ChannelAction): Promise<void> {
    return this.#link.act(this.#path, action);
  }

  /** Timestamps jump; counters and content continue. */
  jump(seconds: number): Promise<void> {
    return this.act({ do: 'jump', seconds });
  }

  /** Ends every connection: at once, inside a packet, or gracefully. */
  cutConnections(how: { midPacket?: boolean; graceful?: boolean } = {}): Promise<void> {
    return this.act({ do: 'cut', ...how });
  }

  /** Sets the answer for new connections: for the next `times`, or for all. */
  answer(answer: Answer, times?: number): Promise<void> {
    return this.act({ do: 'answer', answer, times });
  }

  play(): Promise<void> {
    return this.answer({ kind: 'play' });
  }

  status(status: number, times?: number): Promise<void> {
    return this.answer({ kind: 'status', status }, times);
  }

  /** Closes new connections without an answer. */
  refuse(times?: number): Promise<void> {
    return this.answer({ kind: 'refuse' }, times);
  }

  hang(after: 'request' | 'headers' = 'request', times?: number): Promise<void> {
    return this.answer({ kind: 'hang', after }, times);
  }

  html(times?: number): Promise<void> {
    return this.answer({ kind: 'html' }, times);
  }

  empty(times?: number): Promise<void> {
    return this.answer({ kind: 'empty' }, times);
  }

  redirectTo(to: string, times?: number): Promise<void> {
    return this.answer({ kind: 'redirect', to }, times);
  }

  /** New connections get a Content-Length and this many bytes. */
  contentLength(bytes: number, times?: number): Promise<void> {
    return this.answer({ kind: 'finite', bytes }, times);
  }

  stall(ms: number, then: AfterStall = 'burst'): Promise<void> {
    return this.act({ do: 'stall', ms, then });
  }

  /** true: video stops while audio and PCR continue. */
  dropVideo(on: boolean): Promise<void> {
    return this.act({ do: 'video', on: !on });
  }

  /** true: sound stops while video continues. */
  dropSound(on: boolean): Promise<void> {
    return this.act({ do: 'sound', on: !on });
  }

  /** Everything else is left out; undefined: nothing is. */
  sendOnly(what: Filler | undefined): Promise<void> {
    return this.act({ do: 'only', what });
  }

  stripRandomAccessIndicator(on = true): Promise<void> {
    return this.act({ do: 'strip-random-access', on });
  }

  /** The next packets with media are lost. */
  dropPackets(count: number): Promise<void> {
    return this.act({ do: 'lose-packets', count });
  }

  /** 1 is real time. */
  speed(factor: number): Promise<void> {
    return this.act({ do: 'speed', factor });
  }

  /** Connections allowed on this channel; undefined lifts the limit. */
  maxConnections(limit: ConnectionLimit | undefined): Promise<void> {
    return this.act({ do: 'limit', limit });
  }
}
