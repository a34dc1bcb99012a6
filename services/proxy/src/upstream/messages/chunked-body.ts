/** Parses a chunked body as players do: a line may end in LF alone, and text after a size is ignored. Pure. */
import { UnreadableAnswer } from './lenient-head.ts';

/** Limit for a size line with its extensions. */
const MAX_LINE_BYTES = 16 * 1024;

export class ChunkedDecoder {
  /** Bytes that are left of the current chunk. */
  #left = 0;
  #line: Buffer = Buffer.alloc(0);
  #done = false;

  /** The last chunk has come. */
  get done(): boolean {
    return this.#done;
  }

  /** The payload in `bytes`, without copies. @throws {UnreadableAnswer} for a chunk without a size */
  push(bytes: Buffer): Buffer[] {
    const payload: Buffer[] = [];
    for (let at = 0; at < bytes.length && !this.#done; ) {
      if (this.#left > 0) {
        const part = bytes.subarray(at, at + this.#left);
        payload.push(part);
        this.#left -= part.length;
        at += part.length;
        continue;
      }
      const end = bytes.indexOf(0x0a, at);
      const piece = bytes.subarray(at, end < 0 ? bytes.length : end);
      at = end < 0 ? bytes.length : end + 1;
      this.#line = Buffer.concat([this.#line, piece]);
      if (this.#line.length > MAX_LINE_BYTES) throw unreadable();
      if (end >= 0) this.#size();
    }
    return payload;
  }

  #size(): void {
    const text = this.#line.toString('latin1').trim();
    this.#line = Buffer.alloc(0);
    // The end of the line after the last chunk.
    if (text === '') return;
    const size = Number.parseInt(/^[0-9a-f]+/i.exec(text)?.[0] ?? '', 16);
    if (!Number.isSafeInteger(size)) throw unreadable();
    this.#left = size;
    this.#done = size === 0;
  }
}

function unreadable(): UnreadableAnswer {
  return new UnreadableAnswer('A chunk has no size.', 'HPE_INVALID_CHUNK_SIZE');
}
