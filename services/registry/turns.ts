/** Splits long work into short turns, so that it never blocks this process for long. */

import { type Clock, systemClock } from '../shared/clock.ts';

/** Short compared with the 20 ms that no viewer notices; long compared with the cost of a turn. */
const TURN_MS = 5;

/** @example for (const each of many) { work(each); if (turns.isOver) await turns.next(); } */
export class Turns {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'setImmediate'>;
  #sinceMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'setImmediate'> = systemClock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }

  /** Whether this turn has used its time. */
  get isOver(): boolean {
    return this.#clock.monotonicMs() - this.#sinceMs >= TURN_MS;
  }

  /** Lets other work run first. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.setImmediate(resolve));
    this.#sinceMs = this.#clock.monotonicMs();
  }
}
