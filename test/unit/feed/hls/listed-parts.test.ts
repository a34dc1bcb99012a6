/** Parts in the list of a feed: those of the segment that is open, over a change of the worker that makes them, and as workers tell them. */

import { describe, expect, it } from 'vitest';
import type { Done, Part, PartFacts } from '../../../../services/proxy/src/feed/hls/segment-events.ts';
import { listedSegment, SegmentList } from '../../../../services/proxy/src/feed/hls/segment-list.ts';
import { NewsSaid, newsText, readNews } from '../../../../services/proxy/src/feed/hls/segment-news.ts';
import type { Mark } from '../../../../services/proxy/src/feed/marks/mark.ts';

const INIT = { key: '0123abcd', bytes: Buffer.from('init'), codecs: [], size: undefined };
const BEGIN = { list: 'clock', longestStepSeconds: 0, partTarget: 0.33 } as const;

const mark = (n: number, change: Partial<Mark> = {}): Mark => ({
  ...{ list: 'clock', n, pts: n * 180_000, pdtMs: n * 2_000, discontinuities: 1, discontinuity: false },
  ...change,
});
const facts = (crc: number): PartFacts => ({ seconds: 0.32, independent: false, bytes: 188, crc });
const part = (n: number, p: number, crc = 10 * n + p, change: Partial<Mark> = {}): Omit<Part, 'bytes'> => ({
  ...{ n, p, mark: mark(n, change), init: INIT, facts: facts(crc) },
});
const done = (n: number, crcs: readonly number[]): Done => ({
  ...{ n, mark: mark(n), independent: true, seconds: 2, gap: false, ts: undefined, counters: new Map(), chunk: 1 },
  fmp4: { bytes: Buffer.alloc(188 * crcs.length), crc: n, init: INIT, parts: crcs.map(facts) },
});

/** Its newest segment is 7. */
function listed(partTarget: number | undefined = 0.33): SegmentList {
  const list = new SegmentList({ segmentSeconds: 2, size: { segments: 4 } });
  add(list, done(7, [1, 2]), partTarget);
  return list;
}

function add(list: SegmentList, each: Done, partTarget: number | undefined = 0.33): void {
  list.add(listedSegment(each, 'fmp4', list.newest, 0), { ...BEGIN, partTarget });
}

const crcsOf = (list: SegmentList, n: number) => {
  const parts = list.open?.n === n ? list.open.parts : list.of(n)?.parts;
  return parts?.map(({ crc, gap }) => (gap === true ? 'gap' : crc));
};

describe('the numbers of a list', () => {
  it('jump ahead: playlists begin anew, and who knows those of before still gets them', () => {
    const list = listed();
    for (const n of [8, 9, 10, 74, 75]) add(list, done(n, [1]));
    expect(list.window.map(({ n }) => n)).toEqual([74, 75]);
    expect([8, 10, 74].map((n) => list.of(n)?.n)).toEqual([8, 10, 74]);
    for (const n of [76, 77, 78]) add(list, done(n, [1]));
    expect(list.window.map(({ n }) => n)).toEqual([75, 76, 77, 78]);
    expect(list.kept.map(({ n }) => n)).toEqual([9, 10, 74, 75, 76, 77, 78]);
  });
});

describe('the parts of the segment that is open', () => {
  it('come behind the newest segment, one after the other, and stay with it', () => {
    const list = listed();
    for (const each of [part(8, 1), part(9, 0), part(7, 0), part(8, 0), part(8, 0), part(8, 2), part(8, 1)])
      list.addPart(each, 0);
    expect(list.open).toMatchObject({ n: 8, mark: 8, pdtMs: 16_000, discontinuity: false, init: '0123abcd' });
    expect(crcsOf(list, 8)).toEqual([80, 81]);
    add(list, done(8, [80, 81, 82]));
    expect([list.open, crcsOf(list, 8), list.partOf(8, 2)?.crc]).toEqual([undefined, [80, 81, 82], 82]);
  });

  it('begin with a discontinuity where their segment does', () => {
    const list = listed();
    list.addPart(part(8, 0, 80, { discontinuities: 2, discontinuity: true }), 0);
    expect(list.open).toMatchObject({ discontinuity: true, discontinuities: 2 });
  });

  it('are not listed of a feed without parts, which never changes', () => {
    const list = new SegmentList({ segmentSeconds: 2, size: { segments: 4 } });
    list.add(listedSegment(done(7, []), 'fmp4', undefined, 0), { ...BEGIN, partTarget: undefined });
    add(list, done(8, []), 0.33);
    list.addPart(part(9, 0), 0);
    expect([list.partTarget, list.open]).toEqual([undefined, undefined]);
  });

  it('that the worker before has listed stay where this one has the same, and get its media where that is gone', () => {
    const list = listed();
    for (const each of [part(8, 0), part(8, 1), part(8, 2)]) list.addPart(each, 0);
    const before = list.open;
    list.addPart(part(8, 0), 0);
    expect(list.open).toBe(before);
    list.addPart(part(8, 1, 99), 0);
    expect(crcsOf(list, 8)).toEqual([80, 99, 82]);
    add(list, done(8, [80, 99]));
    expect(crcsOf(list, 8)).toEqual([80, 99, 'gap']);
  });

  it('are those, too, of which only another follower has heard', () => {
    const list = listed();
    list.addPart(part(8, 0), 0);
    const theirs = listed();
    for (const each of [part(8, 0), part(8, 1), part(8, 2)]) theirs.addPart(each, 0);
    expect([list.takeParts(undefined), list.takeParts(theirs.open), list.takeParts(theirs.open)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(crcsOf(list, 8)).toEqual([80, 81, 82]);
    add(list, done(8, [80]));
    expect([list.takeParts(theirs.open), crcsOf(list, 8)]).toEqual([false, [80, 'gap', 'gap']]);
    const late = listed();
    expect([late.takeParts(theirs.open), crcsOf(late, 8)]).toEqual([true, [80, 81, 82]]);
  });

  it('have no media where the segment of the worker that goes on has fewer', () => {
    const list = listed();
    add(list, done(8, [80, 81, 82]));
    list.replace(8, { bytes: 188, crc: 8, gap: false, init: INIT.key, parts: [facts(90)] });
    expect(crcsOf(list, 8)).toEqual([90, 'gap', 'gap']);
  });
});

describe('workers tell each other', () => {
  it('of each part as soon as it is there, and of how long parts are', () => {
    const [list, follower, said] = [listed(), listed(), new NewsSaid()];
    const tell = () => {
      const news = said.of(list.news);
      if (news !== undefined) follower.take(readNews(newsText(news)) as NonNullable<ReturnType<typeof readNews>>);
      return news;
    };
    tell();
    expect([follower.partTarget, follower.isBegun]).toEqual([0.33, true]);
    list.addPart(part(8, 0), 0);
    expect(tell()?.segments).toEqual([]);
    list.addPart(part(8, 1), 0);
    tell();
    expect(follower.open).toEqual(list.open);
    expect(tell()).toBeUndefined();
    add(list, done(8, [80, 81]));
    tell();
    expect([follower.open, crcsOf(follower, 8)]).toEqual([undefined, [80, 81]]);
  });

  it.each([
    ['a part of no length', { seconds: 0 }],
    ['a part of years', { seconds: 1e9 }],
    ['a checksum that is none', { crc: 'x' }],
  ])('nothing with %s', (_, change) => {
    const list = listed();
    list.addPart({ ...part(8, 0), facts: { ...facts(1), ...(change as object) } }, 0);
    expect(readNews(newsText(list.news))).toBeUndefined();
  });
});
