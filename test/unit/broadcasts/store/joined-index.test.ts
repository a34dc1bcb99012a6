/** One playlist of parts that several workers have, each in a folder of its own. */

import { expect, it } from 'vitest';
import { joinedIndex } from '../../../../services/proxy/src/broadcasts/store/joined-index.ts';
import {
  newIndex,
  type RecordingIndex,
  withSegment,
} from '../../../../services/proxy/src/broadcasts/store/recording-index.ts';
import { BEGIN_MS, order, segment } from '../support.ts';

/** What a worker has written under an epoch: these numbers, the first after a discontinuity if there is something before it. */
function part(
  epoch: number,
  from: number,
  to: number,
  more: { kept?: boolean; seconds?: number } = {},
): RecordingIndex {
  const { kept = true, seconds = 6 } = more;
  const empty = newIndex('news', epoch, order({ kept, listSize: 100, startNumber: from }), BEGIN_MS);
  let index: RecordingIndex = { ...empty, droppedDiscontinuities: from === 0 ? 0 : 3 };
  for (let n = from; n <= to; n++) {
    index = withSegment(index, segment({ epoch, seconds, discontinuity: n === from && n > 0 })).index;
  }
  return index;
}

const placed = (...parts: RecordingIndex[]) => parts.map((index) => ({ index, place: `worker ${index.epoch}` }));

it.each([
  { what: 'one part', parts: [part(1, 0, 3)], numbers: '0-3', places: '1111' },
  { what: 'two parts', parts: [part(1, 0, 1), part(2, 2, 3)], numbers: '0-3', places: '1122' },
  {
    what: 'three, in any order',
    parts: [part(2, 2, 2), part(3, 3, 4), part(1, 0, 1)],
    numbers: '0-4',
    places: '11233',
  },
  {
    what: 'a part that ends later than the next begins',
    parts: [part(1, 0, 3), part(2, 2, 3)],
    numbers: '0-3',
    places: '1122',
  },
  {
    what: 'nothing before a part that nobody has',
    parts: [part(1, 0, 1), part(3, 3, 4)],
    numbers: '3-4',
    places: '33',
  },
  {
    what: 'no part that is older than another one with the same numbers',
    parts: [part(1, 0, 2), part(2, 0, 2)],
    numbers: '0-2',
    places: '222',
  },
  {
    what: 'a window without what was before it',
    parts: [part(1, 0, 1), part(2, 2, 3, { kept: false })],
    numbers: '2-3',
    places: '22',
  },
])('lists $what', ({ parts, numbers, places }) => {
  const joined = joinedIndex(placed(...parts));
  const listed = joined?.index.segments.map(({ n }) => n) ?? [];
  expect(`${listed[0]}-${listed.at(-1)}`).toBe(numbers);
  expect(listed.map((n) => joined?.placeOf(n)?.slice(-1)).join('')).toBe(places);
});

it('lasts as long as the longest segment, counts the discontinuities before its first part, and says what the newest part says', () => {
  const newest = { ...part(2, 2, 3), state: 'stopped' as const };
  const index = joinedIndex(placed(part(1, 0, 1, { seconds: 9 }), newest))?.index;
  expect(index).toMatchObject({ targetDuration: 9, droppedDiscontinuities: 0, state: 'stopped', epoch: 2, next: 4 });
  expect(joinedIndex(placed(part(3, 3, 4)))?.index.droppedDiscontinuities).toBe(3);
});

it('is nothing where nothing was found', () => {
  expect(joinedIndex([])).toBeUndefined();
});
