/** Sources of every rhythm, as models: which of them are too slow, and how soon that is noticed. */

import { describe, expect, it } from 'vitest';
import { MediaLag } from '../../../../services/proxy/src/upstream/failover/media-lag.ts';

/** A picture comes every 40 ms of media. */
const PICTURE_MS = 40;
const MINUTE_MS = 60_000;

/** When each picture comes: the media time by which it is due, on the clock of the one who watches. */
type Due = (mediaMs: number) => number;

const steady =
  (speed: number): Due =>
  (mediaMs) =>
    mediaMs / speed;

/** Nothing, and then all that has become due, each `seconds` of media. The pictures of a burst come four times as fast. */
const bursts =
  (seconds: number, speed = 1): Due =>
  (mediaMs) => {
    const size = seconds * 1_000;
    const into = mediaMs % size;
    return (mediaMs - into + size) / speed + into / 4;
  };

/** A sequence of numbers from 0 to 1 without an order, the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Each burst of `seconds` is late by up to `lateMs`, as from somebody who asks for segments now and then. */
function irregular(seconds: number, lateMs: number, seed: number): Due {
  const next = numbers(seed);
  const late: number[] = [];
  return (mediaMs) => {
    const burst = Math.floor(mediaMs / (seconds * 1_000));
    while (late.length <= burst) late.push(next() * lateMs);
    return bursts(seconds)(mediaMs) + (late[burst] ?? 0);
  };
}

/** Nothing comes from `atMs` on for `ms`; then the rest comes at `catchUp` times its speed until it is in time again. */
const stalled =
  (of: Due, atMs: number, ms: number, catchUp: number): Due =>
  (mediaMs) => {
    const due = of(mediaMs);
    if (due < atMs) return due;
    return Math.max(due, atMs + ms + (due - atMs) / catchUp);
  };

/** @returns when it was too slow for the first time, in s of the watcher; undefined: it never was */
function slowAt(due: Due, { forMs = 10 * MINUTE_MS, lag = new MediaLag(), fromMs = 0 } = {}): number | undefined {
  let nowMs = 0;
  for (let mediaMs = fromMs; nowMs < fromMs + forMs; mediaMs += PICTURE_MS) {
    nowMs = Math.max(nowMs, due(mediaMs));
    lag.note(nowMs, mediaMs);
    if (lag.isGrowing) return (nowMs - fromMs) / 1_000;
  }
  return undefined;
}

describe('a source in real time', () => {
  it.each([
    ['steady', steady(1)],
    ['in bursts of 2 s', bursts(2)],
    ['in bursts of 6 s', bursts(6)],
    ['in bursts of 10 s', bursts(10)],
    ['in bursts of 15 s', bursts(15)],
    ['with a lead at its beginning', (mediaMs) => (mediaMs < 8_000 ? mediaMs / 20 : mediaMs - 7_600)],
    ['that is faster', steady(1.2)],
    ['whose clock goes wrong by a second in an hour', steady(1 - 1 / 3_600)],
    ['that stalls for 5 s and sends the rest at once', stalled(steady(1), 40_000, 5_000, 1_000)],
    ['that stalls for 8 s and catches up within 40 s', stalled(steady(1), 40_000, 8_000, 1.2)],
    ['that stalls for 5 s in the first seconds', stalled(steady(1), 3_000, 5_000, 2)],
    ['that stalls for 12 s and catches up in bursts', stalled(bursts(2), 40_000, 12_000, 3)],
    ['that stalls for 8 s and stays behind', (mediaMs) => (mediaMs < 40_000 ? mediaMs : mediaMs + 8_000)],
    ['that creeps for 8 s and catches up', (mediaMs) => mediaMs + 6 * Math.max(0, 1_000 - Math.abs(mediaMs - 40_000))],
  ] satisfies [string, Due][])('%s is not too slow', (_what, due) => {
    expect(slowAt(due)).toBeUndefined();
  });

  it.each([
    [2, 500],
    [2, 3_000],
    [4, 2_000],
    [6, 1_000],
    [6, 3_000],
    [10, 3_000],
    [15, 6_000],
  ])('in bursts of %d s that are late by up to %d ms is not too slow within two hours', (seconds, lateMs) => {
    for (const seed of [1, 2, 3]) {
      expect(slowAt(irregular(seconds, lateMs, seed), { forMs: 120 * MINUTE_MS })).toBeUndefined();
    }
  });
});

describe('a source that is too slow', () => {
  it.each([
    ['steady at 0.9', steady(0.9), 18],
    ['steady at 0.94', steady(0.94), 18],
    ['at half the speed', steady(0.5), 18],
    ['in bursts of 2 s at 0.9', bursts(2, 0.9), 25],
    ['in bursts of 6 s at 0.9', bursts(6, 0.9), 50],
    ['in bursts of 10 s at 0.9', bursts(10, 0.9), 80],
    ['after half an hour in time', (mediaMs) => mediaMs + Math.max(0, mediaMs - 1_800_000) / 9, 1_818],
  ] satisfies [string, Due, number][])('%s is noticed', (_what, due, withinS) => {
    const seconds = slowAt(due, { forMs: 40 * MINUTE_MS });
    expect(seconds).toBeGreaterThan(withinS - 18);
    expect(seconds).toBeLessThanOrEqual(withinS);
  });

  it('whose connections begin anew is noticed no sooner than the first one', () => {
    const lag = new MediaLag();
    expect(slowAt(steady(0.9), { lag, forMs: 14_000 })).toBeUndefined();
    lag.restart();
    expect(slowAt(steady(0.9), { lag, forMs: 14_000, fromMs: 100_000 })).toBeUndefined();
    lag.restart();
    expect(slowAt(steady(0.9), { lag, fromMs: 200_000 })).toBeDefined();
    lag.restart();
    expect(lag.isGrowing).toBe(false);
  });

  it('and has caught up again is not too slow any more', () => {
    const lag = new MediaLag();
    expect(slowAt(steady(0.9), { lag })).toBeDefined();
    for (let mediaMs = 100_000; mediaMs < 130_000; mediaMs += PICTURE_MS) lag.note(mediaMs, mediaMs);
    expect(lag.isGrowing).toBe(false);
  });
});
