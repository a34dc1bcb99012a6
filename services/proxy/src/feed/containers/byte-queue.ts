/** Takes bytes in chunks of any size and returns pieces of a known size, without copying the media. */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Waiting bytes. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first `count` bytes, without removing them, or all if fewer wait. For headers: it may copy. */
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

  /** Removes and returns the first `count` bytes, in the pieces in which they came, or all if fewer wait. */
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
