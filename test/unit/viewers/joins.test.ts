/** What came of viewers who wanted to play. */

import { expect, it } from 'vitest';
import { JOIN_RESULTS, Joins } from '../../../services/proxy/src/viewers/joins.ts';
import { UnfedStreams, type UnfedViewer } from '../../../services/proxy/src/viewers/unfed-streams.ts';
import { systemClock } from '../../../services/shared/clock.ts';

let nowMs = 0;
const clock = { ...systemClock, monotonicMs: () => nowMs };

function ground() {
  const joins = new Joins(clock);
  const heard: [string, number][] = [];
  joins.onFirstByte((start, seconds) => heard.push([start, seconds]));
  const counts = () => JOIN_RESULTS.map((result) => joins.counts.get(result));
  return { joins, heard, counts };
}

it('a viewer has joined with its first byte, and later ones say nothing', () => {
  const { joins, heard, counts } = ground();
  const [one, two] = [{}, {}];
  joins.asked(one);
  nowMs += 250;
  joins.asked(two, nowMs - 1_000);
  joins.firstByte(one, 'cold');
  joins.firstByte(one, 'warm');
  joins.firstByte(two, 'relay');
  joins.firstByte({}, 'warm');
  expect(heard).toEqual([
    ['cold', 0.25],
    ['relay', 1],
  ]);
  expect(counts()).toEqual([2, 0, 0, 0]);
});

it.each([
  [503, [0, 1, 0, 0]],
  [401, [0, 0, 1, 0]],
  [404, [0, 0, 1, 0]],
  [422, [0, 0, 1, 0]],
  [500, [0, 0, 0, 1]],
  [502, [0, 0, 0, 1]],
  [504, [0, 0, 0, 1]],
])('an answer of %i counts as what it is', (status, expected) => {
  const { joins, counts } = ground();
  joins.failed(status);
  expect(counts()).toEqual(expected);
});

it('a session that is given up has failed if it got nothing, and nobody goes on at once', () => {
  const { joins, counts } = ground();
  const [played, never, again] = [{}, {}, {}];
  for (const each of [played, never, again]) joins.asked(each);
  joins.firstByte(played, 'warm');
  joins.givenUp(played, false);
  joins.givenUp(never, false);
  joins.givenUp(again, true);
  expect(counts()).toEqual([1, 0, 0, 1]);
});

it('a stream without a feed has the viewers here, and all that they have got', () => {
  const streams = new UnfedStreams();
  const viewer = (streamId: string, bytes: number): UnfedViewer => ({ client: { streamId }, bytesServed: () => bytes });
  const [a, b, c] = [viewer('x', 10), viewer('x', 5), viewer('y', 1)];
  for (const each of [a, b, c]) streams.add(each);
  streams.remove(b);
  streams.remove(b);
  expect(streams.all).toEqual([
    { streamId: 'x', viewers: 1, bytesServed: 15 },
    { streamId: 'y', viewers: 1, bytesServed: 1 },
  ]);
  streams.remove(c);
  expect(streams.all.map(({ streamId }) => streamId)).toEqual(['x']);
});
