/** Bytes that came in chunks of any size and are taken in pieces of a known size, without copying the media. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Bytes that are waiting. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first `count` bytes, left where they are; fewer when fewer are waiting. Meant for headers: it may copy. */
  peek(count: number): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= count) return first.subarray(0, count);
    const pieces: Buffer[] = [];
    let missing = Math.min(count, this.#length);
    for (const chunk of this.#chunks) {
      if (missing === 0) break;
      const piece = chunk.subarray(0, missing);
      pieces.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** Removes the first `count` bytes and answers them as they came; all that wait if they are fewer. */
  take(count: number): Buffer[] {
    const taken: Buffer[] = [];
    let missing = Math.min(count, this.#length);
    this.#length -= missing;
    let whole = 0;
    for (const chunk of this.#chunks) {
      if (missing === 0) break;
      taken.push(chunk.subarray(0, missing));
      if (chunk.length > missing) {
        this.#chunks[whole] = chunk.subarray(missing);
        break;
      }
      missing -= chunk.length;
      whole += 1;
    }
    this.#chunks.splice(0, whole);
    return taken;
  }
}
