/** Cuts live MPEG-TS at packet boundaries, so that one connection's bytes can follow another's. Pure. */

const PACKET_BYTES = 188;
const SYNC_BYTE = 0x47;

export class PacketAligner {
  #rest: Buffer = Buffer.alloc(0);
  #synced = false;

  /** The whole packets so far. Bytes outside packets are dropped; an incomplete packet waits for the next call. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pieces: Buffer[] = [];
    let from = 0;
    let at = 0;
    while (at + PACKET_BYTES <= bytes.length) {
      if (this.#isPacket(bytes, at)) {
        this.#synced = true;
        at += PACKET_BYTES;
        continue;
      }
      this.#synced = false;
      if (at > from) pieces.push(bytes.subarray(from, at));
      at += 1;
      from = at;
    }
    if (at > from) pieces.push(bytes.subarray(from, at));
    // A copy, because a few bytes should not keep a whole chunk in memory.
    this.#rest = Buffer.from(bytes.subarray(at));
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }

  /** When searching for a boundary, one sync byte proves nothing. The next packet must have one too, if it is here. */
  #isPacket(bytes: Buffer, at: number): boolean {
    if (bytes[at] !== SYNC_BYTE) return false;
    const next = bytes[at + PACKET_BYTES];
    return this.#synced || next === undefined || next === SYNC_BYTE;
  }
}
