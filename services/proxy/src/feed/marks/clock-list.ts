/**
 * Decides the boundaries for profiles that encode pictures: each multiple of the segment time in whose interval the
 * source has a picture, so that a source with rare keyframes has segments of the same length. Encoders put keyframes on
 * the same grid.
 */

import { type Boundary, NO_BOUNDARIES, type SourceUnit } from './mark.ts';

/** A follower of a worker that says no marks forgets older ones. */
const MAX_SEEN = 256;

export class ClockList {
  readonly #segmentTicks: number;
  /** Intervals with a picture whose boundary is not decided yet. Only reordered pictures make it more than one. */
  #seen: number[] = [];
  /** PTS of the newest boundary. */
  #lastPts = Number.NEGATIVE_INFINITY;
  #dts = Number.NEGATIVE_INFINITY;
  /** The first entry of another programme is awaited: its DTS is at least this. */
  #jumpDts: number | undefined;
  #otherPts: number | undefined;

  /** @param segmentTicks distance of the multiples, 90 kHz */
  constructor(segmentTicks: number) {
    this.#segmentTicks = segmentTicks;
  }

  /** What has passed so far has no boundaries. */
  forget(): void {
    this.#seen = [];
  }

  /** @param dts of the first picture of another programme; undefined: a mark has said it */
  jump(dts: number | undefined): void {
    this.#jumpDts = dts;
  }

  take({ pts, dts, entry }: SourceUnit): void {
    if (this.#jumpDts !== undefined && dts >= this.#jumpDts && entry !== undefined) {
      this.#jumpDts = undefined;
      this.#otherPts = pts;
      // What was seen of the programme before ends here.
      this.#seen = this.#seen.filter((interval) => interval * this.#segmentTicks < pts);
    }
    this.#dts = Math.max(this.#dts, dts);
    const interval = Math.floor(pts / this.#segmentTicks);
    if (interval * this.#segmentTicks <= this.#lastPts || this.#seen.includes(interval)) return;
    if (this.#otherPts !== undefined && interval * this.#segmentTicks <= this.#otherPts) return;
    this.#seen.push(interval);
    if (this.#seen.length > MAX_SEEN) this.#seen.shift();
  }

  /**
   * The boundaries that are certain by now: DTS has passed them, so no picture before them can follow. Each is decided
   * once.
   */
  decided(): readonly Boundary[] {
    if (this.#seen.length === 0 && this.#otherPts === undefined) return NO_BOUNDARIES;
    const boundaries: Boundary[] = [];
    const other = this.#otherPts;
    const isCertain = (pts: number) => pts <= this.#dts || (other !== undefined && pts < other);
    for (const interval of [...this.#seen].sort((a, b) => a - b)) {
      const pts = interval * this.#segmentTicks;
      if (isCertain(pts)) boundaries.push({ pts, discontinuity: false });
    }
    this.#otherPts = undefined;
    if (other !== undefined && other > this.#lastPts) boundaries.push({ pts: other, discontinuity: true });
    boundaries.sort((a, b) => a.pts - b.pts);
    for (const { pts } of boundaries) this.passed(pts);
    return boundaries;
  }

  /** A boundary at `pts` was decided, here or by the worker that owned the source before. */
  passed(pts: number): void {
    this.#lastPts = Math.max(this.#lastPts, pts);
    this.#seen = this.#seen.filter((interval) => interval * this.#segmentTicks > this.#lastPts);
    if (this.#otherPts !== undefined && this.#otherPts <= this.#lastPts) this.#otherPts = undefined;
  }
}
