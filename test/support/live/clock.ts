/** What a live source tells the time by: this process's clock, or one that only goes on when a test says so. */

export interface LiveClock {
  /** Milliseconds. */
  now(): number;
  /** @returns what ends it */
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
 * However busy the machine is, a source on this clock sends the same.
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

  /** Goes on by so many milliseconds, one tick after the other. */
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
