/** Moves the times in a unit from its input's clock to the output timeline. */

import { packetsOf } from '../reading/track-reader.ts';
import type { Unit } from '../reading/units.ts';
import { movedSection } from '../syntax/clock-sections.ts';
import type { PacketRef } from '../syntax/packet-memory.ts';
import { packetizeSection } from '../syntax/psi.ts';
import { writeTimestamp } from '../syntax/timestamp.ts';

/**
 * The unit's packets with moved times. PTS and DTS are rewritten in place; a section is packetized anew.
 * @param pid of the track in the output
 * @param shift in ticks
 */
export function movedPackets(unit: Unit, pid: number, shift: number): readonly PacketRef[] {
  const { section, packets } = unit;
  moveTimestamps(unit, shift);
  return section === undefined ? packets : packetsOf(packetizeSection(movedSection(section, shift), pid, 0));
}

function moveTimestamps({ packets, pts, dts, ptsOffset, dtsOffset }: Unit, shift: number): void {
  const [first] = packets;
  if (first === undefined || shift === 0) return;
  if (pts !== undefined && ptsOffset !== undefined) writeTimestamp(first.bytes, first.offset + ptsOffset, pts + shift);
  if (dts !== undefined && dtsOffset !== undefined) writeTimestamp(first.bytes, first.offset + dtsOffset, dts + shift);
}
