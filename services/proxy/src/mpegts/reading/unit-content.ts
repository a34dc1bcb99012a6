/** A unit's bytes of the elementary stream, without packet and PES headers: for those that read them, or recognise them. */

import { crc32 } from 'node:zlib';
import { PACKET_SIZE, payloadOffset } from '../syntax/packet.ts';
import type { PacketRef } from '../syntax/packet-memory.ts';
import { parsePesHeader } from '../syntax/pes.ts';
import type { Unit } from './units.ts';

type Packets = Pick<Unit, 'packets'>;

/** Number of packets of a video unit in which its parameter sets or first slice must begin. */
const HEAD_PACKETS = 8;
/** How much of a unit is summed up. Two pictures that differ do so here or in their length. */
const SUMMED_BYTES = 2_000;
/** One call of `crc32` costs more than copying a packet, so all is summed up in one piece. */
const scratch = Buffer.allocUnsafeSlow(SUMMED_BYTES);
const SUM_SIZE = 2 ** 32;
/** A number holds 53 bits. */
const MAX_LENGTH = 2 ** 20;

export function elementaryBytes(unit: Packets): Buffer {
  const bytes = Buffer.allocUnsafe(unit.packets.length * PACKET_SIZE);
  return bytes.subarray(0, copyTo(bytes, unit));
}

/** The first bytes, where the headers are. */
export function headOf({ packets }: Packets): Buffer {
  return elementaryBytes({ packets: packets.slice(0, HEAD_PACKETS) });
}

/**
 * Tells pictures from each other: how many bytes there are, and a checksum of the first of them. It stays the same when
 * the unit's times are rewritten on the way, or its packets are filled in another way. An integer of at most 52 bits.
 */
export function contentOf({ packets, dataBytes }: Pick<Unit, 'packets' | 'dataBytes'>): number {
  let copied = 0;
  for (let index = 0; index < packets.length && copied < scratch.length; index++) {
    const { bytes, offset } = packets[index] as PacketRef;
    copied += bytes.copy(scratch, copied, dataOffset(bytes, offset, index), offset + PACKET_SIZE);
  }
  return (dataBytes % MAX_LENGTH) * SUM_SIZE + crc32(scratch.subarray(0, copied));
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
