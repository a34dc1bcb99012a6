/** A unit's bytes of the elementary stream, without packet and PES headers: for those that read them, or recognise them. */

import { hash } from 'node:crypto';
import { PACKET_SIZE, payloadOffset } from '../syntax/packet.ts';
import { parsePesHeader } from '../syntax/pes.ts';
import type { Unit } from './units.ts';

type Packets = Pick<Unit, 'packets'>;

/** Number of packets of a video unit in which its parameter sets or first slice must begin. */
const HEAD_PACKETS = 8;
/** As many hexadecimal digits of a hash as fit into a number. */
const HASH_DIGITS = 12;
/** How much of a unit is hashed, besides its length. Two pictures that differ do so in either of the two. */
const HASHED_BYTES = 2_000;
/** One call of the hash costs more than copying a packet, so all is hashed in one piece. The length stands in front. */
const LENGTH_BYTES = 4;
const scratch = Buffer.allocUnsafeSlow(LENGTH_BYTES + HASHED_BYTES);

export function elementaryBytes(unit: Packets): Buffer {
  const bytes = Buffer.allocUnsafe(unit.packets.length * PACKET_SIZE);
  return bytes.subarray(0, copyTo(bytes, unit));
}

/** The first bytes, where the headers are. */
export function headOf({ packets }: Packets): Buffer {
  return elementaryBytes({ packets: packets.slice(0, HEAD_PACKETS) });
}

/**
 * A 48-bit hash of how many there are, and of the first of them. It stays the same when the unit's times are rewritten
 * on the way, or its packets are filled in another way.
 */
export function contentOf(unit: Packets): number {
  let length = 0;
  let hashed = LENGTH_BYTES;
  let index = 0;
  for (const { bytes, offset } of unit.packets) {
    const start = dataOffset(bytes, offset, index++);
    const end = offset + PACKET_SIZE;
    length += end - start;
    if (hashed < scratch.length) hashed += bytes.copy(scratch, hashed, start, end);
  }
  scratch.writeUInt32BE(length, 0);
  return Number.parseInt(hash('sha256', scratch.subarray(0, hashed), 'hex').slice(0, HASH_DIGITS), 16);
}

/** @returns how many bytes there are */
function copyTo(target: Buffer, { packets }: Packets): number {
  let length = 0;
  let index = 0;
  for (const { bytes, offset } of packets) {
    length += bytes.copy(target, length, dataOffset(bytes, offset, index++), offset + PACKET_SIZE);
  }
  return length;
}

/** Where the bytes of the elementary stream begin in a packet, the first or a later one of its unit. */
function dataOffset(bytes: Buffer, offset: number, index: number): number {
  const start = payloadOffset(bytes, offset);
  const data = index === 0 ? parsePesHeader(bytes, start, offset + PACKET_SIZE)?.dataOffset : undefined;
  return data ?? start;
}
