/** What players of low latency wait for, and what they may ask. */

import { describe, expect, it } from 'vitest';
import type { ListedPart, SegmentList } from '../../../services/proxy/src/feed/hls/segment-list.ts';
import { hasReached, wishOf } from '../../../services/proxy/src/segments/reload.ts';

const parts = (count: number): ListedPart[] =>
  Array.from({ length: count }, (_, p) => ({ seconds: 0.33, independent: p === 0, bytes: 188, crc: p }));

/** A list whose newest segment is 7, with four parts. @param open how many parts of 8 there are */
function listed(open: number, partTarget: number | undefined = 0.33) {
  const list = {
    ...{ newest: { n: 7, parts: parts(4) }, partTarget },
    open: open === 0 ? undefined : { n: 8, parts: parts(open) },
  };
  return list as unknown as SegmentList;
}

describe('a reload is answered when the playlist has', () => {
  it.each<[string, number, number | undefined, number, boolean]>([
    ['a segment from before', 3, undefined, 0, true],
    ['the newest one', 7, undefined, 0, true],
    ['the next one', 8, undefined, 6, false],
    ['a part of the newest one', 7, 3, 0, true],
    ['a part of one from before, which it does not have', 6, 9, 0, true],
    ['a part of the next one that is there', 8, 1, 2, true],
    ['a part of the next one that is not', 8, 2, 2, false],
    ['a part of the one after it', 9, 0, 4, false],
    ['a part that the newest one does not have, and no part of the next one', 7, 4, 0, false],
    ['a part that the newest one does not have, and one of the next one', 7, 4, 1, true],
  ])('%s: %d, %j with %d parts', (_, msn, part, open, expected) => {
    expect(hasReached(listed(open), { msn, part })).toBe(expected);
  });

  it('the segment, where there are no parts', () => {
    const without = { ...listed(0), newest: { n: 7 }, partTarget: undefined } as unknown as SegmentList;
    expect([7, 8].map((msn) => hasReached(without, { msn, part: 5 }))).toEqual([true, false]);
  });
});

describe('a reload', () => {
  it('is read from the query', () => {
    expect(wishOf({})).toEqual({ skips: false });
    expect(wishOf({ _HLS_msn: '12', _HLS_skip: 'v2' })).toEqual({ skips: true, reload: { msn: 12, part: undefined } });
    expect(wishOf({ _HLS_msn: '12', _HLS_part: '0' })).toEqual({ skips: false, reload: { msn: 12, part: 0 } });
    expect(() => wishOf({ _HLS_part: '0' })).toThrow('_HLS_msn is missing beside _HLS_part.');
    expect(() => wishOf({ _HLS_msn: '-1' })).toThrow('_HLS_msn is no number.');
    expect(() => wishOf({ _HLS_msn: '1', _HLS_part: '1e9' })).toThrow('_HLS_part is no number.');
  });
});
