/**
 * Notices a live source that sends less than a second of media in a second. Its media then falls behind the clock on the wall, and
 * viewers run out of it. Pure.
 */

/** How far the media was behind at the end of a burst. Only differences count: the two clocks begin anywhere. */
interface Low {
  readonly atMs: number;
  readonly lagMs: number;
}

/** A burst is over when the media has not come closer to the clock for this long. A source without bursts has one each second. */
const BURST_OVER_MS = 1_000;
/** What is remembered, of long bursts the last ones. */
const MEMORY_MS = 60_000;
const REMEMBERED_LOWS = 12;
/** What has to be known of a source. */
const LEAST_LOWS = 6;
/** The lag grows by more than this … */
const GROWTH_MS = 750;
/** … in three steps of 5 s. A stall is one step, and its catching up is the way back. */
const STEPS = 3;
const STEP_MS = 5_000;
/** Each step counts that is longer than a network's jitter. */
const LEAST_STEP_MS = 150;
/** A source that comes irregularly also falls back. The growth must be more than this many times the longest way back. */
const FALLS = 2;

export class MediaLag {
  readonly #lows: Low[] = [];
  /** The lowest of the burst that may not be over. */
  #low: Low | undefined;
  #isGrowing = false;

  /** The media that comes next is on another clock, or after an outage. */
  restart(): void {
    this.#lows.length = 0;
    this.#low = undefined;
    this.#isGrowing = false;
  }

  /**
   * Media has come.
   * @param nowMs monotonic
   * @param mediaMs time of the newest media, on a clock without jumps
   */
  note(nowMs: number, mediaMs: number): void {
    const lagMs = nowMs - mediaMs;
    const low = this.#low;
    if (low !== undefined && lagMs >= low.lagMs) {
      if (nowMs - low.atMs < BURST_OVER_MS) return;
      this.#take(low);
    }
    this.#low = { atMs: nowMs, lagMs };
  }

  /** The source is too slow. It may recover. */
  get isGrowing(): boolean {
    return this.#isGrowing;
  }

  #take(low: Low): void {
    const lows = this.#lows;
    lows.push(low);
    while (lows.length > REMEMBERED_LOWS && low.atMs - (lows[0]?.atMs ?? 0) > MEMORY_MS) lows.shift();
    const growthMs = growthOf(lows);
    this.#isGrowing = growthMs > GROWTH_MS && growthMs > FALLS * longestFall(lows) && isHighest(lows);
  }
}

/** By how much the lag has grown over the last steps; 0 when one of them is none. */
function growthOf(lows: readonly Low[]): number {
  const newest = lows.at(-1);
  if (newest === undefined || lows.length < LEAST_LOWS) return 0;
  let from = newest;
  for (let step = 0; step < STEPS; step++) {
    const { atMs, lagMs } = from;
    const before = lows.findLast((low) => atMs - low.atMs >= STEP_MS);
    if (before === undefined || lagMs - before.lagMs < LEAST_STEP_MS) return 0;
    from = before;
  }
  return newest.lagMs - from.lagMs;
}

/** How far the lag has come down at most from what it had been before. */
function longestFall(lows: readonly Low[]): number {
  let highestMs = Number.NEGATIVE_INFINITY;
  let fallMs = 0;
  for (const { lagMs } of lows) {
    highestMs = Math.max(highestMs, lagMs);
    fallMs = Math.max(fallMs, highestMs - lagMs);
  }
  return fallMs;
}

function isHighest(lows: readonly Low[]): boolean {
  const newest = lows.at(-1);
  return newest !== undefined && lows.every((low) => low === newest || low.lagMs < newest.lagMs);
}
