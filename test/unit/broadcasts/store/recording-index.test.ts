/** The index of a recording: what a segment changes of it, and that it is read as it was written. */

import { expect, it } from 'vitest';
import {
  bytesOf,
  indexText,
  readIndex,
  secondsOf,
  withSegment,
} from '../../../../services/proxy/src/broadcasts/store/recording-index.ts';
import { indexOf, segment } from '../support.ts';

it('numbers segments on from segment_start_number, and keeps all of a kept sequence', () => {
  const index = indexOf([{}, {}, {}], { startNumber: 40 });
  expect(index.segments.map(({ n }) => n)).toEqual([40, 41, 42]);
  expect([index.next, bytesOf(index), secondsOf(index)]).toEqual([43, 3_000, 18]);
});

it('lists a window of the newest segments, says which left it, and counts their discontinuities', () => {
  const full = indexOf([{ discontinuity: true }, {}], { kept: false, listSize: 2 });
  const { index, dropped } = withSegment(full, segment({ discontinuity: true }));
  expect(index.segments.map(({ n }) => n)).toEqual([1, 2]);
  expect(dropped.map(({ n }) => n)).toEqual([0]);
  expect([index.droppedDiscontinuities, index.next]).toEqual([1, 3]);
});

it('has a target duration that no segment is longer than', () => {
  expect(indexOf([{ seconds: 5.9 }, { seconds: 6.4 }]).targetDuration).toBe(6);
  expect(indexOf([{ seconds: 5.9 }, { seconds: 8.6 }, { seconds: 6 }]).targetDuration).toBe(9);
});

it('is read as it was written', () => {
  const index = indexOf([{}, { epoch: 9, discontinuity: true }], { callbackUrl: 'http://editor.example/callback' });
  expect(readIndex(indexText(index))).toEqual(index);
});

it.each(['', '{', '{}', 'null', '{"version":2}'])('is not read from %j', (text) => {
  expect(readIndex(text)).toBeUndefined();
});
