/**
 * This worker's lease. It says whether the worker still owns its feeds. Each read of an owned feed's input checks it, so that a
 * worker that stood still passes nothing on before it knows.
 */

import { type Deferred, deferred } from '../async.ts';
import { STANDSTILL_MS } from '../timing.ts';

/**
 * `held`: renewed in time. `unconfirmed`: the registry does not answer, or too slowly; running streams go on. `in_doubt`:
 * this process stood still past its deadline, so another worker may own its feeds by now.
 */
export type LeaseState = 'held' | 'unconfirmed' | 'in_doubt';

const TICK_MS = 100;

export class Lease {
  #deadlineMs = 0;
  #reachable = true;
  #stoodStill = false;
  #awakeSinceMs = performance.now();
  #tickMs = performance.now();
  #ticker: NodeJS.Timeout | undefined;
  #confirmation: Deferred<void> = deferred();

  get state(): LeaseState {
    const nowMs = performance.now();
    if (nowMs < this.#deadlineMs) return 'held';
    this.#noteStandstill(nowMs);
    return this.#stoodStill ? 'in_doubt' : 'unconfirmed';
  }

  /** Whether the registry answers. */
  get reachable(): boolean {
    return this.#reachable;
  }

  /** Since when this process has run without standing still, monotonic. It may have missed earlier messages. */
  get awakeSinceMs(): number {
    this.#noteStandstill(performance.now());
    return this.#awakeSinceMs;
  }

  /** Resolves with the next successful renewal. */
  confirmed(): Promise<void> {
    return this.#confirmation.promise;
  }

  /** Notices from now on when this process stands still. */
  start(): void {
    this.#tickMs = performance.now();
    this.#ticker = setInterval(() => {
      const nowMs = performance.now();
      this.#noteStandstill(nowMs);
      this.#tickMs = nowMs;
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.#ticker);
  }

  /**
   * The registry has answered a renewal.
   *
   * @param deadlineMs until when the lease is held, monotonic
   */
  renewed(deadlineMs: number): void {
    this.#reachable = true;
    // An answer from before a standstill says nothing about the time since.
    if (performance.now() < deadlineMs) this.#stoodStill = false;
    this.#deadlineMs = deadlineMs;
    this.#confirmation.resolve();
    this.#confirmation = deferred();
  }

  /** The registry has not answered a renewal. */
  unanswered(): void {
    this.#reachable = false;
  }

  /** A late read also calls this if it runs before the late tick. */
  #noteStandstill(nowMs: number): void {
    if (this.#ticker === undefined || nowMs - this.#tickMs <= STANDSTILL_MS) return;
    this.#stoodStill = true;
    this.#awakeSinceMs = nowMs;
  }
}
