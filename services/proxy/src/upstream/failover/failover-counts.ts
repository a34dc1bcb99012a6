/** How often sources were left, by why. Each kind is there from the start, so that its first time is an increase, too. */

import { LEVEL_TROUBLES, SOURCE_TROUBLES } from './source-trouble.ts';

/** `failed`: it did not open, broke or hung. `manual`: somebody has asked for it. */
const OTHER_KINDS = ['failed', 'manual'] as const;

export class FailoverCounts {
  readonly #counts = new Map<string, number>(
    [...SOURCE_TROUBLES, ...LEVEL_TROUBLES, ...OTHER_KINDS].map((kind) => [kind, 0]),
  );

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** @param reason as the event has it */
  count(reason: string): void {
    const kind = this.#counts.has(reason) ? reason : 'failed';
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }
}
