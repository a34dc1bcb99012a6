/**
 * One answer of a provider that several viewers read while it arrives, each at its own pace. Whoever comes later gets it from the
 * first byte on.
 */

import { SourceError } from '../../errors.ts';

export interface MediaHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Bytes that one side reads in order. */
export interface MediaBody {
  /** The next bytes; undefined at the end. @throws {SourceError} when the provider breaks off */
  read(): Promise<Buffer | undefined>;
  /** What has come beyond that already, of so many bytes at most. Unset: nobody knows. */
  ready?(maxBytes: number): readonly Buffer[];
  /** All of it, if every byte is here already, none was read, and it is not longer than that. Then nobody reads on. Unset: nobody knows. */
  whole?(maxBytes: number): Buffer | undefined;
  /** Nobody reads it any more. */
  close(): void;
}

export interface Media {
  readonly head: MediaHead;
  readonly body: MediaBody;
}

interface Reader {
  /** How many chunks it has taken. */
  taken: number;
  /** When it took the last one, or began; monotonic ms. */
  tookMs: number;
  isGivenUp: boolean;
  /** It was in the middle of these when they were joined. */
  chunks: readonly Buffer[] | undefined;
}

/** It comes in pieces of 64 KB at most. Larger ones cost less to send. */
const PIECE_BYTES = 512 * 1024;
/** Of media that is too long to be kept, all readers wait for the slowest. For one that takes nothing they wait so long. */
const WAITED_MS = 2_000;

export class SharedMedia {
  readonly head: MediaHead;
  readonly #body: MediaBody;
  readonly #maxBytes: number;
  readonly #onSettled: () => void;
  #chunks: Buffer[] = [];
  /** Chunks that every reader has taken and that are no longer held. */
  #dropped = 0;
  #heldBytes = 0;
  #isTooLong = false;
  /** Every byte, when somebody came after the last one. */
  #joined: Buffer | undefined;
  #isOver = false;
  #error: unknown;
  readonly #readers = new Set<Reader>();
  #waiting: (() => void)[] = [];

  /**
   * @param maxBytes what is longer is not kept for anybody: it is fetched only as fast as its slowest reader reads
   * @param onSettled called when it is whole, has failed, or is longer than that
   */
  constructor({ head, body }: Media, maxBytes: number, onSettled: () => void) {
    this.head = head;
    this.#body = body;
    this.#maxBytes = maxBytes;
    this.#onSettled = onSettled;
    void this.#fetch();
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Every byte has come and is held. */
  get isWhole(): boolean {
    return this.#isOver && this.#error === undefined && this.#dropped === 0;
  }

  /** Whether it can still be read from its first byte. */
  get isShareable(): boolean {
    return !this.#isTooLong && this.#error === undefined;
  }

  /** Begins to read at the first byte. The fetch ends when nobody reads any more and it is not whole. */
  reader(): MediaBody {
    const reader: Reader = { taken: 0, tookMs: performance.now(), isGivenUp: false, chunks: undefined };
    this.#join();
    this.#readers.add(reader);
    return {
      read: async () => {
        for (;;) {
          if (reader.isGivenUp) throw tooSlow();
          if (!this.#readers.has(reader)) throw new SourceError('stopped', 'The viewer has left.');
          const chunk = (reader.chunks ?? this.#chunks)[reader.taken - this.#dropped];
          if (chunk !== undefined) {
            reader.taken += 1;
            reader.tookMs = performance.now();
            this.#release();
            return chunk;
          }
          if (this.#error !== undefined) throw this.#error;
          if (this.#isOver) return undefined;
          await this.#change();
        }
      },
      ready: (maxBytes) => {
        const chunks = (reader.chunks ?? this.#chunks).slice(reader.taken - this.#dropped);
        let left = maxBytes;
        const tooMuch = chunks.findIndex(({ length }) => {
          left -= length;
          return left < 0;
        });
        if (tooMuch >= 0) chunks.length = tooMuch;
        reader.taken += chunks.length;
        this.#release();
        return chunks;
      },
      whole: (maxBytes) => {
        const isUnread = reader.taken === 0 && reader.chunks === undefined;
        return isUnread && (this.#joined?.length ?? 0) <= maxBytes ? this.#joined : undefined;
      },
      close: () => {
        if (!this.#readers.delete(reader)) return;
        this.#release();
        // The connection is free for something that somebody wants.
        if (this.#readers.size === 0 && !this.#isOver) this.#body.close();
        this.#wake();
      },
    };
  }

  /** Whoever comes when it is whole gets it in larger pieces. */
  #join(): void {
    if (this.#joined !== undefined || !this.isWhole || this.#isTooLong) return;
    for (const reader of this.#readers) reader.chunks = this.#chunks;
    const all = Buffer.concat(this.#chunks);
    this.#joined = all;
    this.#chunks = [];
    for (let at = 0; at < all.length; at += PIECE_BYTES) this.#chunks.push(all.subarray(at, at + PIECE_BYTES));
  }

  async #fetch(): Promise<void> {
    try {
      for (let chunk = await this.#body.read(); chunk !== undefined; chunk = await this.#body.read()) {
        this.#chunks.push(chunk);
        this.#heldBytes += chunk.length;
        if (!this.#isTooLong && this.#heldBytes > this.#maxBytes) {
          this.#isTooLong = true;
          this.#onSettled();
        }
        this.#wake();
        await this.#room();
      }
    } catch (error) {
      this.#error = error;
    }
    this.#isOver = true;
    this.#body.close();
    this.#onSettled();
    this.#wake();
  }

  /** Resolves when there is room for the next chunk. */
  async #room(): Promise<void> {
    const isFull = () => this.#isTooLong && this.#heldBytes > this.#maxBytes && this.#readers.size > 0;
    if (!isFull()) return;
    const timer = setInterval(() => this.#giveUpStalled(), WAITED_MS / 4);
    while (isFull()) await this.#change();
    clearInterval(timer);
  }

  /** The readers that take nothing, if another one waits for them. */
  #giveUpStalled(): void {
    const end = this.#dropped + this.#chunks.length;
    if (![...this.#readers].some(({ taken }) => taken === end)) return;
    for (const reader of this.#readers) {
      if (reader.taken > this.#dropped || performance.now() - reader.tookMs < WAITED_MS) continue;
      reader.isGivenUp = true;
      this.#readers.delete(reader);
    }
    this.#release();
    this.#wake();
  }

  /** Gives up what every reader has, of one that is too long to be kept. */
  #release(): void {
    if (!this.#isTooLong || this.#readers.size === 0) return;
    const taken = Math.min(...[...this.#readers].map((reader) => reader.taken)) - this.#dropped;
    if (taken <= 0) return;
    for (const chunk of this.#chunks.slice(0, taken)) this.#heldBytes -= chunk.length;
    this.#chunks = this.#chunks.slice(taken);
    this.#dropped += taken;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

function tooSlow(): SourceError {
  return new SourceError('stalled', `The viewer took nothing for ${WAITED_MS / 1000} s, and others waited for it.`);
}
