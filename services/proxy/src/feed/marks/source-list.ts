/**
 * Decides the boundaries for copied pictures: the first closed entry at least three quarters of the segment time after
 * the boundary before. A source with rare keyframes has longer segments. Where media is missing, one ends.
 */

import { TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';
import { type Boundary, NO_BOUNDARIES, type SourceUnit } from './mark.ts';

const SHORTEST_SHARE = 0.75;
/** After so many open entries in a row, open ones count. */
const OPEN_IN_A_ROW = 2;
/** Media is missing where no picture comes for so long, and for four usual steps: what is behind that may begin at once. */
const HOLE_TICKS = 0.5 * TICKS_PER_SECOND;
const HOLE_STEPS = 4;
/** A follower of a worker that says no marks forgets older ones. */
const MAX_ENTRIES = 256;

interface Entry {
  readonly pts: number;
  readonly dts: number;
  readonly closed: boolean;
  /** Media is missing between it and the entry before it. */
  readonly afterHole: boolean;
}

/** What a worker that has not seen the entries up to the newest boundary has to know of them. */
export interface SourceListState {
  readonly openInARow: number;
  readonly openCounts: boolean;
}

export class SourceList {
  readonly #shortestTicks: number;
  #entries: Entry[] = [];
  #lastPts = Number.NEGATIVE_INFINITY;
  /** Of the newest boundary that another worker has decided. */
  #toldPts = Number.NEGATIVE_INFINITY;
  /** The state of before contains the entries up to there. */
  #restoredPts = Number.NEGATIVE_INFINITY;
  #newestDts: number | undefined;
  #stepTicks: number | undefined;
  /** Media is missing since the newest entry. */
  #hasHole = false;
  #openInARow = 0;
  #openCounts = false;
  /** A jump is behind the newest boundary. */
  #jumped = false;
  /** A jump that no entry has shown yet: those from this DTS on are behind it. */
  #jumpDts: number | undefined;
  #atBoundary: SourceListState = { openInARow: 0, openCounts: false };

  /** @param segmentTicks 90 kHz */
  constructor(segmentTicks: number) {
    this.#shortestTicks = SHORTEST_SHARE * segmentTicks;
  }

  get state(): SourceListState {
    return this.#atBoundary;
  }

  /** @param pts of the boundary before which it was so */
  restore(state: SourceListState, pts: number): void {
    this.#restoredPts = pts;
    this.passed(pts);
    this.#atBoundary = state;
    this.#openInARow = state.openInARow;
    this.#openCounts = state.openCounts;
  }

  /** What has passed so far has no boundaries. */
  forget(): void {
    for (const entry of this.#entries.splice(0)) this.#note(entry);
  }

  /** @param dts of the first unit behind a jump; undefined: a mark has said it */
  jump(dts: number | undefined): void {
    this.#jumpDts = dts;
  }

  take({ pts, dts, entry }: SourceUnit): void {
    this.#step(dts);
    if (entry === undefined || pts <= this.#restoredPts) return;
    const known = { pts, dts, closed: entry.closed, afterHole: this.#hasHole };
    this.#hasHole = false;
    if (pts <= this.#toldPts) {
      // The boundary was told before its media came.
      this.#note(known);
      this.#begin(this.#lastPts);
      return;
    }
    this.#entries.push(known);
    // The jump of one that is forgotten would be, too.
    if (this.#entries.length > MAX_ENTRIES) this.#note(this.#entries.shift() as Entry);
  }

  #step(dts: number): void {
    const step = dts - (this.#newestDts ?? dts);
    this.#newestDts = dts;
    if (step <= 0) return;
    const isHole = this.#stepTicks !== undefined && step > Math.max(HOLE_TICKS, HOLE_STEPS * this.#stepTicks);
    if (isHole) this.#hasHole = true;
    else this.#stepTicks = step;
  }

  /** The boundaries among the entries that have come. Each is decided once. */
  decided(): readonly Boundary[] {
    if (this.#entries.length === 0) return NO_BOUNDARIES;
    const boundaries: Boundary[] = [];
    for (const entry of this.#entries.splice(0)) {
      const counts = this.#note(entry);
      const isAnew = this.#jumped || entry.afterHole;
      const isFar = isAnew ? entry.pts > this.#lastPts : entry.pts - this.#lastPts >= this.#shortestTicks;
      if (!counts || !isFar) continue;
      boundaries.push({ pts: entry.pts, discontinuity: this.#jumped });
      this.#begin(entry.pts);
    }
    return boundaries;
  }

  /** A boundary at `pts` was decided by the worker that owns the source. */
  passed(pts: number): void {
    if (pts <= this.#lastPts) return;
    this.#toldPts = pts;
    const later = this.#entries.findIndex((entry) => entry.pts > pts);
    for (const entry of this.#entries.splice(0, later < 0 ? this.#entries.length : later)) this.#note(entry);
    this.#begin(pts);
  }

  #begin(pts: number): void {
    this.#lastPts = pts;
    this.#jumped = false;
    this.#atBoundary = { openInARow: this.#openInARow, openCounts: this.#openCounts };
  }

  /** @returns whether a segment may begin with the entry */
  #note({ dts, closed }: Entry): boolean {
    if (this.#jumpDts !== undefined && dts >= this.#jumpDts) {
      this.#jumpDts = undefined;
      this.#jumped = true;
      this.#openInARow = 0;
      this.#openCounts = false;
    }
    const counts = closed || this.#openCounts;
    this.#openInARow = closed ? 0 : this.#openInARow + 1;
    if (this.#openInARow >= OPEN_IN_A_ROW) this.#openCounts = true;
    return counts;
  }
}
