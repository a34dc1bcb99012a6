/** Who is told when the segments of a feed have changed, and who waits for that. */

import type { Clock } from '../../../shared/clock.ts';

export class SegmentChanges {
  readonly #clock: Clock;
  readonly #isOver: () => boolean;
  readonly #listeners = new Set<() => void>();
  #waiting = 0;

  /** @param isOver nothing changes any more */
  constructor(clock: Clock, isOver: () => boolean) {
    this.#clock = clock;
    this.#isOver = isOver;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Calls back at each change. @returns a function that ends the calls */
  on(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Waits until something is there, nothing changes any more, the time is over, or nobody wants it. */
  until(isThere: () => boolean, ms: number, signal: AbortSignal): Promise<void> {
    if (isThere() || this.#isOver() || signal.aborted) return Promise.resolve();
    this.#waiting++;
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting--;
        this.#clock.clearTimeout(timer);
        unsubscribe();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const unsubscribe = this.on(() => {
        if (isThere() || this.#isOver()) end();
      });
      const timer = this.#clock.setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  }
}
