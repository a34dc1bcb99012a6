/** An answer that costs something, for all who ask within a short time. */

import { type Clock, systemClock } from '../../../../../shared/clock.ts';

const SHORTEST_MS = 1_000;
/** An answer is used for so many times as long as it took: finding it takes a twentieth of the time at the most. */
const SHARE = 20;

export class SharedAnswer<T> {
  readonly #find: () => Promise<T>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #answer: Promise<T> | undefined;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(find: () => Promise<T>, clock: Pick<Clock, 'monotonicMs'> = systemClock) {
    this.#find = find;
    this.#clock = clock;
  }

  /** @throws what finding it has thrown; the next call tries again */
  get(): Promise<T> {
    if (this.#answer === undefined || this.#clock.monotonicMs() >= this.#untilMs) this.#answer = this.#ask();
    return this.#answer;
  }

  async #ask(): Promise<T> {
    const beganMs = this.#clock.monotonicMs();
    // While it is being found, whoever asks waits for the same.
    this.#untilMs = Number.POSITIVE_INFINITY;
    try {
      return await this.#find();
    } catch (error) {
      this.#answer = undefined;
      throw error;
    } finally {
      const nowMs = this.#clock.monotonicMs();
      this.#untilMs = nowMs + Math.max(SHORTEST_MS, SHARE * (nowMs - beganMs));
    }
  }
}
