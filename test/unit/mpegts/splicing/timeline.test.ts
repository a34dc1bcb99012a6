/** The clock: jumps, restarts and new inputs become one timeline. */

import { describe, expect, it } from 'vitest';
import { Timeline } from '../../../../services/proxy/src/mpegts/splicing/timeline.ts';
import { TIMESTAMP_WRAP, wrapTicks } from '../../../../services/proxy/src/mpegts/syntax/timestamp.ts';

const S = 90_000;
const FRAME = 3_600;
const AUDIO = 1_920;
const V = 0x100;
const A = 0x101;

/** Plays `seconds` of 25 fps video with 48 kHz AAC that lags by `lag`, and returns the output DTS of each track. */
function play(timeline: Timeline, from: number, seconds: number, wallMs: number, lag = 0) {
  const video: number[] = [];
  const audio: number[] = [];
  let nextAudio = from - lag;
  for (let n = 0; n < seconds * 25; n++) {
    const nowMs = wallMs + n * 40;
    const placed = timeline.place(V, wrapTicks(from + n * FRAME), nowMs, true);
    if (placed !== undefined) video.push(placed.dts);
    while (nextAudio < from + n * FRAME - lag) {
      const sound = timeline.place(A, wrapTicks(nextAudio), nowMs, false);
      if (sound !== undefined) audio.push(sound.dts);
      nextAudio += AUDIO;
    }
  }
  return { video, audio };
}

function maxStep(list: number[]): number {
  return Math.max(...list.slice(1).map((dts, index) => dts - (list[index] as number)));
}

function minStep(list: number[]): number {
  return Math.min(...list.slice(1).map((dts, index) => dts - (list[index] as number)));
}

