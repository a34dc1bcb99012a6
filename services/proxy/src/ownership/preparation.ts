/**
 * What a handover to this worker needs, from the owner's request until it is taken or dropped. Either may happen while it is
 * still being made: owners die in the middle of a handover.
 */

import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';

export class Preparation<T> {
  readonly #make: () => Promise<T>;
  readonly #close: (made: T) => void;
  readonly #clock: Clock;
  #made: Promise<T> | undefined;
  #expiry: Timer | undefined;

  /** @param close closes what was made and is not needed */
  constructor(make: () => Promise<T>, close: (made: T) => void, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#make = make;
    this.#close = close;
  }

  /**
   * Returns what is there or being made; otherwise starts making it.
   * @throws the error of making it; the next call tries again
   */
  async ready(): Promise<T> {
    const making = this.#made ?? this.#make();
    this.#made = making;
    try {
      return await making;
    } catch (error) {
      if (this.#made === making) this.#forget();
      throw error;
    }
  }

  /** Drops it unless it is taken within this time, in ms. */
  keepFor(ms: number): void {
    if (this.#made === undefined) return;
    this.#clock.clearTimeout(this.#expiry);
    this.#expiry = this.#clock.setTimeout(() => this.drop(), ms).unref();
  }

  /** Passes what is there or being made to the caller; undefined when there is nothing, or making it failed. */
  async take(): Promise<T | undefined> {
    return this.#forget()?.catch(() => undefined);
  }

  /** Closes it. */
  drop(): void {
    void this.#forget()?.then(this.#close, () => undefined);
  }

  #forget(): Promise<T> | undefined {
    const made = this.#made;
    this.#made = undefined;
    this.#clock.clearTimeout(this.#expiry);
    return made;
  }
}
