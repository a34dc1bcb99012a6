/** Remembers the newest random access points of a feed by their content, to recognise them in another connection. */

import { TICKS_PER_SECOND, wrapTicks } from '../syntax/timestamp.ts';
import { contentOf } from './unit-content.ts';
import type { Unit } from './units.ts';

/**
 * How much a provider sends again when it starts every connection with the past. More than this is a new start of the
 * same media.
 */
const REMEMBERED_TICKS = 15 * TICKS_PER_SECOND;
/** Enough when every picture is a keyframe and one comes each 1/60 s. */
const MAX_REMEMBERED = 1_024;

interface RecentEntry {
  /** On the output timeline, not wrapped. */
  readonly dts: number;
  readonly content: number;
}

export class RecentEntries {
  /** The oldest first. */
  readonly #entries = new Set<RecentEntry>();
  /** DTS of the entries, by content. */
  readonly #timesOf = new Map<number, number[]>();

  /** @param dts the unit's time on the output timeline, not wrapped */
  add(unit: Unit, dts: number): void {
    for (const entry of this.#entries) {
      if (dts - entry.dts < REMEMBERED_TICKS && this.#entries.size < MAX_REMEMBERED) break;
      this.#forget(entry);
    }
    const entry = { dts, content: contentOf(unit) };
    this.#entries.add(entry);
    const times = this.#timesOf.get(entry.content);
    if (times === undefined) this.#timesOf.set(entry.content, [dts]);
    else times.push(dts);
  }

  /** Whether a unit with this content was sent. */
  knows(content: number): boolean {
    return this.#timesOf.has(content);
  }

  /** When a unit with this content (see `contentOf`) was sent, not wrapped; undefined when never or more than once. */
  timeOf(content: number): number | undefined {
    const times = this.#timesOf.get(content);
    return times?.length === 1 ? times[0] : undefined;
  }

  /** Whether exactly this unit was sent before at this time (33 bits). */
  has(unit: Unit, ticks: number): boolean {
    return this.#timesOf.get(contentOf(unit))?.some((dts) => wrapTicks(dts) === ticks) === true;
  }

  #forget(entry: RecentEntry): void {
    this.#entries.delete(entry);
    const times = this.#timesOf.get(entry.content);
    times?.shift();
    if (times?.length === 0) this.#timesOf.delete(entry.content);
  }
}
