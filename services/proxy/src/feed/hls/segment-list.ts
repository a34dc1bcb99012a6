/** The segments of a feed, without their media: what playlists say of them. The owner of the feed decides it, and the others are told. */

import type { Mark, MarkList } from '../marks/mark.ts';
import type { Container, Done, Part, PartFacts, SegmentEnd } from './segment-events.ts';
import { firstTargetDuration, grownTargetDuration, type WindowSize, windowLength } from './window.ts';

export interface ListedPart extends PartFacts {
  /** Nobody has its media. */
  readonly gap?: boolean | undefined;
}

export interface ListedSegment extends SegmentEnd {
  readonly n: number;
  /** Number of the mark that it begins with. Another one only after the feed has gone to a source whose marks have smaller numbers. */
  readonly mark: number;
  readonly seconds: number;
  /** As of `Done`: media is missing behind it. Players are told nothing, because the times go on. */
  readonly mediaSeconds?: number | undefined;
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
  /** For low latency; its media is theirs, one behind the other. */
  readonly parts?: readonly ListedPart[] | undefined;
}

/** The segment behind the newest one: what there is of it. */
export type ListedBeginning = Pick<
  ListedSegment,
  'n' | 'mark' | 'pdtMs' | 'discontinuity' | 'discontinuities' | 'init'
> & { readonly parts: readonly ListedPart[] };

/** What the owner of a feed says of its segments. */
export interface SegmentNews {
  /** Undefined: MPEG-TS. */
  readonly container?: Container | undefined;
  /** EXT-X-TARGETDURATION, in s. */
  readonly targetDuration: number;
  /** PART-TARGET, in s. Undefined: the segments have no parts. */
  readonly partTarget?: number | undefined;
  /** Playlists begin with none before it. Undefined: there are no segments any more. */
  readonly from: number | undefined;
  /** The newest ones, the oldest of them first. */
  readonly segments: readonly ListedSegment[];
  /** Undefined: none of its parts is there. */
  readonly open?: ListedBeginning | undefined;
}

/** What a list says of the media of a segment. */
export type MediaFacts = Pick<ListedSegment, 'bytes' | 'crc' | 'gap' | 'init' | 'parts'>;

/** What the owner decides with the first segment of a feed. */
export interface ListBegin {
  /** Whose marks the feed follows. */
  readonly list: MarkList;
  /** How far its entries are apart: see `firstTargetDuration`. */
  readonly longestStepSeconds: number;
  /** PART-TARGET, in s. */
  readonly partTarget: number | undefined;
}

export interface ListOptions {
  /** HLS_SEGMENT_TIME */
  readonly segmentSeconds: number;
  readonly size: WindowSize;
}

/** What a playlist names, and what that was made from: thousands ask for it between two segments. */
interface Window {
  readonly segments: readonly ListedSegment[];
  readonly all: readonly ListedSegment[];
  readonly from: number;
  readonly targetDuration: number;
}

/** Slow viewers still ask for what has left the window. */
const KEPT_BEYOND = 3;

export class SegmentList {
  readonly #options: ListOptions;
  /** Undefined: there is no segment yet. */
  #targetDuration: number | undefined;
  #partTarget: number | undefined;
  #open: ListedBeginning | undefined;
  /** By number. What is before a hole in the numbers is for players who know it already. */
  #all: readonly ListedSegment[] = [];
  /** Nobody has the media of those before it. */
  #from = 0;
  #window: Window | undefined;

  constructor(options: ListOptions) {
    this.#options = options;
  }

  /** EXT-X-TARGETDURATION, in s. */
  get targetDuration(): number {
    return this.#targetDuration ?? firstTargetDuration('clock', this.#options.segmentSeconds);
  }

  /** Whether its segments have parts is known. */
  get isBegun(): boolean {
    return this.#targetDuration !== undefined;
  }

  /** PART-TARGET, in s. Undefined: the segments have no parts. */
  get partTarget(): number | undefined {
    return this.#partTarget;
  }

  /** What there is of the next segment. Undefined: nothing, or the segments have no parts. */
  get open(): ListedBeginning | undefined {
    return this.#open;
  }

  /** Those whose media is kept, the oldest first. */
  get kept(): readonly ListedSegment[] {
    return this.#all;
  }

