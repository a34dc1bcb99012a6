/**
 * How often refused calls may read the token's secret again. A caller with a token that was rotated a moment ago must not be
 * refused, and a caller that guesses tokens must not cause a bill. So there are some reads at once, and then one now and then.
 */

/** As many refused calls in a row read the secret. */
const AT_ONCE = 10;
/** Then one in this time: 520,000 a month for somebody who guesses all the time, for $2.60. */
const EVERY_MS = 5_000;

export class Rereads {
  readonly #now: () => number;
  #left = AT_ONCE;
  #countedAtMs: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#countedAtMs = now();
  }

  /** Whether this call may read it. */
  take(): boolean {
    const nowMs = this.#now();
    const gained = Math.floor(Math.max(0, nowMs - this.#countedAtMs) / EVERY_MS);
    this.#left = Math.min(AT_ONCE, this.#left + gained);
    this.#countedAtMs = this.#left === AT_ONCE ? nowMs : this.#countedAtMs + gained * EVERY_MS;
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
