/** Which segments of a feed make one segment of a broadcast. */

import { expect, it } from 'vitest';
import { type FeedSegment, SegmentGroups } from '../../../services/proxy/src/broadcasts/segment-groups.ts';
import { BEGIN_MS } from './support.ts';

function feed(seconds: readonly number[], changes: Record<number, Partial<FeedSegment>> = {}): FeedSegment[] {
  return seconds.map((each, n) => ({
    ...{ n, seconds: each, pdtMs: BEGIN_MS + n * 1_000, discontinuity: false, gap: false },
    ...changes[n],
  }));
}

function groupsOf(segments: readonly FeedSegment[], seconds = 6) {
  const groups = new SegmentGroups(seconds);
  return [...segments.flatMap((segment) => groups.add(segment)), ...groups.end()];
}

it.each<[string, readonly number[], readonly number[][]]>([
  ['2 s each', [2, 2, 2, 2, 2, 2, 2], [[0, 1, 2], [3, 4, 5], [6]]],
  [
    'a little less than 2 s each',
    [1.92, 1.92, 1.92, 1.92, 1.92, 1.92],
    [
      [0, 1, 2],
      [3, 4, 5],
    ],
  ],
  ['4 s each', [4, 4, 4], [[0], [1], [2]]],
  ['5 s each', [5, 5], [[0], [1]]],
  ['10 s each', [10, 10], [[0], [1]]],
  [
    'different ones',
    [2, 1, 3.5, 2, 4],
    [
      [0, 1, 2],
      [3, 4],
    ],
  ],
])('makes groups of about 6 s out of segments of %s', (_, seconds, members) => {
  expect(groupsOf(feed(seconds)).map((group) => group.members)).toEqual(members);
});

it('says of a group when it begins and how long it is', () => {
  expect(groupsOf(feed([2, 2, 2]))).toEqual([
    { members: [0, 1, 2], seconds: 6, pdtMs: BEGIN_MS, discontinuity: false },
  ]);
});

it('ends a group before a discontinuity, and says it with the next one', () => {
  const groups = groupsOf(feed([2, 2, 2, 2], { 1: { discontinuity: true } }));
  expect(groups.map(({ members, discontinuity }) => [members, discontinuity])).toEqual([
    [[0], false],
    [[1, 2, 3], true],
  ]);
});

it('leaves a gap out, and signals it', () => {
  const groups = groupsOf(feed([2, 2, 2, 2, 2, 2], { 1: { gap: true }, 2: { gap: true } }));
  expect(groups.map(({ members, discontinuity }) => [members, discontinuity])).toEqual([
    [[0], false],
    [[3, 4, 5], true],
  ]);
});

it('signals numbers that are missing', () => {
  const [first, , ...rest] = feed([2, 2, 2, 2, 2]);
  const groups = groupsOf([first as FeedSegment, ...rest]);
  expect(groups.map(({ members, discontinuity }) => [members, discontinuity])).toEqual([
    [[0], false],
    [[2, 3, 4], true],
  ]);
});

it('begins with a discontinuity if it is told to, and signals that once', () => {
  const groups = new SegmentGroups(2, true);
  expect(
    feed([2, 2])
      .flatMap((segment) => groups.add(segment))
      .map(({ discontinuity }) => discontinuity),
  ).toEqual([true, false]);
  expect(groups.newest).toBe(1);
});
