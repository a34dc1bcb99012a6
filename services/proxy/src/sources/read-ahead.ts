/** Reads a provider that sends faster than real time more slowly, so that it cannot push viewers out of the ring. */

import type { Clock } from '../../../shared/clock.ts';
import { pauseBy } from '../async.ts';
import type { Ring } from '../feed/ring.ts';

/** Beyond this lead over real time the worker waits. */
const MAX_LEAD_MS = 15_000;
const LEAD_PAUSE_MS = 250;

export class ReadAhead {
  readonly #ring: Ring;
  readonly #clock: Clock;
  #startedAtMs: number | undefined;
  #startedMediaMs = 0;

  constructor(ring: Ring, clock: Clock) {
    this.#ring = ring;
    this.#clock = clock;
  }

  /** Waits while too much media is there, at most until `goesOn` is false or the signal is aborted. */
  async wait(goesOn: () => boolean, signal: AbortSignal): Promise<void> {
    while (this.#leadMs() > MAX_LEAD_MS && goesOn() && !signal.aborted)
      await pauseBy(this.#clock, LEAD_PAUSE_MS, signal);
  }

  /** How far the received media is ahead of the time that has passed since its start. */
  #leadMs(): number {
    const ring = this.#ring;
    if (ring.entries.length === 0) return 0;
    if (this.#startedAtMs === undefined) {
      this.#startedAtMs = this.#clock.monotonicMs();
      this.#startedMediaMs = ring.headMs;
    }
    return ring.headMs - this.#startedMediaMs - (this.#clock.monotonicMs() - this.#startedAtMs);
  }
}
