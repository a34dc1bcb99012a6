/**
 * What packets cost that wait: a packet is a place in the chunk it came with, and keeps all of that in memory. So packets that
 * stay behind move out of a chunk of which they are the smaller part, and all that waits is counted. Bounds what a source that
 * never ends its units can take.
 */

import { PACKET_SIZE } from './packet.ts';

export interface PacketRef {
  readonly bytes: Buffer;
  readonly offset: number;
}

/** No access unit is larger; a stream that never starts a new one is not buffered without end. */
export const MAX_UNIT_PACKETS = Math.floor((8 * 1024 * 1024) / PACKET_SIZE);
/** All units under way of one input. */
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

/** Moves `packets[from …]`, which came with the last chunk, out of it unless they are at least half of what they keep in memory. */
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
