/**
 * One reader's position in a feed: a viewer's response, or the standard input of FFmpeg. It has at most one write in
 * progress. A reader that falls out of the ring continues at the newest random access point. No other reader notices.
 */

import { PACKET_SIZE, startsUnit } from '../mpegts/syntax/packet.ts';
import type { Chunk } from './chunk.ts';
import type { Feed, FeedEnd, FeedReader } from './feed.ts';
import type { EntryPoint } from './ring.ts';

/** Where a cursor's bytes go. */
export interface CursorSink {
  /** As `FeedReader` has it. */
  readonly isMeter?: boolean;
  /**
   * @param done call it when the bytes have left this process
   * @param isAll whether these bytes end what has been published so far
   */
  write(bytes: Buffer, done: () => void, isAll: boolean): void;
  /** Everything was written and the feed is over. */
  finished(end: FeedEnd): void;
  /**
   * The reader cannot continue: no write finished within the stall time, or the ring has dropped what it was reading.
   */
  dropped(reason: 'stalled' | 'fell_behind'): void;
}

export interface CursorStats {
  /** Bytes handed to the sink, including prefixes. */
  bytes: number;
  /** Times the reader fell out of the ring. */
  skips: number;
  /** Media that it did not get because of that, in ms; about, because the ring has dropped it. */
  skippedMs: number;
}

/** Whole packets. Small enough that a very slow reader shows progress, large enough to be cheap. */
const MAX_WRITE_BYTES = 1394 * PACKET_SIZE;

/** No unit is longer (MAX_UNIT_PACKETS), so a search for its end can stop here. */
const LONGEST_UNIT_BYTES = 44_620 * PACKET_SIZE;

/** Bytes to write. `chunk` is held until they are written. */
interface Piece {
  readonly bytes: Buffer;
  readonly chunk?: Chunk;
}

export class Cursor implements FeedReader {
  readonly stats: CursorStats = { bytes: 0, skips: 0, skippedMs: 0 };
  readonly #feed: Feed;
  readonly #sink: CursorSink;
  readonly #stallMs: () => number;
  #position: number;
  #limit = Number.POSITIVE_INFINITY;
  #prefix: Buffer | undefined;
  /** The rest of the units that were begun, even if the ring has dropped them since. */
  #begun: Piece[] = [];
  /** The piece that is being written. */
  #writing: Piece | undefined;
  #writingSinceMs: number | undefined;
  #end: FeedEnd | undefined;
  #closed = false;

  /** @param stallMs a single write that takes longer counts as stalled; 0: never. A function, because it may change */
  constructor(feed: Feed, entry: EntryPoint, sink: CursorSink, stallMs: number | (() => number)) {
    this.#feed = feed;
    this.#sink = sink;
    this.#stallMs = typeof stallMs === 'number' ? () => stallMs : stallMs;
    this.#position = entry.position;
    this.#prefix = entry.prefix;
    feed.addReader(this);
    this.wake();
  }

  get isMeter(): boolean {
    return this.#sink.isMeter === true;
  }

  /** Reads up to `position`, then finishes as if the feed had ended there. */
  limitTo(position: number): void {
    this.#limit = Math.min(this.#limit, position);
    this.wake();
  }

  close(): void {
    this.#closed = true;
    for (const { chunk } of this.#begun.splice(0)) chunk?.release();
    this.#feed.removeReader(this);
  }

  wake(): void {
    if (this.#writingSinceMs !== undefined || this.#closed) return;
    const piece = this.#next();
    if (piece === undefined) {
      const end = this.#end ?? (this.#position >= this.#limit ? { kind: 'ended' as const } : undefined);
      if (!this.#closed && end !== undefined) {
        this.close();
        this.#sink.finished(end);
      }
      return;
    }
    this.stats.bytes += piece.bytes.length;
    this.#writingSinceMs = this.#feed.clock.monotonicMs();
    this.#writing = piece;
    const isAll = this.#begun.length === 0 && this.#position === this.#feed.published;
    this.#sink.write(piece.bytes, this.#written, isAll);
  }

  feedEnded(end: FeedEnd): void {
    this.#end ??= end;
    this.wake();
  }

  checkStall(nowMs: number): void {
    const stallMs = this.#stallMs();
    if (stallMs === 0 || this.#writingSinceMs === undefined) return;
    if (nowMs - this.#writingSinceMs < stallMs) return;
    this.close();
    this.#sink.dropped('stalled');
  }

  readonly #written = (): void => {
    this.#writing?.chunk?.release();
    this.#writing = undefined;
    this.#writingSinceMs = undefined;
    this.wake();
  };

  #next(): Piece | undefined {
    const { ring } = this.#feed;
    const begun = this.#begun.shift();
    if (begun !== undefined) return begun;
    if (this.#position < ring.tail && this.#position < this.#limit) {
      if (this.#feed.opaque) {
        // Nothing can follow half a fragment. Half a transport stream packet never occurs.
        this.close();
        this.#sink.dropped('fell_behind');
        return undefined;
      }
      const entry = ring.newestEntry();
      if (entry === undefined || entry.position >= this.#feed.published) return undefined;
      this.stats.skips++;
      this.stats.skippedMs += ring.msOf(entry.position - this.#position);
      this.#position = entry.position;
      this.#prefix = entry.prefix;
    }
    const prefix = this.#prefix;
    if (prefix !== undefined) {
      this.#prefix = undefined;
      if (prefix.length > 0) return { bytes: prefix };
    }
    const end = this.#wholeUnits(Math.min(this.#feed.published, this.#limit));
    while (this.#position < end) {
      const chunk = ring.chunkAt(this.#position);
      const bytes = ring.view(this.#position, end, MAX_WRITE_BYTES);
      if (bytes === undefined || chunk === undefined) break;
      chunk.hold();
      this.#begun.push({ bytes, chunk });
      this.#position += bytes.length;
    }
    return this.#begun.shift();
  }

  /** The end of about one write of whole units, so that a skip never cuts a unit. What is published is whole. */
  #wholeUnits(end: number): number {
    const { ring, opaque } = this.#feed;
    const wanted = this.#position + MAX_WRITE_BYTES;
    if (end <= wanted) return end;
    if (opaque) return wanted;
    const startsAt = (position: number): boolean => {
      const packet = ring.view(position, position + PACKET_SIZE, PACKET_SIZE);
      return packet === undefined || startsUnit(packet, 0);
    };
    for (let at = wanted; at > this.#position; at -= PACKET_SIZE) if (startsAt(at)) return at;
    const furthest = Math.min(end, wanted + LONGEST_UNIT_BYTES);
    for (let at = wanted; at < furthest; at += PACKET_SIZE) if (startsAt(at)) return at;
    return furthest;
  }
}
