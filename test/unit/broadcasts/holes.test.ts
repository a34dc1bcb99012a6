/** A broadcast of a feed in which media is missing: each hole is where a discontinuity says so, and nowhere else. */

import { expect, it } from 'vitest';
import { feedEntry } from '../../../services/proxy/src/broadcasts/feed-entry.ts';
import {
  type FeedSegment,
  type SegmentGroup,
  SegmentGroups,
} from '../../../services/proxy/src/broadcasts/segment-groups.ts';
import type { Done } from '../../../services/proxy/src/feed/hls/segment-events.ts';
import { expectClean, judgeTs } from '../../support/judge/index.ts';
import { markedLoop, segmentsOf } from '../../support/segmented.ts';

/** The loops have 25 pictures a second. */
const FRAME_TICKS = 3_600;

/** What a list says of the segments of a feed. */
function listed(dones: readonly Done[]): FeedSegment[] {
  return dones.map(({ n, seconds, mediaSeconds, mark, gap }) => ({
    ...{ n, seconds, mediaSeconds, pdtMs: mark.pdtMs, gap },
    // That of the first mark is where the feed begins.
    discontinuity: false,
  }));
}

/** What is between two discontinuities, as bytes. */
function stretchesOf(groups: readonly SegmentGroup[], dones: readonly Done[]): Buffer[] {
  const stretches: Buffer[][] = [];
  for (const { members, discontinuity } of groups) {
    if (stretches.length === 0 || discontinuity) stretches.push([]);
    for (const n of members) stretches.at(-1)?.push(dones.find((done) => done.n === n)?.ts?.bytes ?? Buffer.alloc(0));
  }
  return stretches.map((pieces) => Buffer.concat(pieces));
}

it.each([
  { what: 'shorter than a segment', lostMs: 900 },
  { what: 'as long as several segments', lostMs: 5_300 },
])('marks a hole that is $what', async ({ lostMs }) => {
  const isLost = (ms: number) => ms >= 5_300 && ms < 5_300 + lostMs;
  const { dones } = segmentsOf(await markedLoop('bframes', { seconds: 16, isLost, reconnects: true }));
  const segments = listed(dones);
  const groups = new SegmentGroups(4);
  const all = [...segments.flatMap((segment) => groups.add(segment)), ...groups.end()];
  const stretches = stretchesOf(all, dones);
  expect(stretches).toHaveLength(2);
  for (const stretch of stretches) {
    expectClean(judgeTs(stretch), { video: true, audio: true, maxSignalled: 0, frameTicks: FRAME_TICKS });
    expect(judgeTs(stretch).startsWith).toMatchObject({ packetsBeforePat: 0, firstVideoIsKeyframe: true });
  }
  // Each says how much media it has, without the hole.
  for (const { members, seconds } of all.slice(0, -1)) {
    const bytes = Buffer.concat(members.map((n) => dones.find((done) => done.n === n)?.ts?.bytes ?? Buffer.alloc(0)));
    const pictures = (judgeTs(bytes).video?.pes ?? []).length;
    expect(Math.abs(pictures / 25 - seconds)).toBeLessThan(0.1);
  }
  // A worker that goes on with it there knows of the hole from the list alone.
  const at = segments.findIndex(({ mediaSeconds }) => mediaSeconds !== undefined);
  const { n = 0, pdtMs = 0, mediaSeconds = 0 } = segments[at] ?? {};
  const position = { next: n + 1, endMs: pdtMs + mediaSeconds * 1_000 };
  expect(feedEntry(segments.slice(0, at + 1), position)).toEqual({ from: n + 1, isBroken: true });
  expect(feedEntry(segments, position)).toEqual({ from: n + 1, isBroken: true });
});

it('takes rare pictures for no hole while there is sound', async () => {
  const { dones } = segmentsOf(await markedLoop('audio-only', { seconds: 9 }));
  expect(dones.length).toBeGreaterThan(2);
  expect(dones.filter(({ mediaSeconds }) => mediaSeconds !== undefined)).toEqual([]);
});
