/** A unit's bytes of the elementary stream, without packet and PES headers: for those that read them, or recognise them. */

import { createHash } from 'node:crypto';
import { PACKET_SIZE, payloadOffset } from '../syntax/packet.ts';
import { parsePesHeader } from '../syntax/pes.ts';
import type { Unit } from './units.ts';

type Packets = Pick<Unit, 'packets'>;

/** Number of packets of a video unit in which its parameter sets or first slice must begin. */
const HEAD_PACKETS = 8;
/** As many bytes of a hash as fit into a number. */
const HASH_BYTES = 6;
/**
 * Grows to the largest unit. One call of the hash costs more than copying a packet, so a unit is hashed in one piece.
 */
let scratch = Buffer.alloc(0);

export function elementaryBytes(unit: Packets): Buffer {
  const bytes = Buffer.allocUnsafe(unit.packets.length * PACKET_SIZE);
  return bytes.subarray(0, copyTo(bytes, unit));
}

/** The first bytes, where the headers are. */
export function headOf({ packets }: Packets): Buffer {
  return elementaryBytes({ packets: packets.slice(0, HEAD_PACKETS) });
}

/** A 48-bit hash of them. It stays the same when the unit's times are rewritten on the way. */
export function contentOf(unit: Packets): number {
  const most = unit.packets.length * PACKET_SIZE;
  if (scratch.length < most) scratch = Buffer.allocUnsafeSlow(most);
  const bytes = scratch.subarray(0, copyTo(scratch, unit));
  return createHash('sha256').update(bytes).digest().readUIntBE(0, HASH_BYTES);
}

/** @returns how many bytes there are */
function copyTo(target: Buffer, { packets }: Packets): number {
  let length = 0;
  for (const [index, { bytes, offset }] of packets.entries()) {
    const end = offset + PACKET_SIZE;
    const start = payloadOffset(bytes, offset);
    const data = index === 0 ? parsePesHeader(bytes, start, end)?.dataOffset : undefined;
    length += bytes.copy(target, length, data ?? start, end);
  }
  return length;
}
