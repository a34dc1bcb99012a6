/**
 * The memory of rings, in reusable pieces. Fresh memory of this size costs a page fault every 4 KB. It also lies
 * outside the heap, so allocating it makes the garbage collector run for nothing.
 */

import { PACKET_SIZE } from '../mpegts/syntax/packet.ts';

/**
 * About a megabyte: every border between chunks costs every reader one more write. The unfilled part takes no memory.
 */
export const CHUNK_BYTES = PACKET_SIZE * 5576;

/** Unused chunks to keep, over all rings: what ten channels of 5 Mbit/s fill in three seconds. */
const MAX_FREE = 16;

const free: Buffer[] = [];

/**
 * One piece of memory. Its ring holds it, and so does each write from it that is in progress. It is free when nobody
 * holds it.
 */
export class Chunk {
  readonly bytes: Buffer = free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** The ring's own hold. */
  #holds = 1;

  hold(): void {
    this.#holds++;
  }

  /** Call once for each `hold`; the ring calls it once. A missing call only keeps this memory from being reused. */
  release(): void {
    this.#holds--;
    if (this.#holds === 0 && free.length < MAX_FREE) free.push(this.bytes);
  }
}
