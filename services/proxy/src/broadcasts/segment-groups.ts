/**
 * Which segments of a feed make one segment of a broadcast: as many as come nearest to `segment_duration`. Their MPEG-TS follows each
 * other as it is, because counters run on from segment to segment. Pure.
 */

/** What decides it about a segment of a feed. */
export interface FeedSegment {
  readonly n: number;
  readonly seconds: number;
  /** How much media there is up to a hole behind it, in s. Undefined: there is no hole. */
  readonly mediaSeconds?: number | undefined;
  /** ms since 1970 */
  readonly pdtMs: number;
  readonly discontinuity: boolean;
  /** The feed has no media for it. */
  readonly gap: boolean;
}

/** One segment of a broadcast. */
export interface SegmentGroup {
  /** The numbers of its segments in the feed. */
  readonly members: readonly number[];
  readonly seconds: number;
  readonly pdtMs: number;
  readonly discontinuity: boolean;
}

/** Further from the group's end than this share of a segment, one more comes nearer. */
const HALF = 0.5;

export class SegmentGroups {
  readonly #seconds: number;
  #open: SegmentGroup | undefined;
  #last: number | undefined;
  /** Something is missing before the next segment. */
  #isBroken: boolean;

  /**
   * @param seconds `segment_duration`
   * @param isBroken whether the first group begins with a discontinuity
   */
  constructor(seconds: number, isBroken = false) {
    this.#seconds = seconds;
    this.#isBroken = isBroken;
  }

  /** Number of the newest segment that it has got. */
  get newest(): number | undefined {
    return this.#last;
  }

  /** How much is in the group that has not ended, in s. */
  get openSeconds(): number {
    return this.#open?.seconds ?? 0;
  }

  /** Takes the next segment of the feed. @returns the groups that have ended with it, or before it */
  add(segment: FeedSegment): SegmentGroup[] {
    const isMissing = this.#last !== undefined && segment.n !== this.#last + 1;
    this.#last = segment.n;
    const isCut = isMissing || segment.gap || segment.discontinuity;
    const ended = isCut ? this.end() : [];
    if (isCut) this.#isBroken = true;
    if (segment.gap) return ended;
    const { members, seconds, pdtMs, discontinuity } = this.#open ?? {
      ...{ members: [], seconds: 0, pdtMs: segment.pdtMs, discontinuity: this.#isBroken },
    };
    const hasHole = segment.mediaSeconds !== undefined;
    const longer = seconds + (segment.mediaSeconds ?? segment.seconds);
    this.#open = { members: [...members, segment.n], seconds: longer, pdtMs, discontinuity };
    this.#isBroken = hasHole;
    const isEnough = hasHole || this.#open.seconds + HALF * segment.seconds >= this.#seconds;
    return isEnough ? [...ended, ...this.end()] : ended;
  }

  /** Nothing more comes into the open group. @returns it, if there is one */
  end(): SegmentGroup[] {
    const open = this.#open;
    this.#open = undefined;
    return open === undefined ? [] : [open];
  }
}
