/** A feed: one ring of media and its readers, each at its own pace. It does not know where the bytes come from. */

import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';
import { StreampoolError } from '../errors.ts';
import { TICKS_PER_MS, unwrapNear } from '../mpegts/syntax/timestamp.ts';
import { type EntryPoint, Ring, type RingLimits } from './ring.ts';

/** How a feed ended, for its readers. */
export type FeedEnd = { kind: 'ended' } | { kind: 'failed'; error: Error };

export interface FeedReader {
  /** It only measures the media: nobody gets any. */
  readonly isMeter?: boolean;
  /** New bytes can be read, up to `feed.published`. */
  wake(): void;
  /** The feed is over. What is published can still be read. */
  feedEnded(end: FeedEnd): void;
  /** Called once a second. */
  checkStall(nowMs: number): void;
}

/**
 * Shortest time between two wakes of the readers, in ms. Each reader adds a share, so a crowd costs fewer and larger
 * writes.
 */
const WAKE_BASE_MS = 10;
const READERS_PER_MS = 2;
const WAKE_MAX_MS = 200;
const STALL_CHECK_MS = 1_000;

/** Time between two wakes of a feed with this many readers, in ms. */
export function wakeIntervalMs(readers: number): number {
  return Math.min(WAKE_MAX_MS, WAKE_BASE_MS + readers / READERS_PER_MS);
}

interface Waiting {
  readonly goesOn: boolean;
  readonly resolve: (entry: EntryPoint) => void;
  readonly reject: (error: Error) => void;
}

export class Feed {
  readonly ring: Ring;
  readonly opaque: boolean;
  readonly clock: Clock;
  readonly #readers = new Set<FeedReader>();
  readonly #endListeners = new Set<() => void>();
  readonly #publishListeners = new Set<() => void>();
  #published = 0;
  /** Of the ring, when it was last published. */
  #head = 0;
  #lastMediaMs: number | undefined;
  #end: FeedEnd | undefined;
  #wakeTimer: Timer | undefined;
  #stallTimer: Timer | undefined;
  #lastWakeMs = 0;
  readonly #waiting: Waiting[] = [];

  /** @param opaque the ring holds container fragments instead of transport stream packets */
  constructor(limits: RingLimits, opaque = false, clock: Clock = systemClock) {
    this.ring = new Ring(limits);
    this.opaque = opaque;
    this.clock = clock;
  }

  /**
   * Calls back once, when the feed is over.
   * @returns a function that ends the waiting
   */
  onEnd(listener: () => void): () => void {
    if (this.#end !== undefined) {
      listener();
      return () => undefined;
    }
    // One that is given twice is called twice.
    const call = () => listener();
    this.#endListeners.add(call);
    return () => this.#endListeners.delete(call);
  }

  /**
   * Calls back with each piece of media, as soon as the ring has it: readers are woken later, and a crowd of them less often.
   * @returns a function that ends the calls
   */
  onPublish(listener: () => void): () => void {
    this.#publishListeners.add(listener);
    return () => this.#publishListeners.delete(listener);
  }

  /** Position up to which readers see bytes. */
  get published(): number {
    return this.#published;
  }

  /** When the newest media came, monotonic; undefined: none has come. */
  get lastMediaMs(): number | undefined {
    return this.#lastMediaMs;
  }

  get end(): FeedEnd | undefined {
    return this.#end;
  }

  /** Without those that only measure it. */
  get readerCount(): number {
    let count = 0;
    for (const { isMeter } of this.#readers) if (isMeter !== true) count++;
    return count;
  }

  /**
   * Where to start reading. Waits for the first random access point; rejects when the feed ends without one.
   * @param goesOn the reader may have the first picture of the ring already
   */
  entry(goesOn = false): Promise<EntryPoint> {
    const entry = this.#entry(goesOn);
    if (entry !== undefined) return Promise.resolve(entry);
    if (this.#end !== undefined) return Promise.reject(endError(this.#end));
    return new Promise((resolve, reject) => this.#waiting.push({ goesOn, resolve, reject }));
  }

  /**
   * The newest entry from which a reader that has everything up to `after` (33-bit ticks) misses nothing, else the oldest;
   * undefined while there is none.
   */
  entryAfter(after: number): EntryPoint | undefined {
    const { entries, headMs } = this.ring;
    const afterMs = unwrapNear(after, headMs * TICKS_PER_MS) / TICKS_PER_MS;
    return entries.findLast((entry) => entry.mediaMs <= afterMs) ?? entries[0];
  }

  /** The entry, as soon as readers see it. */
  #entry(goesOn: boolean): EntryPoint | undefined {
    const { ring } = this;
    const entry = ring.joinEntry() ?? (goesOn ? ring.beginning : undefined);
    return entry !== undefined && entry.position < this.#published ? entry : undefined;
  }

  addReader(reader: FeedReader): void {
    this.#readers.add(reader);
    const check = () => {
      const now = this.clock.monotonicMs();
      for (const each of this.#readers) each.checkStall(now);
    };
    this.#stallTimer ??= this.clock.setInterval(check, STALL_CHECK_MS).unref();
    if (this.#end !== undefined) reader.feedEnded(this.#end);
  }

  removeReader(reader: FeedReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) {
      this.clock.clearInterval(this.#stallTimer);
      this.#stallTimer = undefined;
    }
  }

  /** What was appended to the ring is whole and can be read. Readers are woken soon. */
  publish(): void {
    if (this.ring.head !== this.#head) {
      this.#head = this.ring.head;
      this.#lastMediaMs = this.clock.monotonicMs();
    }
    for (const listener of [...this.#publishListeners]) listener();
    if (this.#wakeTimer !== undefined || this.ring.head === this.#published) return;
    const wait = Math.max(0, this.#lastWakeMs + wakeIntervalMs(this.#readers.size) - this.clock.monotonicMs());
    this.#wakeTimer = this.clock.setTimeout(() => this.#wake(), wait);
  }

  /** No more media comes. Readers finish what is published. */
  finish(end: FeedEnd): void {
    if (this.#end !== undefined) return;
    this.#wake();
    this.#end = end;
    const listeners = [...this.#endListeners];
    this.#endListeners.clear();
    for (const listener of listeners) listener();
    for (const { reject } of this.#waiting.splice(0)) reject(endError(end));
    for (const reader of [...this.#readers]) reader.feedEnded(end);
  }

  #wake(): void {
    this.clock.clearTimeout(this.#wakeTimer);
    this.#wakeTimer = undefined;
    this.#lastWakeMs = this.clock.monotonicMs();
    this.#published = this.ring.head;
    for (const waiting of this.#waiting.splice(0)) {
      const entry = this.#entry(waiting.goesOn);
      if (entry === undefined) this.#waiting.push(waiting);
      else waiting.resolve(entry);
    }
    for (const reader of [...this.#readers]) reader.wake();
  }
}

/** The feed ended while a viewer waited for its first picture: it was deleted, or its worker stopped. */
export class FeedOverError extends StreampoolError {
  constructor() {
    super(503, 'The stream ended before its first picture. Try again.', { retryAfterSeconds: 1 });
  }
}

function endError(end: FeedEnd): Error {
  return end.kind === 'failed' ? end.error : new FeedOverError();
}
