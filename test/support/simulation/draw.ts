/** Random choices for a schedule, the same for the same seed. */

import { pick, seeded } from '../seed.ts';
import { WORKERS, type WorkerName } from './schedule.ts';

export class Draw {
  readonly #random: () => number;
  #lastWorker: WorkerName;

  constructor(seed: number) {
    this.#random = seeded(seed ^ 0x5eed);
    this.#lastWorker = pick(this.#random, WORKERS);
  }

  /** From 0 to 1. */
  share(): number {
    return this.#random();
  }

  is(share: number): boolean {
    return this.#random() < share;
  }

  /** A whole number, both included. */
  between(low: number, high: number): number {
    return Math.round(low + this.#random() * (high - low));
  }

  from<T>(all: readonly T[]): T {
    return pick(this.#random, all);
  }

  /** Two faults of one worker find more than one of each of two. */
  worker(): WorkerName {
    if (this.is(0.6)) this.#lastWorker = this.from(WORKERS);
    return this.#lastWorker;
  }
}
