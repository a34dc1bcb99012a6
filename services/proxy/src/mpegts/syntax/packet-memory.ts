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

/** A packet that waits. It may move. */
export interface WaitingPacket {
  bytes: Buffer;
  offset: number;
}

/**
 * Moves `packets[from …]`, which came with the last chunk, out of it, unless they are at least half of the memory they
 * keep.
 */
export function leaveChunk(packets: readonly WaitingPacket[], from: number): void {
  const count = packets.length - from;
  if (count <= 0 || 2 * count * PACKET_SIZE >= (packets.at(-1) as WaitingPacket).bytes.buffer.byteLength) return;
  const bytes = Buffer.allocUnsafeSlow(count * PACKET_SIZE);
  for (let at = 0, index = from; index < packets.length; ) {
    const { bytes: chunk, offset: start } = packets[index] as WaitingPacket;
    let end = start;
    // Adjacent packets move together.
    for (; index < packets.length; index++, end += PACKET_SIZE) {
      const packet = packets[index] as WaitingPacket;
      if (packet.bytes !== chunk || packet.offset !== end) break;
      packet.bytes = bytes;
      packet.offset = at + end - start;
    }
    at += chunk.copy(bytes, at, start, end);
  }
}
