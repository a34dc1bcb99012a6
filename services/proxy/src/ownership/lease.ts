/**
 * This worker's lease. It says whether the worker still owns its feeds. Each read of an owned feed's input checks it, so that a
 * worker that stood still passes nothing on before it knows.
 */

import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';
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
  readonly #clock: Clock;
  #awakeSinceMs: number;
  #tickMs: number;
  #ticker: Timer | undefined;
  #confirmation: Deferred<void> = deferred();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#awakeSinceMs = clock.monotonicMs();
    this.#tickMs = this.#awakeSinceMs;
  }

  get state(): LeaseState {
    const nowMs = this.#clock.monotonicMs();
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
    this.#noteStandstill(this.#clock.monotonicMs());
    return this.#awakeSinceMs;
  }

  /** Resolves with the next successful renewal. */
  confirmed(): Promise<void> {
    return this.#confirmation.promise;
  }

  /** Notices from now on when this process stands still. */
  start(): void {
    this.#tickMs = this.#clock.monotonicMs();
    this.#ticker = this.#clock.setInterval(() => {
      const nowMs = this.#clock.monotonicMs();
      this.#noteStandstill(nowMs);
      this.#tickMs = nowMs;
    }, TICK_MS);
  }

  stop(): void {
    this.#clock.clearInterval(this.#ticker);
  }

  /**
   * The registry has answered a renewal.
   *
   * @param deadlineMs until when the lease is held, monotonic
   */
  renewed(deadlineMs: number): void {
    this.#reachable = true;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < deadlineMs) this.#stoodStill = false;
    else this.#noteStandstill(nowMs);
    this.#deadlineMs = deadlineMs;
    // An answer from before a standstill says nothing about the time since: another worker may own the feeds by now.
    if (this.#stoodStill) return;
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
