/** What workers tell each other of segments: it arrives as it was said, and nonsense does not arrive. */

import { describe, expect, it } from 'vitest';
import type { ListedSegment, SegmentNews } from '../../../../services/proxy/src/feed/hls/segment-list.ts';
import { NewsSaid, newsText, readNews } from '../../../../services/proxy/src/feed/hls/segment-news.ts';

const segment = (n: number, change: Partial<ListedSegment> = {}): ListedSegment => ({
  ...{ n, mark: n, seconds: 2, pdtMs: 1_760_000_000_000.5, discontinuity: false, discontinuities: 1, gap: false },
  ...{ independent: true, bytes: 188, crc: 0xdeadbeef, chunk: 7 },
  counters: new Map([
    [0, 3],
    [0x100, 15],
  ]),
  ...change,
});
const NEWS: SegmentNews = {
  ...{ targetDuration: 2, from: 436_001_234 },
  segments: [segment(436_001_234), segment(436_001_235, { gap: true, init: '0123abcd' })],
};

describe('news of segments', () => {
  it('arrive as they were said', () => {
    expect(readNews(newsText(NEWS))).toEqual(NEWS);
    const none = { targetDuration: 1, from: undefined, segments: [] };
    expect(readNews(newsText(none))).toEqual(none);
  });

  it('are told once, again when they have changed, and when there are none any more', () => {
    const said = new NewsSaid();
    expect(said.of(undefined)).toBeUndefined();
    expect(said.of(NEWS)).toEqual(NEWS);
    expect(said.of(NEWS)).toBeUndefined();
    const [first, second] = NEWS.segments as [ListedSegment, ListedSegment];
    const mended = { ...second, gap: false };
    expect(said.of({ ...NEWS, segments: [first, mended] })).toEqual({ ...NEWS, segments: [mended] });
    const later = { targetDuration: 2, from: first.n + 1, segments: [first, mended] };
    expect(said.of(later)).toEqual({ ...later, segments: [] });
    expect(said.of(undefined)).toEqual({ targetDuration: 1, from: undefined, segments: [] });
    expect(said.of(undefined)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['no text of JSON', '{'],
    ['nothing', null],
    ['a number for all of it', 7],
    ['no target duration', { segments: [] }],
    ['a target duration of years', { targetDuration: 2 ** 31, segments: [] }],
    ['segments in another order', { targetDuration: 2, segments: [said(2), said(1)] }],
    ['one number twice', { targetDuration: 2, segments: [said(2), said(2)] }],
    ['a length below zero', { targetDuration: 2, segments: [{ ...said(1), bytes: -1 }] }],
    ['a date that cannot be written', { targetDuration: 2, segments: [{ ...said(1), pdtMs: 1e300 }] }],
    ['a counter of five bits', { targetDuration: 2, segments: [{ ...said(1), counters: [[256, 16]] }] }],
    ['no counters', { targetDuration: 2, segments: [{ ...said(1), counters: undefined }] }],
    ['a number that is no number', { targetDuration: 2, segments: [{ ...said(1), n: '1' }] }],
  ])('with %s are none', (_, what) => {
    expect(readNews(typeof what === 'string' ? what : JSON.stringify(what))).toBeUndefined();
  });
});

function said(n: number): object {
  return { ...segment(n), counters: [[256, 1]] };
}
