/** What ran throughout: the FFmpegs of each stream, seen from outside, and for how long there were two of one. */

import { allProcesses, ffmpegProcesses } from '../support/processes.ts';
import type { Worker } from '../support/worker.ts';

const INTERVAL_MS = 100;

export class Census {
  readonly #workers: readonly Worker[];
  readonly #marks: readonly string[];
  readonly #timer: NodeJS.Timeout;
  /** Most at one time, by mark. */
  readonly most = new Map<string, number>();
  /** Longest time with more than one, in ms; as much as a look more. */
  longestDoubleMs = 0;
  /** When there was at most one, for the last time. */
  readonly #singleAtMs = new Map<string, number>();

  /**
   * @param workers a list that may grow
   * @param marks what only the FFmpegs of one stream have among their arguments
   */
  constructor(workers: readonly Worker[], marks: readonly string[]) {
    this.#workers = workers;
    this.#marks = marks;
    this.#timer = setInterval(() => this.#count(), INTERVAL_MS);
  }

  /** How many there are of each stream now. */
  now(): Map<string, number> {
    const sessions = new Set(this.#workers.map(({ pid }) => pid));
    const ours = ffmpegProcesses(allProcesses()).filter(
      ({ session, args }) => sessions.has(session) && args.includes('-i'),
    );
    return new Map(this.#marks.map((mark) => [mark, ours.filter(({ args }) => args.includes(mark)).length]));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #count(): void {
    const nowMs = performance.now();
    for (const [mark, count] of this.now()) {
      this.most.set(mark, Math.max(this.most.get(mark) ?? 0, count));
      if (count <= 1) this.#singleAtMs.set(mark, nowMs);
      else this.longestDoubleMs = Math.max(this.longestDoubleMs, nowMs - (this.#singleAtMs.get(mark) ?? nowMs));
    }
  }
}
