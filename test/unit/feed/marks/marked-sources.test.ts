/** The marks of what providers send: real media of each kind, behind the splicer of a source feed, over the wrap of its clock. */

import { describe, expect, it } from 'vitest';
import type { Mark } from '../../../../services/proxy/src/feed/marks/mark.ts';
import { markedSink } from '../../../../services/proxy/src/feed/marks/marked-sink.ts';
import { Marks } from '../../../../services/proxy/src/feed/marks/marks.ts';
import { TrackSurvey } from '../../../../services/proxy/src/mpegts/reading/track-survey.ts';
import { Splicer } from '../../../../services/proxy/src/mpegts/splicing/splicer.ts';
import type { LoopName } from '../../../support/fixtures.ts';
import { loadLoop } from '../../../support/live/loop.ts';
import { Player } from '../../../support/live/player.ts';

const SECOND = 90_000;
const WRAP = 2 ** 33;
const SECONDS = 30;
const WALL_MS = Date.UTC(2026, 0, 1);

/** The first of them has some closed ones, the second only says that its groups are open. */
const HAS_OPEN_GROUPS: readonly LoopName[] = ['numbered-open-gop', 'interlaced-mpeg2'];

/** The marks of that source when its clock is 11 s from the wrap at its start, and the times of its closed keyframes. */
async function marksOf(name: LoopName, segmentSeconds: number) {
  const marks = new Marks(segmentSeconds * SECOND);
  const made: Mark[] = [];
  const closed: number[] = [];
  const shown: number[] = [];
  const splicer = new Splicer(
    markedSink(
      {
        packets: () => undefined,
        programChanged: () => undefined,
        continuation: () => undefined,
        randomAccess: (point) => {
          if (point.closed) closed.push(point.pts);
        },
        progress: (_, pts) => {
          if (pts !== undefined) shown.push(pts);
        },
      },
      () => marks,
    ),
    { holdReordered: false, firstDts: WRAP - 11 * SECOND, survey: new TrackSurvey() },
  );
  const player = new Player(await loadLoop(name), { startPts: 900_000, startPhaseSeconds: 0, speed: 1 });
  splicer.beginInput({ kind: 'source' });
  for (let ms = 0; ms < SECONDS * 1_000; ms += 100) {
    const block = player.tick(ms);
    if (block !== undefined) splicer.push(block.bytes, ms);
    made.push(...marks.say(WALL_MS + ms));
  }
  const of = (list: Mark['list']) => made.filter((mark) => mark.list === list).map(({ pts }) => pts);
  return { made, closed, shown, clock: of('clock'), source: of('source') };
}

describe('a source', () => {
  it.each<[LoopName, number]>([
    ['plain', 2],
    ['bframes', 2],
    ['bframes', 3],
    ['interlaced-h264', 2],
    ['interlaced-mpeg2', 2],
    ['mpeg2', 2],
    ['fps-29.97', 2],
    ['fps-29.97', 3],
    ['gop10', 2],
    ['hevc', 2],
    ['numbered-open-gop', 2],
    ['audio-only', 2],
    ['audio-only', 3],
  ])('%s has its marks at %i s', async (name, segmentSeconds) => {
    const { made, closed, shown, clock, source } = await marksOf(name, segmentSeconds);
    const grid = segmentSeconds * SECOND;
    const decided = (shown.at(-1) as number) - SECOND;
    const multiples: number[] = [];
    for (let at = Math.floor((shown[0] as number) / grid) * grid; at <= decided; at += grid) multiples.push(at);
    expect(clock.slice(0, multiples.length)).toEqual(multiples);
    expect(clock.at(-1)).toBeGreaterThan(WRAP);

    // A keyframe of the source each, none of them nearer than three quarters of the time.
    const steps = source.slice(1).map((pts, index) => pts - (source[index] as number));
    expect(source.length).toBeGreaterThan(1);
    expect(steps.filter((step) => step < 0.75 * grid)).toEqual([]);
    if (!HAS_OPEN_GROUPS.includes(name)) {
      expect(source.filter((pts) => !closed.includes(pts))).toEqual([]);
      const skipped = closed.filter((pts) =>
        source.some((mark, at) => pts - mark >= 0.75 * grid && pts < (source[at + 1] ?? 0)),
      );
      expect(skipped).toEqual([]);
    }
    for (const list of ['clock', 'source'] as const) {
      const of = made.filter((mark) => mark.list === list);
      expect(of.map(({ n }) => n - (of[0]?.n ?? 0))).toEqual(of.map((_, index) => index));
      expect(of.map(({ discontinuity }) => discontinuity)).toEqual(of.map((_, index) => index === 0));
    }
  });
});
