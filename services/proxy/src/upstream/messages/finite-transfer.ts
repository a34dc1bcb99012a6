/** How much of a file has been transferred, and whether another connection can continue at the right byte. Pure. */
import { type ContentRange, parseContentLength, parseContentRange } from './byte-range.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The request for the rest of a file. */
export interface Part {
  readonly range: string;
  readonly ifRange: string | undefined;
}

export class FiniteTransfer {
  readonly #first: Answer;
  readonly #range: ContentRange | undefined;
  /** Offset in the file of the next byte. */
  #position: number;
  /** The last wanted byte, inclusive; undefined when the source did not say. */
  readonly #end: number | undefined;
  readonly #total: number | undefined;

  /** @param first the answer that the viewer got */
  constructor(first: Answer) {
    this.#first = first;
    this.#range = first.status === 206 ? parseContentRange(first.headers['content-range']) : undefined;
    this.#position = this.#range?.start ?? 0;
    const length = parseContentLength(first.headers['content-length']);
    this.#end = this.#range?.end ?? (length === undefined ? undefined : length - 1);
    this.#total = this.#range === undefined ? length : this.#range.total;
  }

  advance(bytes: number): void {
    this.#position += bytes;
  }

  /** Whether every byte has come. False when the source never said how many there are. */
  get complete(): boolean {
    return this.#end !== undefined && this.#position > this.#end;
  }

  get lengthKnown(): boolean {
    return this.#end !== undefined;
  }

  /** The next request; undefined when nothing would prove that it is still the same file. */
  get resume(): Part | undefined {
    // A 206 without a usable Content-Range says nothing about its position in the file.
    if (this.#first.status === 206 && this.#range === undefined) return undefined;
    const validator = this.#validator;
    if (validator === undefined && this.#total === undefined) return undefined;
    return { range: `bytes=${this.#position}-${this.#end ?? ''}`, ifRange: validator };
  }

  /** Whether an answer to `resume` continues exactly at this position of the same file. */
  continuesWith(answer: Answer): boolean {
    if (answer.status !== 206) return false;
    const range = parseContentRange(answer.headers['content-range']);
    if (range === undefined || range.start !== this.#position) return false;
    if (this.#end !== undefined && range.end > this.#end) return false;
    if (this.#total !== undefined && range.total !== undefined && range.total !== this.#total) return false;
    return ['etag', 'last-modified'].every((name) => {
      const [before, now] = [this.#first.headers[name], answer.headers[name]];
      return before === undefined || now === undefined || before === now;
    });
  }

  /** Whether an answer to `resume` says that the file ends at this position. */
  endsHere({ status, headers }: Answer): boolean {
    if (status !== 416 || this.#end !== undefined) return false;
    const size = /^bytes\s+\*\/(\d+)$/i.exec(headers['content-range']?.trim() ?? '')?.[1];
    return size !== undefined && Number(size) === this.#position;
  }

  /** A strong ETag, else the date. Weak ETags do not promise the same bytes. */
  get #validator(): string | undefined {
    const etag = this.#first.headers.etag;
    return etag?.startsWith('"') ? etag : this.#first.headers['last-modified'];
  }
}
