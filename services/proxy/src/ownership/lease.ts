/**
 * This worker's lease. It says whether the worker still owns its feeds. Each read of an owned feed's input checks it, so that a
 * worker that stood still passes nothing on before it knows.
 */

import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';
import { type Deferred, deferred } from '../async.ts';
import { STANDSTILL_MS } from '../timing.ts';

/**
 * `held`: renewed in time. `unconfirmed`: the registry does not answer, or too slowly; running streams go on. `in_doubt`:
 * this process stood still until its deadline was over or near, so another worker may own its feeds by now.
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
  /** A renewal that was sent since this process last stood still had no answer, and none after it had one. */
  #isAway = false;
  /** It was held, and has run out. */
  #isLost = true;
  #losses = 0;
  #refusal: Deferred<void> = deferred();

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

  /** How often the lease has run out before its next renewal was answered, since the start. */
  get losses(): number {
    return this.#losses;
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

  /**
   * Whether the registry answers the next renewal. False at once when it did not answer one that was sent since this
   * process last stood still.
   */
  answered(): Promise<boolean> {
    if (this.#isAway) return Promise.resolve(false);
    return Promise.race([this.#confirmation.promise.then(() => true), this.#refusal.promise.then(() => false)]);
  }

  /** Notices from now on when this process stands still. */
  start(): void {
    this.#tickMs = this.#clock.monotonicMs();
    this.#ticker = this.#clock.setInterval(() => {
      const nowMs = this.#clock.monotonicMs();
      this.#noteStandstill(nowMs);
      this.#noteLoss(nowMs);
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
    this.#isAway = false;
    const nowMs = this.#clock.monotonicMs();
    this.#noteLoss(nowMs);
    if (nowMs < deadlineMs) this.#stoodStill = false;
    else this.#noteStandstill(nowMs);
    this.#deadlineMs = deadlineMs;
    this.#isLost = nowMs >= deadlineMs;
    // An answer from before a standstill says nothing about the time since: another worker may own the feeds by now.
    if (this.#stoodStill) return;
    this.#confirmation.resolve();
    this.#confirmation = deferred();
  }

  /**
   * The registry has not answered a renewal.
   *
   * @param sentMs monotonic; one from before a standstill may have been answered meanwhile
   */
  unanswered(sentMs: number): void {
    this.#reachable = false;
    this.#noteStandstill(this.#clock.monotonicMs());
    if (sentMs < this.#awakeSinceMs) return;
    this.#isAway = true;
    this.#refusal.resolve();
    this.#refusal = deferred();
  }

  #noteLoss(nowMs: number): void {
    if (this.#isLost || nowMs < this.#deadlineMs) return;
    this.#isLost = true;
    this.#losses++;
  }

  /** A late read also calls this if it runs before the late tick. */
  #noteStandstill(nowMs: number): void {
    if (this.#ticker === undefined || nowMs - this.#tickMs <= STANDSTILL_MS) return;
    this.#awakeSinceMs = nowMs;
    this.#isAway = false;
    // With this much of the lease left, the registry gets to answer before it ends. If it does not, it is away.
    if (nowMs > this.#deadlineMs - STANDSTILL_MS) this.#stoodStill = true;
  }
}
