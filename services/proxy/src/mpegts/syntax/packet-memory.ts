/**
 * Bounds the memory of waiting packets, so that a source that never ends its units cannot take it all. A packet is a
 * position in the chunk that it came in, and keeps the whole chunk in memory. Packets that stay therefore move out of a
 * chunk of which they are the smaller part. All waiting packets are counted.
 */

import { PACKET_SIZE } from './packet.ts';

export interface PacketRef {
  readonly bytes: Buffer;
  readonly offset: number;
}

/** No access unit is larger. A longer unit is not buffered further. */
export const MAX_UNIT_PACKETS = Math.floor((8 * 1024 * 1024) / PACKET_SIZE);
/** Limit for all current units of one input. */
const MAX_WAITING_PACKETS = Math.floor((12 * 1024 * 1024) / PACKET_SIZE);

/** Packets of one input that wait for the end of their units. */
export class WaitingPackets {
  #count = 0;

  get isFull(): boolean {
    return this.#count >= MAX_WAITING_PACKETS;
  }

  add(): void {
    this.#count++;
  }

  remove(count: number): void {
    this.#count -= count;
  }
}

/**
 * Moves `packets[from …]`, which came with the last chunk, out of it, unless they are at least half of the memory they
 * keep.
 */
export function leaveChunk<P extends PacketRef>(packets: P[], from: number): void {
  const fresh = packets.slice(from);
  const newest = fresh.at(-1);
  if (newest === undefined || 2 * fresh.length * PACKET_SIZE >= newest.bytes.buffer.byteLength) return;
  const bytes = Buffer.allocUnsafeSlow(fresh.length * PACKET_SIZE);
  for (const [index, packet] of fresh.entries()) {
    const offset = index * PACKET_SIZE;
    packet.bytes.copy(bytes, offset, packet.offset, packet.offset + PACKET_SIZE);
    packets[from + index] = { ...packet, bytes, offset };
  }
}
