/** Splits long work into short turns, so that it never blocks this process for long. */

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Short compared with the 20 ms that no viewer notices; long compared with the cost of a turn. */
const TURN_MS = 5;

/** @example for (const each of many) { work(each); if (turns.isOver) await turns.next(); } */
export class Turns {
  #sinceMs = performance.now();

  /** Whether this turn has used its time. */
  get isOver(): boolean {
    return performance.now() - this.#sinceMs >= TURN_MS;
  }

  /** Lets other work run first. */
  async next(): Promise<void> {
    await nextTurn();
    this.#sinceMs = performance.now();
  }
}
