/** The segments of a feed, without their media: what playlists say of them. The owner of the feed decides it, and the others are told. */

import type { MarkList } from '../marks/mark.ts';
import type { Container, Done, SegmentEnd } from './segment-events.ts';
import { firstTargetDuration, grownTargetDuration, type WindowSize, windowLength } from './window.ts';

export interface ListedSegment extends SegmentEnd {
  readonly n: number;
  /** Number of the mark that it begins with. Another one only after the feed has gone to a source whose marks have smaller numbers. */
  readonly mark: number;
  readonly seconds: number;
  /** ms since 1970 */
  readonly pdtMs: number;
  readonly discontinuity: boolean;
  /** How many discontinuities there have been, with that of this segment. */
  readonly discontinuities: number;
  readonly gap: boolean;
  readonly independent: boolean;
  /** Of its media, in the container of the list. */
  readonly bytes: number;
  readonly crc: number;
  /** Which initialisation it needs; fragmented mp4 only. */
  readonly init?: string | undefined;
}

/** What the owner of a feed says of its segments. */
export interface SegmentNews {
  /** Undefined: MPEG-TS. */
  readonly container?: Container | undefined;
  /** EXT-X-TARGETDURATION, in s. */
  readonly targetDuration: number;
  /** Playlists begin with none before it. Undefined: there are no segments any more. */
  readonly from: number | undefined;
  /** The newest ones, the oldest of them first. */
  readonly segments: readonly ListedSegment[];
}

/** What a list says of the media of a segment. */
export type MediaFacts = Pick<ListedSegment, 'bytes' | 'crc' | 'gap' | 'init'>;

export interface ListOptions {
  /** HLS_SEGMENT_TIME */
  readonly segmentSeconds: number;
  readonly size: WindowSize;
}

/** Slow viewers still ask for what has left the window. */
const KEPT_BEYOND = 3;

export class SegmentList {
  readonly #options: ListOptions;
  /** Undefined: there is no segment yet. */
  #targetDuration: number | undefined;
  /** Without a hole in their numbers. */
  #all: readonly ListedSegment[] = [];
  /** Nobody has the media of those before it. */
  #from = 0;

  constructor(options: ListOptions) {
    this.#options = options;
  }

  /** EXT-X-TARGETDURATION, in s. */
  get targetDuration(): number {
    return this.#targetDuration ?? firstTargetDuration('clock', this.#options.segmentSeconds);
  }

  /** Those whose media is kept, the oldest first. */
  get kept(): readonly ListedSegment[] {
    return this.#all;
  }

  /** Those that a playlist names. */
  get window(): readonly ListedSegment[] {
    const length = windowLength(this.#seconds, this.#options.size, this.targetDuration);
    return this.#all.slice(this.#all.length - length).filter(({ n }) => n >= this.#from);
  }

  /** Playlists begin with none before it. */
  get from(): number {
    return this.#from;
  }

  /** What the media of all takes. */
  get bytes(): number {
    return this.#all.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** What the media of the newest three target durations takes. */
  get leastBytes(): number {
    return this.#all.slice(-this.#least).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** How many of them are left, however little memory there is. */
  get #least(): number {
    return windowLength(this.#seconds, { seconds: 0 }, this.targetDuration);
  }

  /** Highest bit rate among the segments of the window; undefined while there are none. */
  get peakBitsPerSecond(): number | undefined {
    const rates = this.window.flatMap(({ bytes, seconds }) =>
      seconds > 0 && bytes > 0 ? [(bytes * 8) / seconds] : [],
    );
    return rates.length === 0 ? undefined : Math.max(...rates);
  }

  get #seconds(): number[] {
    return this.#all.map((segment) => segment.seconds);
  }

  get newest(): ListedSegment | undefined {
    return this.#all.at(-1);
  }

  get news(): SegmentNews {
    return { targetDuration: this.targetDuration, from: this.#from, segments: this.#all };
  }

  of(n: number): ListedSegment | undefined {
    return this.#all.find((segment) => segment.n === n);
  }

  /**
   * Adds the next segment. One that is there already stays as it is.
   * @param marks whose marks the feed follows, and how far its entries are apart: see `firstTargetDuration`
   */
  add(segment: ListedSegment, marks: { readonly list: MarkList; readonly longestStepSeconds: number }): void {
    if (segment.n <= (this.newest?.n ?? Number.NEGATIVE_INFINITY)) return;
    const before =
      this.#targetDuration ?? firstTargetDuration(marks.list, this.#options.segmentSeconds, marks.longestStepSeconds);
    this.#targetDuration = grownTargetDuration(before, segment.seconds);
    this.#keep([...this.#all, segment]);
  }

  /** What the worker before had is not here: its own media takes the place of it. The counters behind it stay as they were said. */
  replace(n: number, media: MediaFacts): void {
    this.#all = this.#all.map((segment) => (segment.n === n ? { ...segment, ...media } : segment));
  }

  /** Nobody has the media of those before `n`. */
  startFrom(n: number): void {
    this.#from = n;
  }

  /** Takes what the owner says. What it says of a number counts, and what it does not say of newer ones stays. */
  take({ targetDuration, from, segments }: SegmentNews): void {
    if (from === undefined) {
      this.#all = [];
      this.#from = 0;
      this.#targetDuration = undefined;
      return;
    }
    this.#from = from;
    this.#targetDuration = Math.max(this.#targetDuration ?? 0, targetDuration);
    const said = new Set(segments.map(({ n }) => n));
    const all = [...this.#all.filter(({ n }) => !said.has(n)), ...segments];
    this.#keep(all.sort((one, other) => one.n - other.n));
  }

  /**
   * Forgets the oldest until the media of the others fits into `maxBytes`, but leaves three target durations.
   * @returns whether playlists are shorter for it
   */
  fit(maxBytes: number): boolean {
    const { length } = this.window;
    const least = this.#least;
    while (this.bytes > maxBytes && this.#all.length > least) this.#all = this.#all.slice(1);
    return this.#all.length < length;
  }

  #keep(segments: readonly ListedSegment[]): void {
    // Players count the numbers in a playlist on from the first.
    const hole = segments.findLastIndex(({ n }, at) => at > 0 && n !== (segments[at - 1] as ListedSegment).n + 1);
    this.#all = segments.slice(Math.max(0, hole));
    this.#all = segments.slice(-(this.window.length + KEPT_BEYOND));
  }
}

export function mediaFacts(done: Done, container: Container): MediaFacts {
  const media = done[container];
  const facts = { bytes: media?.bytes.length ?? 0, crc: media?.crc ?? 0, gap: media === undefined };
  return container === 'fmp4' ? { ...facts, init: done.fmp4?.init.key } : facts;
}

/**
 * @param before the segment before it
 * @param offset from the numbers of marks to those of segments
 */
export function listedSegment(
  done: Done,
  container: Container,
  before: ListedSegment | undefined,
  offset: number,
): ListedSegment {
  const { n, mark, seconds, independent, counters, chunk } = done;
  const media = mediaFacts(done, container);
  const { discontinuities } = mark;
  const discontinuity = before === undefined ? mark.discontinuity : discontinuities !== before.discontinuities;
  return {
    ...{ n, seconds, independent, discontinuity, discontinuities, counters, chunk, ...media },
    mark: n - offset,
    pdtMs: Math.max(mark.pdtMs, before?.pdtMs ?? 0),
    // A gap in between changes nothing for a player.
    ...(container === 'fmp4' && { init: media.init ?? before?.init }),
  };
}
