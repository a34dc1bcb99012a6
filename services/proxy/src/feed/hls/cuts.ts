/**
 * Decides where one feed begins its segments: at its first picture at or after a mark, which has to be a keyframe. Its other
 * keyframes count for nothing, because a restarted encoder puts one of its own into the stream.
 */

import type { Mark } from '../marks/mark.ts';

/** A picture of the feed; a piece of sound if its program has no pictures. */
export interface FeedPicture {
  /** 90 kHz on the feed's timeline, not wrapped. */
  readonly pts: number;
  readonly keyframe: boolean;
}

/** A mark, and its time on the feed's timeline. */
export interface FeedMark {
  readonly mark: Mark;
  readonly pts: number;
}

export interface CutDecision {
  /** Marks that this feed has nothing for. */
  readonly gaps: readonly FeedMark[];
  /** The segment of this mark begins with the picture. */
  readonly cut: FeedMark | undefined;
  /** The picture at this mark is no keyframe, as if the encoder had another clock. Its number is a gap. */
  readonly fault: FeedMark | undefined;
}

/** Encoders round times of the grid by this much. */
const CLOCK_TOLERANCE = 2;
const NOTHING: CutDecision = { gaps: [], cut: undefined, fault: undefined };

export class Cuts {
  /** Marks that no picture has reached, in order. */
  #waiting: FeedMark[] = [];
  /** Of the newest mark that a picture has reached. */
  #lastNumber = Number.NEGATIVE_INFINITY;
  #lastPts: number | undefined;
  /** Smallest distance of two pictures so far. */
  #step = Number.POSITIVE_INFINITY;

  /**
   * A segment begins at this mark. One that no picture has reached is taken back by another one with its number, or with a smaller
   * time: the worker that said it has gone, or the feed has left its clock.
   * @param shift ticks from the clock of the source to that of the feed
   */
  mark(mark: Mark, shift: number): void {
    if (mark.n <= this.#lastNumber) return;
    const pts = mark.pts + shift;
    this.#waiting = [...this.#waiting.filter((each) => each.mark.n < mark.n && each.pts < pts), { mark, pts }];
  }

  /** The next picture, in decoding order. */
  take({ pts, keyframe }: FeedPicture): CutDecision {
    const before = this.#lastPts;
    this.#noteStep(pts);
    const due = this.#waiting.filter((each) => each.pts - this.#toleranceOf(each.mark) <= pts);
    const newest = due.at(-1);
    if (newest === undefined) return NOTHING;
    this.#lastNumber = newest.mark.n;
    const gaps = due.slice(0, -1);
    this.#waiting = this.#waiting.slice(due.length);
    // A reader that begins behind a mark does not know what the feed has at it.
    const isSeen = before !== undefined || pts - newest.pts <= this.#toleranceOf(newest.mark);
    if (!isSeen) return NOTHING;
    return keyframe ? { gaps, cut: newest, fault: undefined } : { gaps, cut: undefined, fault: newest };
  }

  #noteStep(pts: number): void {
    if (this.#lastPts !== undefined && pts !== this.#lastPts) {
      this.#step = Math.min(this.#step, Math.abs(pts - this.#lastPts));
    }
    this.#lastPts = pts;
  }

  /** Half a frame for copied pictures. Before their distance is known, the first one has to be the mark's own. */
  #toleranceOf({ list }: Mark): number {
    if (list === 'clock' || !Number.isFinite(this.#step)) return CLOCK_TOLERANCE;
    return Math.max(CLOCK_TOLERANCE, this.#step / 2);
  }
}
