/** Cuts bytes into aligned 188-byte packets. Finds the packet boundary again after damage. */

import { PACKET_SIZE, SYNC_BYTE } from './packet.ts';

export class Packetizer {
  #rest: Buffer = Buffer.alloc(0);
  #synced = false;
  /** Bytes pushed so far. */
  #pushed = 0;

  /**
   * Calls `onPacket` for every whole packet; `position` is the number of bytes pushed before it. The packets stay in
   * `chunk`, or in a copy when one spans two chunks. The caller gives `chunk` away, so packets may be rewritten in
   * place.
   *
   * @param onPacket returns true when the other packets of `chunk` need not be looked at
   */
  push(chunk: Buffer, onPacket: (bytes: Buffer, offset: number, position: number) => unknown): void {
    let at = 0;
    let position = this.#pushed;
    this.#pushed += chunk.length;
    if (this.#rest.length > 0) {
      const missing = PACKET_SIZE - this.#rest.length;
      const isBoundary = this.#synced && this.#rest[0] === SYNC_BYTE && chunk[missing] === SYNC_BYTE;
      if (isBoundary) {
        const joined = Buffer.concat([this.#rest, chunk.subarray(0, missing)]);
        this.#rest = Buffer.alloc(0);
        onPacket(joined, 0, position - (PACKET_SIZE - missing));
        at = missing;
      } else {
        position -= this.#rest.length;
        chunk = Buffer.concat([this.#rest, chunk]);
        this.#rest = Buffer.alloc(0);
      }
    }
    while (at + PACKET_SIZE <= chunk.length) {
      if (!this.#isBoundary(chunk, at)) {
        this.#synced = false;
        at++;
        continue;
      }
      this.#synced = true;
      const isEnough = onPacket(chunk, at, position + at) === true;
      at += PACKET_SIZE;
      if (isEnough) at = chunk.length - ((chunk.length - at) % PACKET_SIZE);
    }
    this.#rest = Buffer.from(chunk.subarray(at));
  }

  /** Out of sync, one 0x47 proves nothing. The next packet has to start with one as well, if it is here. */
  #isBoundary(bytes: Buffer, at: number): boolean {
    if (bytes[at] !== SYNC_BYTE) return false;
    if (this.#synced) return true;
    const next = bytes[at + PACKET_SIZE];
    return next === undefined || next === SYNC_BYTE;
  }
}
