/**
 * The memory of rings, in pieces that are used again: fresh memory of this size costs a page fault every 4 KB and, since it lies
 * outside the heap, makes the garbage collector run for nothing.
 */

import { PACKET_SIZE } from '../mpegts/syntax/packet.ts';

/** A megabyte: every border costs every reader a further write. What is not filled yet takes no memory. */
export const CHUNK_BYTES = PACKET_SIZE * 5576;

/** Unused chunks that are kept, of all rings together: what ten channels of 5 Mbit/s fill in three seconds. */
const MAX_FREE = 16;

const free: Buffer[] = [];

/** One piece, held by its ring and by each write that is under way from it; free when nobody holds it. */
export class Chunk {
  readonly bytes: Buffer = free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** The ring's own. */
  #holds = 1;

  hold(): void {
    this.#holds++;
  }

  /** To be called once for each `hold`, and once by the ring. A holder that never calls it costs only the use of this memory again. */
  release(): void {
    this.#holds--;
    if (this.#holds === 0 && free.length < MAX_FREE) free.push(this.bytes);
  }
}
