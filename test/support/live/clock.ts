/** The clock of a live source: this process's clock, or one that only advances when a test says so. */

export interface LiveClock {
  /** Milliseconds. */
  now(): number;
  /** @returns a function that stops it */
  every(ms: number, tick: () => void): () => void;
}

export const REAL_CLOCK: LiveClock = {
  now: () => performance.now(),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    return () => clearInterval(timer);
  },
};

/**
 * With this clock a source sends the same bytes, however busy the machine is.
 *
 * @example
 * const clock = new ManualClock();
 * const source = await startLiveSource({}, clock);
 * clock.advance(2_000);
 */
export class ManualClock implements LiveClock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly everyMs: number; readonly tick: () => void; dueMs: number }>();

  now(): number {
    return this.#nowMs;
  }

  every(everyMs: number, tick: () => void): () => void {
    const timer = { everyMs, tick, dueMs: this.#nowMs + everyMs };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Advances by this many milliseconds, one tick after the other. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = next.dueMs;
      next.dueMs += next.everyMs;
      next.tick();
    }
    this.#nowMs = endMs;
  }
}