describe('Timeline', () => {
  it.each([-4, -30, -110, 10, 3600, 0.3 - 2])(
    'repairs a jump of %d s, on both tracks, keeping them together',
    (jump) => {
      const timeline = new Timeline(10 * S);
      timeline.beginInput('rebase');
      const before = play(timeline, 1_000 * S, 6, 0, 0.5 * S);
      const after = play(timeline, (1_000 + 6 + jump) * S, 6, 6_000, 0.5 * S);
      const video = [...before.video, ...after.video];
      const audio = [...before.audio, ...after.audio];
      expect(minStep(video)).toBeGreaterThan(0);
      expect(maxStep(video)).toBe(FRAME);
      expect(video).toHaveLength(300);
      expect(minStep(audio)).toBeGreaterThan(0);
      expect(maxStep(audio)).toBeLessThan(0.7 * S);
      const offset = (audio.at(-1) as number) - (video.at(-1) as number);
      expect(Math.abs(offset + 0.5 * S)).toBeLessThan(2 * FRAME);
    },
  );

  it('does not notice the 33-bit wrap', () => {
    const timeline = new Timeline(10 * S);
    timeline.beginInput('rebase');
    const { video } = play(timeline, TIMESTAMP_WRAP - 3 * S, 6, 0);
    expect(maxStep(video)).toBe(FRAME);
    expect(minStep(video)).toBe(FRAME);
  });

  it('accepts a gap that the wall clock explains, and says so', () => {
    const timeline = new Timeline(10 * S);
    timeline.beginInput('rebase');
    play(timeline, 100 * S, 2, 0);
    const placed = timeline.place(V, 107 * S, 7_000, true);
    expect(placed).toMatchObject({ dts: 17 * S, jump: true, clockJump: false });
  });

  it('goes on by wall clock when the input restarts its clock', () => {
    const timeline = new Timeline(10 * S);
    timeline.beginInput('rebase');
    const { video } = play(timeline, 500 * S, 2, 0);
    timeline.beginInput('resume');
    const placed = timeline.place(V, 0, 1_960 + 3_000, true);
    expect(placed).toMatchObject({ dts: (video.at(-1) as number) + 3 * S, jump: true, clockJump: true });
    // Once, and the tracks that come later have jumped with it.
    expect(timeline.place(V, FRAME, 1_960 + 3_040, true)).toMatchObject({ jump: false, clockJump: false });
    expect(timeline.place(A, 0, 1_960 + 3_040, false)).toMatchObject({ clockJump: true });
  });

  it('keeps the clock of a provider that was away for a while', () => {
    const timeline = new Timeline(10 * S);
    timeline.beginInput('rebase');
    play(timeline, 500 * S, 2, 0);
    timeline.beginInput('resume');
    // Media is missing, which is signalled. How long it was is known.
    expect(timeline.place(V, 505 * S, 5_000, true)).toMatchObject({ dts: 15 * S, jump: true, clockJump: false });
  });

  it('drops what an aligned input repeats, and continues without a step', () => {
    const timeline = new Timeline(undefined);
    timeline.beginInput('rebase');
    const { video, audio } = play(timeline, 100 * S, 2, 0);
    timeline.beginInput('aligned');
    const again = play(timeline, 101 * S, 3, 2_000);
    expect(again.video[0]).toBe((video.at(-1) as number) + FRAME);
    const gap = (again.audio[0] as number) - (audio.at(-1) as number);
    expect(gap).toBeGreaterThan(0);
    expect(gap).toBeLessThanOrEqual(2 * AUDIO);
  });

  it('knows which of two clocks a unit belongs to while only one track has jumped', () => {
    const timeline = new Timeline(10 * S);
    timeline.beginInput('rebase');
    const STEP = 0.36 * S;
    for (let n = 0; n < 10; n++) timeline.place(A, 100 * S + n * STEP, n * 360, false);
    for (let n = 0; n < 90; n++) timeline.place(V, 100 * S + n * FRAME, n * 40, true);
    // Pictures go back by a second; sound does so three units later.
    timeline.place(V, 99 * S + 90 * FRAME, 3_600, true);
    const sound = [10, 11, 12].map((n) => timeline.place(A, 100 * S + n * STEP, 3_600, false)?.dts);
    sound.push(timeline.place(A, 99 * S + 13 * STEP, 3_640, false)?.dts);
    expect(sound).toEqual([10, 11, 12, 13].map((n) => 10 * S + n * STEP));
  });

  it('lets pictures come back to where sound has got to meanwhile, however late they arrive', () => {
    const timeline = new Timeline(10 * S);
    timeline.beginInput('rebase');
    play(timeline, 100 * S, 2, 0);
    for (let n = 0; n < 300; n++) timeline.place(A, 102 * S + n * AUDIO, 2_000, false);
    expect(timeline.place(V, 108 * S, 2_000, true)).toMatchObject({ dts: 18 * S, jump: true });
    expect(timeline.place(A, 108.5 * S, 2_000, false)).toMatchObject({ dts: 18.5 * S });
  });

  it('takes a gap of a repaired clock for what it is, even if both sides of it arrive together', () => {
    const timeline = new Timeline(undefined);
    timeline.beginInput('rebase', true);
    play(timeline, 100 * S, 2, 0);
    expect(timeline.place(V, 105 * S, 2_000, true)).toMatchObject({ dts: 105 * S, jump: true });
    expect(timeline.place(A, 105 * S, 2_000, false)).toMatchObject({ dts: 105 * S, jump: true });
  });

  it('lets the first sound come where the pictures are, though it is on another clock than they', () => {
    const timeline = new Timeline(10 * S);
    timeline.beginInput('rebase');
    for (let n = 0; n < 25; n++) timeline.place(V, 100 * S + n * FRAME, n * 40, true);
    const sound: number[] = [];
    for (let n = 25; n < 150; n++) {
      timeline.place(V, 100 * S + n * FRAME, n * 40, true);
      const placed = timeline.place(A, 30_000 * S + n * FRAME, n * 40, false);
      if (placed !== undefined) sound.push(placed.dts - (timeline.lastDts(V) ?? 0));
    }
    expect(Math.max(...sound.map(Math.abs))).toBeLessThan(0.1 * S);
    // It has waited a second for pictures on its clock.
    expect(sound.length).toBe(100);
    expect(timeline.lastDts(V)).toBe(10 * S + 149 * FRAME);
  });

  it('nudges a unit that is out of order by less than a frame', () => {
    const timeline = new Timeline(0);
    timeline.beginInput('rebase');
    timeline.place(V, 0, 0, true);
    timeline.place(V, FRAME, 40, true);
    expect(timeline.place(V, FRAME - 100, 80, true)?.dts).toBe(FRAME + 1);
    expect(timeline.place(V, 2 * FRAME, 120, true)?.dts).toBe(2 * FRAME);
  });
});
