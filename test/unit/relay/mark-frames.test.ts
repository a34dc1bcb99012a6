/** A follower hears of each mark once, before its media, and believes none that cannot be. */

import { describe, expect, it } from 'vitest';
import type { Mark, MarkList } from '../../../services/proxy/src/feed/marks/mark.ts';
import { MarkLog } from '../../../services/proxy/src/feed/marks/mark-log.ts';
import { HeardMarks, MARKS_VERSION, MarkNews, type SaidMarks } from '../../../services/proxy/src/relay/mark-frames.ts';
import { encodeFrame, FrameReader, type RelayFrame } from '../../../services/proxy/src/relay/relay-frames.ts';

const T = 180_000;
const STATE = { openInARow: 0, openCounts: false };

function mark(list: MarkList, n: number, over: Partial<Mark> = {}): Mark {
  const pdtMs = Date.UTC(2026, 0, 1) + n * 2_000 + 1 / 3;
  return { list, n, pts: n * T, pdtMs, discontinuities: 1, discontinuity: false, ...over };
}

function logOf(...marks: Mark[]): MarkLog {
  const log = new MarkLog();
  log.add(marks, STATE);
  return log;
}

/** What arrives of a frame that is sent. */
function received(segments: unknown): SaidMarks[] {
  const frames: RelayFrame[] = [];
  const frame = { type: 'segments', segments } as Exclude<RelayFrame, { type: 'data' }>;
  new FrameReader().push(encodeFrame(frame), (each) => frames.push(each));
  return frames.flatMap((each) => (each.type === 'segments' ? [each.segments] : []));
}

function hear(heard: HeardMarks, said: SaidMarks | undefined): void {
  for (const each of said === undefined ? [] : received(said)) heard.take(each);
}

describe('marks over a relay', () => {
  it('come once each, as they were said', () => {
    const log = logOf(mark('clock', 5), mark('source', 3));
    const news = new MarkNews(MARKS_VERSION);
    const heard = new HeardMarks();
    hear(heard, news.of(log));
    expect(news.of(log)).toBe(undefined);
    log.add([mark('clock', 6)], { openInARow: 1, openCounts: true });
    const second = news.of(log);
    expect(second?.marks).toEqual([mark('clock', 6)]);
    hear(heard, second);
    expect(heard.source?.after(0)).toEqual(log.after(0));
    expect(heard.source?.state).toEqual(log.state);
  });

  it('come with the jumps that no mark has said yet, each once', () => {
    const log = logOf(mark('clock', 5), mark('source', 3));
    const news = new MarkNews(MARKS_VERSION);
    const heard = new HeardMarks();
    hear(heard, news.of(log));
    const jump = { dts: 4 * T, discontinuities: 2 };
    log.owe({ source: jump });
    const second = news.of(log);
    expect(second).toMatchObject({ marks: [], jumps: { source: jump } });
    hear(heard, second);
    expect(heard.source?.state).toEqual(log.state);
    log.owe({ source: { ...jump } });
    expect(news.of(log)).toBe(undefined);
    // Who dials later hears of it, too.
    const late = new HeardMarks();
    hear(late, new MarkNews(MARKS_VERSION).of(log));
    expect(late.source?.state).toEqual(log.state);
  });

  it('begin anew with another source feed', () => {
    const news = new MarkNews(MARKS_VERSION);
    const heard = new HeardMarks();
    hear(heard, news.of(logOf(mark('clock', 5), mark('clock', 6))));
    hear(heard, news.of(undefined));
    expect(heard.source).toBe(undefined);
    hear(heard, news.of(logOf(mark('clock', 2))));
    expect(heard.source?.after(0)).toEqual([mark('clock', 2)]);
  });

  it('are not for a worker that would end its relay at such a frame', () => {
    expect(new MarkNews(MARKS_VERSION - 1).of(logOf(mark('clock', 5)))).toBe(undefined);
  });

  it("are the feed's own, or those of its source, and end when it makes no more of its own", () => {
    const heard = new HeardMarks();
    const [news, ownNews] = [new MarkNews(MARKS_VERSION), new MarkNews(MARKS_VERSION, true)];
    hear(heard, ownNews.of(undefined));
    expect(heard.own).toBe(undefined);
    hear(heard, news.of(logOf(mark('clock', 5))));
    hear(heard, ownNews.of(logOf(mark('source', 9))));
    expect([heard.source?.after(0), heard.own?.after(0)]).toEqual([[mark('clock', 5)], [mark('source', 9)]]);
    hear(heard, ownNews.of(undefined));
    expect([heard.source?.after(0), heard.own]).toEqual([[mark('clock', 5)], undefined]);
    hear(heard, ownNews.of(logOf(mark('source', 40))));
    expect(heard.own?.after(0)).toEqual([mark('source', 40)]);
  });

  it('pass through a third worker', () => {
    const log = logOf(mark('clock', 5), mark('source', 3));
    const [first, second] = [new HeardMarks(), new HeardMarks()];
    const [news, passedOn] = [new MarkNews(MARKS_VERSION), new MarkNews(MARKS_VERSION)];
    for (const n of [6, 7, 8]) {
      hear(first, news.of(log));
      hear(second, passedOn.of(first.source));
      log.add([mark('clock', n), mark('source', n)], STATE);
    }
    hear(first, news.of(log));
    hear(second, passedOn.of(first.source));
    expect(second.source?.after(0)).toEqual(log.after(0));
  });

  const good = mark('source', 5);
  const { n: _, ...withoutNumber } = good;
  it.each<[string, unknown]>([
    ['is no frame', 'marks'],
    ['has no marks', { source: STATE }],
    ['says of whom they are in a way that nobody knows', { own: 1, marks: [good], source: STATE }],
    ['has no state', { marks: [good] }],
    ['has a state that is none', { marks: [good], source: { openInARow: -1, openCounts: false } }],
    ['has a mark of another list', { marks: [{ ...good, list: 'wall' }], source: STATE }],
    ['has a mark without a number', { marks: [withoutNumber], source: STATE }],
    ['has a number that cannot be counted on', { marks: [{ ...good, n: 2 ** 53 }], source: STATE }],
    ['has half a number', { marks: [{ ...good, n: 5.5 }], source: STATE }],
    ['has a time of no source', { marks: [{ ...good, pts: 1e300 }], source: STATE }],
    ['has a date that is none', { marks: [{ ...good, pdtMs: 1e15 }], source: STATE }],
    ['has a jump at no time', { marks: [good], source: STATE, jumps: { source: { dts: 1e300, discontinuities: 2 } } }],
    ['has a jump that counts nothing', { marks: [good], source: STATE, jumps: { source: { dts: T } } }],
    ['has numbers that step back', { marks: [good, { ...mark('source', 6), n: 4 }], source: STATE }],
    ['has times that step back', { marks: [good, { ...mark('source', 6), pts: T }], source: STATE }],
    ['has dates that step back', { marks: [good, { ...mark('source', 6), pdtMs: 1 }], source: STATE }],
    [
      'has more marks than anybody remembers',
      { marks: Array.from({ length: 1_100 }, (_, n) => mark('clock', n)), source: STATE },
    ],
  ])('are not believed of a frame that %s', (_, said) => {
    expect(received(said)).toEqual([]);
  });

  it('are believed of a frame with fields that this version does not know', () => {
    const said = { anew: false, marks: [{ ...good, colour: 'red' }], source: { ...STATE, more: 1 }, cuts: [] };
    expect(received(said)).toMatchObject([{ marks: [good] }]);
  });
});
