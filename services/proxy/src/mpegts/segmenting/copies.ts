/** Copies of what a ring may drop, in large pieces of memory: one for each copy would make the garbage collector run. */

import { PACKET_SIZE } from '../syntax/packet.ts';

const PIECE_BYTES = 1_400 * PACKET_SIZE;

export class Copies {
  #piece: Buffer = Buffer.alloc(0);
  #used = 0;

  /** It is free when nobody holds it or another copy of the same piece. */
  of(bytes: Buffer): Buffer {
    if (this.#used + bytes.length > this.#piece.length) {
      this.#piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, bytes.length));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += bytes.copy(this.#piece, from);
    return this.#piece.subarray(from, this.#used);
  }
}
