/** Long work in short turns, so that whatever else this process does is never held up by it for long. */

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Little beside the 20 ms that no viewer notices, much beside what a turn costs. */
const TURN_MS = 5;

/** @example for (const each of many) { work(each); if (turns.isOver) await turns.next(); } */
export class Turns {
  #sinceMs = performance.now();

  /** This turn has had its time. */
  get isOver(): boolean {
    return performance.now() - this.#sinceMs >= TURN_MS;
  }

  /** Lets others go on first. */
  async next(): Promise<void> {
    await nextTurn();
    this.#sinceMs = performance.now();
  }
}
