/** How a source feed gets to the next source of its group: it finds out who reads that, and tries it out beside the one of now. */

import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { mayBeConnectionLimit } from '../upstream/provider/provider-connections.ts';
import type { FailoverCause, Following, GroupSource, SourceAddress } from '../upstream/provider/source-address.ts';
import { sourceFeedOf } from '../upstream/provider/source-key.ts';
import { isLiveByName } from '../upstream/provider/source-kind.ts';
import type { Entered, Origin, Route } from './origin.ts';
import { OtherKindError } from './source-connections.ts';

export interface SourceMovesDeps {
  /** Undefined: there is no other URL. */
  readonly route: Route | undefined;
  readonly originOf: (address: SourceAddress, index: number, entered: Entered) => Origin;
  /** What the feed reads now. */
  readonly current: () => Origin;
  /** Whether that delivers. */
  readonly isLive: () => boolean;
  /** Ends the input of now, and the pause before the next one. */
  readonly interrupt: () => void;
  /** Aborted when the feed is closed. */
  readonly signal: AbortSignal;
  /** How long the next source may take until a viewer could begin. */
  readonly streamTimeoutMs: number;
  readonly log: Logger;
}

export class SourceMoves {
  readonly #deps: SourceMovesDeps;
  /** What the feed reads next, as soon as the input of now is over. */
  #next: Origin | undefined;
  #moving: Promise<void> | undefined;
  /** The next source, opened in case that the one of now does not come back. */
  #held: Origin | undefined;
  /** Resolves when it is known who reads that. */
  #holding: Promise<void> | undefined;
  readonly #leaveListeners = new Map<() => void, string>();

  constructor(deps: SourceMovesDeps) {
    this.#deps = deps;
  }

  /** Whether the group plays elsewhere than what the feed reads, or is about to read. */
  get isElsewhere(): boolean {
    const { route, current } = this.#deps;
    const { address } = this.#next ?? current();
    return route !== undefined && sourceFeedOf(route.source.address) !== sourceFeedOf(address);
  }

  /** It does, and FFmpeg has to open that: a source feed reads only live MPEG-TS. */
  get isForFfmpeg(): boolean {
    const { route } = this.#deps;
    return route !== undefined && this.isElsewhere && !isLiveByName(route.source.address.url);
  }

  /** The next source is found, and the input of now ends. */
  get isReady(): boolean {
    return this.#next !== undefined;
  }

  /** Resolves when no next source is looked for. */
  async settled(): Promise<void> {
    await this.#moving;
  }

  /** Finds out where the group plays; its other workers may have told that only to the registry. Returns whether the feed goes on there. */
  async calledAway(): Promise<boolean> {
    await this.#deps.route?.source.refresh();
    return this.toCurrent();
  }

  /** Leaves the source of now because it has failed. Returns false when the group has no other one. */
  async on(cause: FailoverCause): Promise<boolean> {
    const { route, current } = this.#deps;
    if (!(await route?.source.advance(current().index, cause))) return false;
    return this.toCurrent();
  }

  /** Goes on where the group plays now. It opens that beside what is read now, as long as this still sends. */
  async toCurrent(): Promise<boolean> {
    this.#moving ??= this.#move()
      .catch((error: unknown) => {
        this.#deps.log.warn({ err: error }, 'the source feed could not move to its next source');
      })
      .finally(() => {
        this.#moving = undefined;
      });
    await this.#moving;
    return this.isReady;
  }

  /** Goes on with the same URL, which this feed opens itself from now on. Returns false when it has no way to do that. */
  async again(): Promise<boolean> {
    const { route, originOf, current } = this.#deps;
    const { address, index } = current();
    if (route === undefined) return false;
    this.#next = originOf(address, index, await route.enter(address));
    return true;
  }

