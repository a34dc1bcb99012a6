/** Remembers the newest random access points of a feed by their content, to know them again in another connection. */

import { PACKET_SIZE, payloadOffset } from './packet.ts';
import { parsePesHeader } from './pes.ts';
import type { Unit } from './program-reader.ts';
import { crc32 } from './psi.ts';
import { TICKS_PER_SECOND, wrapTicks } from './timestamp.ts';

/** What a provider that starts every connection with the past sends again; more would be another beginning of the same. */
const REMEMBERED_TICKS = 15 * TICKS_PER_SECOND;

interface RecentEntry {
  /** Output timeline, not wrapped. */
  readonly dts: number;
  readonly content: number;
}

export class RecentEntries {
  #entries: RecentEntry[] = [];

  /** @param dts where the unit lands on the output timeline, not wrapped */
  add(unit: Unit, dts: number): void {
    this.#entries = this.#entries.filter((entry) => dts - entry.dts < REMEMBERED_TICKS);
    this.#entries.push({ dts, content: contentOf(unit) });
  }

  /** Whether a unit with this content was sent. */
  knows(content: number): boolean {
    return this.#entries.some((entry) => entry.content === content);
  }

  /** When a unit with this content (as `contentOf` has it) was sent, not wrapped; undefined when never, or more than once. */
  timeOf(content: number): number | undefined {
    const same = this.#entries.filter((entry) => entry.content === content);
    return same.length === 1 ? same[0]?.dts : undefined;
  }

  /** Whether this very unit was sent at this time (33 bits) before. */
  has(unit: Unit, ticks: number): boolean {
    const same = this.#entries.find((entry) => wrapTicks(entry.dts) === ticks);
    return same !== undefined && same.content === contentOf(unit);
  }
}

/** CRC of a unit's elementary stream bytes: the PES header is rewritten on the way. */
export function contentOf({ packets }: Unit): number {
  const parts = packets.map(({ bytes, offset }, index) => {
    const end = offset + PACKET_SIZE;
    const start = payloadOffset(bytes, offset);
    const data = index === 0 ? parsePesHeader(bytes, start, end)?.dataOffset : undefined;
    return bytes.subarray(data ?? start, end);
  });
  return crc32(Buffer.concat(parts));
}
