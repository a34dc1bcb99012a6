/** Marks say where the segments of every feed of a source begin. The owner of the source feed makes them. */

/**
 * `clock`: multiples of the segment time, for profiles that encode pictures. `source`: at keyframes of the source, for
 * copied pictures and direct streams.
 */
export type MarkList = 'clock' | 'source';

export interface Mark {
  readonly list: MarkList;
  /** Number of the segment that begins here. */
  readonly n: number;
  /** 90 kHz on the timeline of the source feed, not wrapped. */
  readonly pts: number;
  /** EXT-X-PROGRAM-DATE-TIME, ms since 1970. */
  readonly pdtMs: number;
  /** How many discontinuities the list has had, with the one of this mark. */
  readonly discontinuities: number;
  readonly discontinuity: boolean;
}

/** Where a list has to say a discontinuity. */
export interface Jump {
  /** Of the first picture behind it, 90 kHz, not wrapped. */
  readonly dts: number;
  /** The first mark at or behind it counts so many discontinuities. */
  readonly discontinuities: number;
}

export function isSameJump(one: Jump | undefined, other: Jump | undefined): boolean {
  return one?.dts === other?.dts && one?.discontinuities === other?.discontinuities;
}

/** Of each list, the newest jump that it has had since its first mark, whether a mark has said it or not. */
export type Jumps = Readonly<Partial<Record<MarkList, Jump>>>;

/** Where a list decides that a segment begins. */
export interface Boundary {
  readonly pts: number;
  readonly discontinuity: boolean;
}

export const NO_BOUNDARIES: readonly Boundary[] = [];

/** A picture of the source; a piece of sound if its program has no pictures. Times are 90 kHz on the timeline of the source feed, not wrapped. */
export interface SourceUnit {
  readonly pts: number;
  readonly dts: number;
  /** The clock of the provider has jumped before it. */
  readonly jumped: boolean;
  /** Undefined unless a viewer can begin here. */
  readonly entry?: { readonly closed: boolean } | undefined;
}

/** Whether a list may have one mark before the other: neither its numbers nor its times ever go back. */
export function isBefore(one: Mark, other: Mark): boolean {
  return one.n < other.n && one.pts < other.pts && one.pdtMs <= other.pdtMs;
}

/** A list that has no predecessor counts half seconds since then, so it is ahead of every number of before. */
const FIRST_NUMBER_AT_MS = Date.UTC(2020, 0, 1);
const MS_PER_NUMBER = 500;
const TICKS_PER_MS = 90;

/**
 * The mark for a boundary.
 * @param before the mark before it; without one the list begins anew, and says so
 * @param wallMs when it came, ms since 1970
 */
export function markAt(list: MarkList, boundary: Boundary, before: Mark | undefined, wallMs: number): Mark {
  const { pts } = boundary;
  if (before === undefined) {
    const n = Math.floor((wallMs - FIRST_NUMBER_AT_MS) / MS_PER_NUMBER);
    return { list, n, pts, pdtMs: wallMs, discontinuities: 1, discontinuity: true };
  }
  const { discontinuity } = boundary;
  const onwardMs = before.pdtMs + (pts - before.pts) / TICKS_PER_MS;
  return {
    list,
    n: before.n + 1,
    pts,
    pdtMs: discontinuity ? Math.max(onwardMs, wallMs) : onwardMs,
    discontinuities: before.discontinuities + (discontinuity ? 1 : 0),
    discontinuity,
  };
}