  /** Those that a playlist names: the same array, until there are others. */
  get window(): readonly ListedSegment[] {
    const { targetDuration } = this;
    const [all, from] = [this.#all, this.#from];
    const known = this.#window;
    if (known?.all === all && known.from === from && known.targetDuration === targetDuration) return known.segments;
    const length = windowLength(this.#seconds, this.#options.size, targetDuration);
    const segments = all.slice(all.length - length).filter(({ n }) => n >= from);
    this.#window = { segments, all, from, targetDuration };
    return segments;
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

  /** Of those that a playlist may name: players count the numbers in it on from the first. */
  get #seconds(): number[] {
    const all = this.#all;
    const hole = all.findLastIndex(({ n }, at) => at > 0 && n !== (all[at - 1] as ListedSegment).n + 1);
    return all.slice(Math.max(0, hole)).map((segment) => segment.seconds);
  }

  get newest(): ListedSegment | undefined {
    return this.#all.at(-1);
  }

  get news(): SegmentNews {
    const { targetDuration } = this;
    return {
      ...{ targetDuration, partTarget: this.#partTarget },
      ...{ from: this.#from, segments: this.#all, open: this.#open },
    };
  }

  of(n: number): ListedSegment | undefined {
    return this.#all.find((segment) => segment.n === n);
  }

  /** Undefined: it is not listed. @param p which part of segment `n` */
  partOf(n: number, p: number): ListedPart | undefined {
    const parts = this.#open?.n === n ? this.#open.parts : this.of(n)?.parts;
    return parts?.[p];
  }

  /** Adds the next segment. One that is there already stays as it is. @param begin what is decided with the first one */
  add(segment: ListedSegment, begin: ListBegin): void {
    if (segment.n <= (this.newest?.n ?? Number.NEGATIVE_INFINITY)) return;
    if (this.#targetDuration === undefined) this.#partTarget = begin.partTarget;
    const before =
      this.#targetDuration ?? firstTargetDuration(begin.list, this.#options.segmentSeconds, begin.longestStepSeconds);
    this.#targetDuration = grownTargetDuration(before, segment.seconds);
    const listed = this.#open?.n === segment.n ? this.#open.parts : [];
    this.#keep([...this.#all, { ...segment, parts: withGaps(segment.parts, listed) }]);
  }

  /**
   * Adds the next part of the segment behind the newest one. One that is there already stays as it is. Where the worker before has
   * listed another one, whose media is gone with it, this one takes its place.
   * @param offset from the numbers of marks to those of segments
   */
  addPart({ n, p, mark, init, facts }: Omit<Part, 'bytes'>, offset: number): void {
    const { newest } = this;
    if (this.#partTarget === undefined || newest === undefined || n !== newest.n + 1) return;
    const open = this.#open?.n === n ? this.#open : { ...placeOf(mark, n, newest, offset), parts: [] };
    if (p > open.parts.length || open.parts[p]?.crc === facts.crc) return;
    const parts = [...open.parts.slice(0, p), facts, ...open.parts.slice(p + 1)];
    this.#open = { ...open, init: init.key, parts };
  }

  /** Parts that the worker before has listed and this one has not heard of. Players may know them. @returns whether there are some */
  takeParts(theirs: ListedBeginning | undefined): boolean {
    const { newest } = this;
    const known = this.#open?.parts.length ?? 0;
    if (newest === undefined || theirs?.n !== newest.n + 1 || theirs.parts.length <= known) return false;
    this.#open = { ...theirs, ...this.#open, parts: [...(this.#open?.parts ?? []), ...theirs.parts.slice(known)] };
    return true;
  }

  /** What the worker before had is not here: its own media takes the place of it. The counters behind it stay as they were said. */
  replace(n: number, media: MediaFacts): void {
    this.#all = this.#all.map((segment) =>
      segment.n === n ? { ...segment, ...media, parts: withGaps(media.parts, segment.parts) } : segment,
    );
  }

  /** Nobody has the media of those before `n`. */
  startFrom(n: number): void {
    this.#from = n;
  }

  /** Takes what the owner says. What it says of a number counts, and what it does not say of newer ones stays. */
  take({ targetDuration, partTarget, from, segments, open }: SegmentNews): void {
    if (from === undefined) {
      this.#all = [];
      this.#from = 0;
      this.#targetDuration = undefined;
      this.#partTarget = undefined;
      this.#open = undefined;
      return;
    }
    this.#partTarget = partTarget;
    this.#from = from;
    this.#targetDuration = Math.max(this.#targetDuration ?? 0, targetDuration);
    const said = new Set(segments.map(({ n }) => n));
    const all = [...this.#all.filter(({ n }) => !said.has(n)), ...segments];
    this.#keep(all.sort((one, other) => one.n - other.n));
    this.#open = open?.n === (this.newest?.n ?? Number.NaN) + 1 ? open : undefined;
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
    this.#all = segments;
    this.#all = this.#all.slice(-(this.window.length + KEPT_BEYOND));
    if (this.#open !== undefined && this.#open.n <= (this.newest?.n ?? 0)) this.#open = undefined;
  }
}

/** @param listed by the worker before. Nobody has the media of those that are too many. */
function withGaps(
  parts: readonly ListedPart[] | undefined,
  listed: readonly ListedPart[] = [],
): readonly ListedPart[] | undefined {
  const { length } = parts ?? [];
  if (listed.length <= length) return parts;
  return [...(parts ?? []), ...listed.slice(length).map((part) => ({ ...part, gap: true }))];
}

export function mediaFacts(done: Done, container: Container): MediaFacts {
  const media = done[container];
  const facts = { bytes: media?.bytes.length ?? 0, crc: media?.crc ?? 0, gap: media === undefined };
  if (container === 'ts') return facts;
  const { init, parts = [] } = done.fmp4 ?? {};
  return { ...facts, init: init?.key, ...(parts.length > 0 && { parts }) };
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
  const { n, mark, seconds, mediaSeconds, independent, counters, chunk } = done;
  const media = mediaFacts(done, container);
  return {
    ...{ ...placeOf(mark, n, before, offset), seconds, independent, counters, chunk, ...media },
    ...(mediaSeconds !== undefined && { mediaSeconds }),
    // A gap in between changes nothing for a player.
    ...(container === 'fmp4' && { init: media.init ?? before?.init }),
  };
}

/** What the mark of a segment says of it. @param before the segment before it */
function placeOf(mark: Mark, n: number, before: ListedSegment | undefined, offset: number) {
  const { discontinuities } = mark;
  // Nobody here knows the counters with which the segment before it ended, and players of another worker may have that one.
  const discontinuity = discontinuities !== before?.discontinuities;
  return { n, mark: n - offset, discontinuity, discontinuities, pdtMs: Math.max(mark.pdtMs, before?.pdtMs ?? 0) };
}
