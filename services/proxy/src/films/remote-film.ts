/** A film that another worker makes, for a viewer whose requests come here: everything is asked of that worker as it is wanted. */

import type { IncomingMessage } from 'node:http';
import { feedPath } from '../../../registry/feed-keys.ts';
import type { Owner } from '../../../registry/types.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import type { Container } from '../feed/hls/segment-events.ts';
import { FrameReader } from '../relay/relay-frames.ts';
import { relayedError } from '../relay/relayed-failure.ts';
import type { Wire } from '../relay/wire.ts';
import type { WantedSegments } from '../segments/feed-hls.ts';
import { type SegmentsPeer, wantSegments } from '../segments/media/segments-run.ts';
import type { PlaylistText, ViewedSegments } from '../segments/viewer-answers.ts';
import { mediaFacts } from '../upstream/playlists/media-playlist.ts';
import { FILM_NAMES } from './film-answer.ts';
import { FilmLostError } from './film-lost.ts';

export interface RemoteFilmDeps {
  /** The film's key in the registry. */
  readonly key: string;
  readonly owner: Owner;
  readonly secret: () => string;
  readonly wire: Wire;
  /** HLS_WAIT_TIME: the other worker holds an answer for so long, or for two target durations. */
  readonly waitMs: number;
  /** A segment has come. */
  readonly onFetched: () => void;
}

/** Beyond what an answer is held for. */
const LATE_MS = 5_000;
const HELD_TARGETS = 2;

export class RemoteFilm implements WantedSegments {
  readonly isFilm = true;
  readonly #deps: RemoteFilmDeps;
  readonly #over = new AbortController();
  #isLost = false;
  #targetDurationMs = 0;

  constructor(deps: RemoteFilmDeps) {
    this.#deps = deps;
    // However it ends, the next request shows whether the film is there.
    void wantSegments(this.#peer, { container: 'ts', known: undefined }, this.#over.signal);
  }

  get isOver(): boolean {
    return this.#isLost;
  }

  get targetDurationMs(): number {
    return this.#targetDurationMs;
  }

  of(container: Container): ViewedSegments {
    const targetDurationMs = () => this.#targetDurationMs;
    return {
      get targetDurationMs() {
        return targetDurationMs();
      },
      playlist: (signal) => this.#playlist(container, signal),
      segment: (n, signal) => this.#segment(container, n, signal),
      part: async () => {
        throw new StreampoolError(404, 'A film has no parts.');
      },
      init: (key) => this.#ask(FILM_NAMES.init(key), new AbortController().signal),
    };
  }

  async chosen(signal: AbortSignal): Promise<Container> {
    return (await this.#ask(FILM_NAMES.container, signal)).toString() === 'fmp4' ? 'fmp4' : 'ts';
  }

  release(): void {
    this.#over.abort();
  }

  async #playlist(container: Container, signal: AbortSignal): Promise<PlaylistText> {
    const text = (await this.#ask(FILM_NAMES.playlist(container), signal)).toString();
    this.#targetDurationMs = mediaFacts(text).targetDurationMs;
    return { text, mayPause: true };
  }

  async #segment(container: Container, n: number, signal: AbortSignal): Promise<Buffer> {
    const media = await this.#ask(FILM_NAMES.segment(container, n), signal);
    this.#deps.onFetched();
    return media;
  }

  get #peer(): SegmentsPeer {
    const { key, owner, secret, wire } = this.#deps;
    return { feed: feedPath(key), owner, via: undefined, secret: secret(), wire };
  }

  /**
   * @throws {FilmLostError} when the other worker is dead or does not have the film
   * @throws {StreampoolError} what the other worker says; 503 when it does not answer, and then the next request asks where the film is
   */
  async #ask(name: string, signal: AbortSignal): Promise<Buffer> {
    const { waitMs, wire } = this.#deps;
    const late = new AbortController();
    const heldMs = Math.max(waitMs, HELD_TARGETS * this.#targetDurationMs) + LATE_MS;
    const timer = wire.clock.setTimeout(() => late.abort(), heldMs);
    try {
      const answer = await this.#request(name, AbortSignal.any([signal, late.signal, this.#over.signal]));
      const pieces: Buffer[] = [];
      for await (const piece of answer) pieces.push(piece as Buffer);
      const body = Buffer.concat(pieces);
      if (answer.statusCode === 200) return body;
      const failure = failureIn(body) ?? new FilmLostError();
      // It has not begun, and will not.
      if (failure instanceof SourceError && this.#targetDurationMs === 0) this.#isLost = true;
      throw failure;
    } catch (error) {
      if (error instanceof FilmLostError) this.#isLost = true;
      if (error instanceof StreampoolError) throw error;
      if (isRefused(error)) {
        this.#isLost = true;
        throw new FilmLostError();
      }
      if (!signal.aborted) this.#isLost = true;
      throw new StreampoolError(503, 'The worker that plays this film does not answer. Try again.', {
        ...{ retryAfterSeconds: 1, cause: error },
      });
    } finally {
      wire.clock.clearTimeout(timer);
    }
  }

  #request(name: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { feed, owner, secret, wire } = this.#peer;
    return new Promise((resolve, reject) => {
      const call = wire.request(`http://${owner.address}/feeds/${feed}/segments/${name}`, {
        ...{ agent: false, signal },
        headers: { Authorization: `Bearer ${secret}`, 'X-Incarnation': owner.incarnation },
      });
      call.once('response', resolve);
      call.once('error', reject);
      call.end();
    });
  }
}

/** The failure that an answer tells of; undefined when it tells of none. */
function failureIn(body: Buffer): StreampoolError | undefined {
  let failure: StreampoolError | undefined;
  new FrameReader().push(body, (frame) => {
    if (frame.type === 'end' && frame.end.kind === 'failed') failure = relayedError(frame.end);
  });
  return failure;
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
