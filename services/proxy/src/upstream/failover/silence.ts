/** How long a live source may send no picture and no sound before it counts as hung. Its own rhythm decides. Pure. */

import { Rhythm } from '../../mpegts/splicing/rhythm.ts';

/** A source may be silent for this many of its own longest pauses. */
const PAUSES = 3;
/** No source hangs before this, whatever its rhythm: networks have such pauses. */
const LEAST_MS = 3_000;
/** The same while less than `KNOWN_MS` of its rhythm is known. */
const LEAST_UNKNOWN_MS = 6_000;
const KNOWN_MS = 60_000;
/** A source that has not sent for this long may be one that sends in bursts, and this may be its first pause. */
const FIRST_MS = 5_000;
/** How long a new connection may stay silent, to a source that has played. */
const NEW_CONNECTION_MS = 3_000;
/** A source that is slow to begin may take this many times as long as it has taken before. */
const STARTS = 3;

/** What came: media; other bytes, such as null packets and tables; nothing. */
export type Heard = 'media' | 'bytes' | 'nothing';

/**
 * The silence of one source, over all its connections. Only time that was spent waiting for the source counts, so a
 * reader that pauses makes no source look silent.
 */
export class Silence {
  /** LIVE_CHUNK_TIMEOUT_SECONDS. The limit never exceeds it. */
  readonly maxMs: number;
  readonly #rhythm = new Rhythm(2 * KNOWN_MS);
  readonly #expectsMedia: boolean;
  readonly #listeners = new Set<() => void>();
  /** Time spent listening, over all connections. */
  #heardMs = 0;
  #firstMs: number | undefined;
  #lastMs = 0;
  /** Of this connection: when listening to it began, how long it took to open, how long it may stay silent. */
  #beganMs = 0;
  #openedMs: number | undefined;
  #allowedMs: number;
  #isNew = true;
  /** The shortest time that a connection took to its first media. */
  #startMs: number | undefined;
  #isHalf = false;

  /** @param expectsMedia bytes without media are silence from the start; otherwise, once it has sent media */
  constructor(maxMs: number, expectsMedia = false) {
    this.maxMs = maxMs;
    this.#allowedMs = maxMs;
    this.#expectsMedia = expectsMedia;
  }

  /**
   * A connection has answered.
   * @param openedMs how long after it was asked; undefined when that says nothing about the next one
   * @param allowedMs how long it may take to its first media
   */
  begin(openedMs: number | undefined, allowedMs = this.maxMs): void {
    this.#openedMs = openedMs;
    this.#allowedMs = allowedMs;
    this.#beganMs = this.#heardMs;
    this.#lastMs = this.#heardMs;
    this.#isNew = true;
    this.#isHalf = false;
    this.#rhythm.interrupt();
  }

  /** @param waitedMs how long it was waited for */
  note(waitedMs: number, heard: Heard): void {
    this.#heardMs += waitedMs;
    if (heard === 'media' || (heard === 'bytes' && !this.knowsMedia)) this.#beat(heard === 'media');
    else if (!this.#isHalf && this.silentMs >= this.limitMs / 2) {
      this.#isHalf = true;
      for (const listener of [...this.#listeners]) listener();
    }
  }

  #beat(isMedia: boolean): void {
    this.#lastMs = this.#heardMs;
    this.#isHalf = false;
    if (!isMedia) return;
    this.#rhythm.beat(this.#heardMs);
    this.#firstMs ??= this.#heardMs;
    if (!this.#isNew) return;
    this.#isNew = false;
    if (this.#openedMs === undefined) return;
    const startMs = this.#openedMs + this.#heardMs - this.#beganMs;
    this.#startMs = Math.min(startMs, this.#startMs ?? startMs);
  }

  /** Calls back when half of the limit is over, once for each silence. Returns a function that ends the calls. */
  onHalf(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It has sent media. */
  get hasPlayed(): boolean {
    return this.#firstMs !== undefined;
  }

  /** Whether bytes without media are silence. */
  get knowsMedia(): boolean {
    return this.#expectsMedia || this.hasPlayed;
  }

  /** How long it has sent no media. */
  get silentMs(): number {
    return this.#heardMs - this.#lastMs;
  }

  get limitMs(): number {
    if (this.#isNew) return this.#allowedMs;
    const playedMs = this.#lastMs - (this.#firstMs ?? this.#lastMs);
    if (playedMs < FIRST_MS) return this.maxMs;
    const leastMs = playedMs < KNOWN_MS ? LEAST_UNKNOWN_MS : LEAST_MS;
    return Math.min(this.maxMs, Math.max(leastMs, PAUSES * (this.#rhythm.intervalMs ?? 0)));
  }

  /** How long a new connection may stay silent, in each step until its first media, by what was seen of others. */
  get newConnectionMs(): number {
    if (this.#startMs === undefined) return this.maxMs;
    return Math.min(this.maxMs, Math.max(NEW_CONNECTION_MS, STARTS * this.#startMs));
  }

  /** How long until it counts as hung, or until `onHalf`. */
  get nextMs(): number {
    const { limitMs, silentMs } = this;
    const halfMs = limitMs / 2 - silentMs;
    return Math.max(0, !this.#isHalf && halfMs > 0 ? halfMs : limitMs - silentMs);
  }

  get isOver(): boolean {
    return this.silentMs >= this.limitMs;
  }

  /** How much sooner than LIVE_CHUNK_TIMEOUT_SECONDS it is noticed that a source which has played hangs. */
  get earlyMs(): number {
    return this.hasPlayed ? Math.max(0, this.maxMs - this.silentMs) : 0;
  }
}

/**
 * How long a source may be silent that another worker reads: until that worker takes it for hung, and for one new
 * connection more.
 * @param intervalMs the longest time between two of its pictures, if it is known
 */
export function relayedLimitMs(maxMs: number, intervalMs: number | undefined): number {
  const limitMs = intervalMs === undefined ? maxMs : Math.max(LEAST_UNKNOWN_MS, PAUSES * intervalMs);
  return Math.min(maxMs, limitMs) + NEW_CONNECTION_MS;
}
