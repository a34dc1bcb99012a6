/** What goes out to all viewers, as bits a second over the last seconds. */

import type { StreamSummary } from '../../../../../registry/registry.ts';

/** The workers write their counters once a second, each at its own moment. */
const WINDOW_MS = 5_000;
const SHORTEST_MS = 900;

interface Sample {
  readonly atMs: number;
  /** Stream → bytes to its viewers so far. */
  readonly bytes: ReadonlyMap<string, number>;
}

export class EgressRate {
  #samples: Sample[] = [];

  /**
   * Takes what has been served so far.
   *
   * @param nowMs monotonic
   * @returns undefined until there is something to compare it with
   */
  next(summaries: ReadonlyMap<string, StreamSummary>, nowMs: number): number | undefined {
    const bytes = new Map([...summaries].map(([id, { bytesServed }]) => [id, bytesServed]));
    this.#samples = this.#samples.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    const [before] = this.#samples;
    this.#samples.push({ atMs: nowMs, bytes });
    if (before === undefined || nowMs - before.atMs < SHORTEST_MS) return undefined;
    let sum = 0;
    for (const [id, served] of bytes) {
      const then = before.bytes.get(id);
      // A stream that was not there has had an unknown past, and one that was made anew begins at 0.
      if (then !== undefined && served > then) sum += served - then;
    }
    return (sum * 8_000) / (nowMs - before.atMs);
  }

  clear(): void {
    this.#samples = [];
  }
}
