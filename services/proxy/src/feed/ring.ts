/** The media of one feed: the newest bytes in large chunks, and the points where a reader can enter. */

import { CHUNK_BYTES, Chunk } from './chunk.ts';

/** A random access point in the ring. */
export interface EntryPoint {
  /** Absolute byte position; positions count from the feed's first byte and never restart. */
  position: number;
  /** Bytes to send before those at `position`, so that a decoder understands them on their own. */
  prefix: Buffer;
  /** When the entry is decoded, in ms on the feed's timeline. */
  mediaMs: number;
  /** When the entry is shown, in ms on the feed's timeline. */
  shownMs: number;
}

export interface RingLimits {
  /** Media to keep, in ms, if `maxBytes` allows it. Two GOPs and the join buffer always stay. */
  retainMs: number;
  /** Media that a joining reader gets at once, in ms. */
  joinBufferMs: number;
  maxBytes: number;
}

/** Share of `maxBytes` that entry points may take. Two GOPs of pictures need far less for them than for their media. */
const ENTRIES_SHARE = 1 / 8;
/** Estimated size of an entry point without its prefix. */
const ENTRY_OVERHEAD_BYTES = 256;

export class Ring {
  #limits: RingLimits;
  /** Chunk n starts at byte (firstChunk + n) * CHUNK_BYTES. */
  #chunks: Chunk[] = [];
  #firstChunk = 0;
  #head = 0;
  #entries: EntryPoint[] = [];
  #entryBytes = 0;
  #headMs = 0;
  /** Media time of the first unit. */
  #firstMs: number | undefined;
  #beginning: EntryPoint | undefined;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  /** Position after the newest byte. */
  get head(): number {
    return this.#head;
  }

  /** Position of the oldest byte that is still here. */
  get tail(): number {
    return this.#firstChunk * CHUNK_BYTES;
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return this.#chunks.length * CHUNK_BYTES + this.#entryBytes;
  }

  /** How much of that stays in any case: the join buffer and two GOPs. */
  get minimumBytes(): number {
    const keepMs = this.#minimumMs();
    const oldest = this.#entries.findLast((entry) => this.#headMs - entry.mediaMs >= keepMs);
    return this.#head - (oldest?.position ?? this.tail);
  }

  get entries(): readonly EntryPoint[] {
    return this.#entries;
  }

  /** Media time of the newest unit, in milliseconds. */
  get headMs(): number {
    return this.#headMs;
  }

  /** How long so many bytes play, in ms, at the average of all that has been appended. */
  msOf(bytes: number): number {
    return this.#head === 0 ? 0 : (bytes * (this.#headMs - (this.#firstMs ?? this.#headMs))) / this.#head;
  }

  setLimits(limits: RingLimits): void {
    this.#limits = limits;
  }

  /** Copies `bytes[start, end)` to the head. */
  append(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const within = this.#head % CHUNK_BYTES;
      if (within === 0) this.#addChunk();
      const { bytes: chunk } = this.#chunks[this.#chunks.length - 1] as Chunk;
      const copied = bytes.copy(chunk, within, at, Math.min(end, at + CHUNK_BYTES - within));
      at += copied;
      this.#head += copied;
    }
  }

  /** Media up to this time, in ms, is in the ring. */
  advance(mediaMs: number): void {
    this.#firstMs ??= mediaMs;
    if (mediaMs > this.#headMs) this.#headMs = mediaMs;
  }

  /** The next appended byte is a random access point. */
  mark(prefix: Buffer, mediaMs: number, shownMs = mediaMs): void {
    const entry = { position: this.#head, prefix, mediaMs, shownMs };
    this.#entries.push(entry);
    this.#entryBytes += sizeOf(entry);
    let surplus = 0;
    for (let bytes = this.#entryBytes; bytes > this.#limits.maxBytes * ENTRIES_SHARE; surplus++) {
      bytes -= sizeOf(this.#entries[surplus] as EntryPoint);
    }
    this.#dropEntries(Math.min(surplus, this.#entries.length - 1));
    this.advance(mediaMs);
  }

  /** The ring begins with the next appended byte, for readers that have its picture and all before it. */
  begin(prefix: Buffer, mediaMs: number, shownMs: number): void {
    this.#beginning = { position: this.#head, prefix, mediaMs, shownMs };
    this.advance(mediaMs);
  }

  /** Where a reader can begin that has this picture; undefined when the ring began with an entry, or has dropped it. */
  get beginning(): EntryPoint | undefined {
    return this.#beginning !== undefined && this.#beginning.position >= this.tail ? this.#beginning : undefined;
  }

  /** No reader enters at the earlier marks any more: they lead into media with other tracks or another shape. */
  forgetEntries(): void {
    this.#beginning = undefined;
    this.#dropEntries(this.#entries.length);
  }

  /** Where a new reader starts: the newest entry that leaves the join buffer after it, else the oldest entry. */
  joinEntry(): EntryPoint | undefined {
    return (
      this.#entries.findLast((entry) => this.#headMs - entry.mediaMs >= this.#limits.joinBufferMs) ?? this.#entries[0]
    );
  }

  newestEntry(): EntryPoint | undefined {
    return this.#entries.at(-1);
  }

  /**
   * Bytes from `position` on, at most `maxBytes`, without copying; undefined when there are none or the ring has
   * dropped them.
   */
  view(position: number, end: number, maxBytes: number): Buffer | undefined {
    const chunk = this.chunkAt(position);
    if (chunk === undefined || position >= end) return undefined;
    const within = position % CHUNK_BYTES;
    return chunk.bytes.subarray(within, Math.min(within + maxBytes, within + end - position, CHUNK_BYTES));
  }

  /** The chunk behind a `view` from `position`. Hold it while the view is in use. */
  chunkAt(position: number): Chunk | undefined {
    return position < this.tail ? undefined : this.#chunks[Math.floor(position / CHUNK_BYTES) - this.#firstChunk];
  }

  #addChunk(): void {
    this.#chunks.push(new Chunk());
    const { retainMs, maxBytes } = this.#limits;
    const keepMs = Math.max(retainMs, this.#minimumMs());
    const oldest = this.#entries.findLast((entry) => this.#headMs - entry.mediaMs >= keepMs);
    const wanted = Math.floor((oldest?.position ?? 0) / CHUNK_BYTES);
    const affordable =
      this.#firstChunk + this.#chunks.length - Math.max(2, Math.floor((maxBytes - this.#entryBytes) / CHUNK_BYTES));
    this.#dropChunks(Math.max(wanted, affordable) - this.#firstChunk);
  }

  /** The join buffer and two GOPs: every reader can enter, and an FFmpeg can restart without loss. */
  #minimumMs(): number {
    let gopMs = 0;
    for (let at = 1; at < this.#entries.length; at++) {
      gopMs = Math.max(
        gopMs,
        (this.#entries[at] as EntryPoint).mediaMs - (this.#entries[at - 1] as EntryPoint).mediaMs,
      );
    }
    return this.#limits.joinBufferMs + 2 * gopMs;
  }

  #dropChunks(count: number): void {
    if (count <= 0) return;
    for (const chunk of this.#chunks.splice(0, count)) chunk.release();
    this.#firstChunk += count;
    const gone = this.#entries.findIndex((entry) => entry.position >= this.tail);
    this.#dropEntries(gone < 0 ? this.#entries.length : gone);
  }

  #dropEntries(count: number): void {
    for (const entry of this.#entries.splice(0, count)) this.#entryBytes -= sizeOf(entry);
  }
}

function sizeOf(entry: EntryPoint): number {
  return entry.prefix.length + ENTRY_OVERHEAD_BYTES;
}