  /** Enters the next source beside the one of now, and goes on there when the group moves to it. */
  async hold({ address, index }: Following): Promise<Origin> {
    const { route, originOf } = this.#deps;
    if (route === undefined) throw new Error('a source feed without a route has no next source');
    const entering = route.enter(address).then((entered) => {
      const held = originOf(address, index, entered);
      this.#held = held;
      return held;
    });
    this.#holding = entering.then(
      () => undefined,
      () => undefined,
    );
    return entering;
  }

  /** Leaves a source that was only held. */
  drop(held: Origin): void {
    if (this.#held !== held) return;
    this.#held = undefined;
    this.leave(held);
  }

  /** Whether a source is only held; then it is left for another reader. */
  yields(feedKey: string): boolean {
    const held = this.#held;
    if (held === undefined || held.place.feed !== feedKey || this.#moving !== undefined) return false;
    this.drop(held);
    return true;
  }

  /** What is held of what the group plays now. */
  #takeHeld({ address, index }: GroupSource): Origin | undefined {
    const held = this.#held;
    if (held?.index !== index || sourceFeedOf(held.address) !== sourceFeedOf(address)) return undefined;
    this.#held = undefined;
    return held;
  }

  /** What the feed reads from now on; undefined: what it has read. */
  take(): Origin | undefined {
    const next = this.#next;
    this.#next = undefined;
    return next;
  }

  /** The feed is over. */
  close(): void {
    for (const origin of [this.take(), this.#held]) if (origin !== undefined) this.leave(origin);
    this.#held = undefined;
  }

  /** Somebody else may read it. */
  leave(origin: Origin): void {
    origin.close();
    for (const [listener, feedKey] of [...this.#leaveListeners]) if (feedKey === origin.place.feed) listener();
    origin.leave();
  }

  /** As `Leader` has it. */
  onLeave(feedKey: string, listener: () => void): () => void {
    const isRead = [this.#deps.current(), this.#next].some((origin) => origin?.place.feed === feedKey);
    if (isRead || this.#moving !== undefined) this.#leaveListeners.set(listener, feedKey);
    else listener();
    return () => this.#leaveListeners.delete(listener);
  }

  async #move(): Promise<void> {
    const { route, originOf, interrupt, current, isLive, signal } = this.#deps;
    if (route !== undefined && sourceFeedOf(route.source.address) === sourceFeedOf(current().address)) {
      // The group is back before the feed has left.
      const next = this.take();
      if (next !== undefined && next.place.feed !== current().place.feed) this.leave(next);
      else this.#next = next;
      return;
    }
    // For what FFmpeg opens the feed stays while FFmpegs read it, and they leave it.
    while (route !== undefined && this.isElsewhere && !this.isForFfmpeg && !signal.aborted) {
      // What is entered twice would be given up by the one that leaves first.
      await this.#holding;
      const { index, address } = route.source;
      const next = this.#takeHeld(route.source) ?? originOf(address, index, await route.enter(address));
      const isWanted = await this.#delivers(next);
      if (!signal.aborted && route.source.index === index && isWanted) {
        const before = this.#next;
        this.#next = next;
        if (before !== undefined) this.leave(before);
        interrupt();
        return;
      }
      this.leave(next);
      if (signal.aborted) return;
      // The group has moved on meanwhile.
      if (route.source.index !== index) continue;
      if (await route.source.advance(index, { reason: 'transcode_start_error' })) continue;
      // What another worker read until now may well play on here.
      if (isLive() || !current().isOwn) await route.source.goBack(index, current());
      return;
    }
  }

  /**
   * Whether the next source is better than what is read now. It is tried out if it can be had beside that. A provider that
   * allows one connection gets the old one closed first.
   */
  async #delivers(next: Origin): Promise<boolean> {
    const { current, isLive, streamTimeoutMs, log } = this.#deps;
    if (!isLive() || !next.isOwn) return true;
    try {
      await next.connections.stage(streamTimeoutMs);
      return true;
    } catch (error) {
      if (error instanceof OtherKindError) return true;
      log.warn({ err: error, source: maskUrl(next.address.url) }, 'the next source could not be opened');
      return mayBeConnectionLimit(error) && current().isOwn && next.account === current().account;
    }
  }
}
