/** What came of viewers who wanted to play, and how long they waited for their first byte. */

import { type Clock, systemClock } from '../../../shared/clock.ts';
import type { FeedStart } from '../processes/process-feeds.ts';

/**
 * - `ok`: it got its first byte
 * - `full`: 503, because a limit is reached or every worker drains
 * - `refused`: 4xx, because it may not play that, or there is no such stream
 * - `failed`: the stream did not play
 */
export const JOIN_RESULTS = ['ok', 'full', 'refused', 'failed'] as const;

export type JoinResult = (typeof JOIN_RESULTS)[number];

/** Where its media came from: a feed that was here, another worker, or a source that had to be opened. */
export const JOIN_STARTS: readonly FeedStart[] = ['warm', 'relay', 'cold'];

export class Joins {
  readonly #clock: Clock;
  readonly #counts = new Map<JoinResult, number>(JOIN_RESULTS.map((result) => [result, 0]));
  /** When those asked who wait: responses and sessions; monotonic. */
  readonly #askedMs = new WeakMap<object, number>();
  #listener: (start: FeedStart, seconds: number) => void = () => undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** By result; each result is there. */
  get counts(): ReadonlyMap<JoinResult, number> {
    return this.#counts;
  }

  /** Calls back with each first byte. There is one listener. */
  onFirstByte(listener: (start: FeedStart, seconds: number) => void): void {
    this.#listener = listener;
  }

  /** Somebody wants to play. @param who its response, or its session; @param atMs since when, monotonic */
  asked(who: object, atMs = this.#clock.monotonicMs()): void {
    this.#askedMs.set(who, atMs);
  }

  /** It gets its first byte now. Later bytes, and those of somebody who has not asked, do not count. */
  firstByte(who: object, start: FeedStart): void {
    const askedMs = this.#askedMs.get(who);
    if (askedMs === undefined) return;
    this.#askedMs.delete(who);
    this.#count('ok');
    this.#listener(start, (this.#clock.monotonicMs() - askedMs) / 1000);
  }

  /** It gets an error in place of its first byte. @param status of HTTP */
  failed(status: number): void {
    this.#count(status === 503 ? 'full' : status < 500 ? 'refused' : 'failed');
  }

  /** A session is given up. If it has got nothing, its stream has not played, unless another session goes on at once. */
  givenUp(session: object, goesOn: boolean): void {
    if (this.#askedMs.delete(session) && !goesOn) this.#count('failed');
  }

  #count(result: JoinResult): void {
    this.#counts.set(result, (this.#counts.get(result) ?? 0) + 1);
  }
}
