/** Which marks a process feed follows, by table, and that its numbers never step back when that changes. */

import { describe, expect, it } from 'vitest';
import { ptsOn } from '../../../../services/proxy/src/feed/marks/feed-marks.ts';
import type { Mark } from '../../../../services/proxy/src/feed/marks/mark.ts';
import { MarkLog } from '../../../../services/proxy/src/feed/marks/mark-log.ts';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';
import type { RandomAccess, SpliceSink } from '../../../../services/proxy/src/mpegts/splicing/splicer.ts';
import {
  type MarksFollowed,
  marksFollowedBy,
  ProcessMarks,
} from '../../../../services/proxy/src/processes/output/process-marks.ts';

const SECOND = 90_000;
const WRAP = 2 ** 33;
const WALL_MS = Date.UTC(2026, 0, 1);
const NOTHING: SpliceSink = {
  packets: () => undefined,
  progress: () => undefined,
  programChanged: () => undefined,
  randomAccess: () => undefined,
  continuation: () => undefined,
};
const CLOCK = { timeline: 'source', shift: 7 };
const encode = '-i {input_url} -c:v libx264 -c:a aac';

describe('the marks of a feed', () => {
  it.each<[string, string | undefined, MarksFollowed]>([
    ['copies its source', undefined, 'source'],
    ['copies pictures', '-i {input_url} -c:v copy -c:a aac', 'source'],
    ['encodes pictures on the grid', encode, 'clock'],
    ['has its own rate', `${encode} -r 25`, 'clock'],
    ['spells another interval of keyframes', `${encode} -force_key_frames "expr:gte(t,n_forced*5)"`, 'clock'],
    ['has no pictures', '-i {input_url} -vn -c:a aac', 'clock'],
    ['has a graph of its own', `${encode} -filter_complex "[0:v]yadif[v]" -map [v]`, 'own'],
    ['makes times that depend on when it began', `${encode} -vf setpts=PTS-STARTPTS`, 'own'],
    ['asks for other keyframes', `${encode} -force_key_frames source`, 'own'],
  ])('that %s', (_, template, expected) => {
    const profile =
      template === undefined
        ? undefined
        : resolveProfile({ profile: template, variables: {}, inputUrl: 'http://source.invalid/1' }, NO_HARDWARE);
    expect(marksFollowedBy(profile)).toBe(expected);
  });

  it.each([
    ['the same cycle', 10 * SECOND, 7, 10 * SECOND + 7],
    ['a feed that began after the first wrap of its source', WRAP + 5 * SECOND, 0, 5 * SECOND],
    ['a feed on another clock', 3 * SECOND, WRAP - 2 * SECOND, SECOND],
    ['a feed that is cycles ahead', 3 * SECOND, 0, 2 * WRAP + 3 * SECOND],
  ])('have a time on its clock: %s', (_, pts, shift, expected) => {
    const marks = { log: new MarkLog(), list: 'clock' as const, timeline: 't', shift };
    expect(ptsOn(marks, { pts } as Mark, expected - SECOND)).toBe(expected);
  });
});

describe('the marks of a source on another timeline', () => {
  it('count when it is known where they are in the feed, and not with the clock of the source before', () => {
    const marks = new ProcessMarks('clock', 2_000);
    const [before, after] = [new MarkLog(), new MarkLog()];
    marks.begin(before, CLOCK.timeline, undefined);
    expect(marks.of(CLOCK, 'feed')).toEqual({ log: before, list: 'clock', ...CLOCK });
    // The connection of the same source feed goes on.
    marks.begin(before, CLOCK.timeline, CLOCK);
    expect(marks.of(CLOCK, 'feed')?.log).toBe(before);
    marks.begin(after, 'another', CLOCK);
    expect(marks.of(CLOCK, 'feed')).toBeUndefined();
    const clock = { timeline: 'another', shift: 5 };
    expect(marks.of(clock, 'feed')).toEqual({ log: after, list: 'clock', ...clock });
  });
});

/** A feed whose own pictures come at 25 a second from `second` on, with a keyframe each second. */
function play(marks: ProcessMarks, fromSecond: number, seconds: number, startedMs: number): void {
  const sink = marks.own.sink(NOTHING);
  for (let index = 0; index < seconds * 25; index++) {
    const dts = (fromSecond + index / 25) * SECOND;
    const point: RandomAccess = { prefix: Buffer.alloc(0), dts, pts: dts, closed: true };
    if (index % 25 === 0) sink.randomAccess(point);
    sink.progress(dts, dts, false);
    marks.passed(startedMs + index * 40);
  }
}

function logWith(...numbers: number[]): MarkLog {
  const log = new MarkLog();
  const mark = (n: number): Mark => {
    return { list: 'source', n, pts: n * SECOND, pdtMs: n, discontinuities: 1, discontinuity: false };
  };
  log.add(numbers.map(mark), { openInARow: 0, openCounts: false });
  return log;
}

const ownNumbers = (marks: ProcessMarks): number[] =>
  (marks.relayed.own?.after(0) ?? []).filter(({ list }) => list === 'source').map(({ n }) => n);

describe('a feed', () => {
  it('of copied pictures follows its source', () => {
    const marks = new ProcessMarks('source', 2_000);
    const log = logWith(1, 2);
    marks.begin(log);
    play(marks, 10, 10, WALL_MS);
    expect(marks.of(CLOCK, 'feed')).toEqual({ log, list: 'source', ...CLOCK });
    expect(marks.relayed).toEqual({ source: log, own: undefined });
    // Until the first media nobody knows how the clocks relate.
    expect(marks.of(undefined, 'feed')).toBe(undefined);
  });

  it('whose FFmpeg opens its input itself makes its own, from its keyframes', () => {
    const marks = new ProcessMarks('clock', 2_000);
    marks.begin(undefined);
    play(marks, 10, 9, WALL_MS);
    const followed = marks.of(undefined, 'feed');
    expect(followed).toMatchObject({ list: 'source', timeline: 'feed', shift: 0 });
    const made = followed?.log.after(0).filter(({ list }) => list === 'source');
    expect(made?.map(({ pts }) => pts / SECOND)).toEqual([10, 12, 14, 16, 18]);
  });

  it('that cannot resume on the grid makes its own, and tells those of its source to whoever takes that over', () => {
    const marks = new ProcessMarks('own', 2_000);
    const log = logWith(1, 2);
    marks.begin(log);
    play(marks, 10, 5, WALL_MS);
    expect(marks.of(CLOCK, 'feed')).toMatchObject({ list: 'source', timeline: 'feed', shift: 0 });
    expect(ownNumbers(marks)).toHaveLength(3);
    expect(marks.relayed.source).toBe(log);
    expect(marks.source).toBe(log);
  });

  it('goes on with its own when a run ends, and begins a list anew, ahead, after the source had them', () => {
    const marks = new ProcessMarks('clock', 2_000);
    marks.begin(undefined);
    play(marks, 10, 10, WALL_MS);
    const before = ownNumbers(marks);
    marks.begin(undefined);
    play(marks, 20, 10, WALL_MS + 10_000);
    expect(ownNumbers(marks)).toEqual([...before, ...[5, 6, 7, 8, 9].map((more) => (before[0] as number) + more)]);
    marks.begin(logWith(1));
    play(marks, 30, 100, WALL_MS + 20_000);
    expect(ownNumbers(marks)).toEqual([]);
    marks.begin(undefined);
    play(marks, 130, 10, WALL_MS + 120_000);
    // Two numbers for each second that has passed, and nothing for what passed meanwhile.
    expect(ownNumbers(marks)).toEqual([0, 1, 2, 3, 4].map((more) => (before[0] as number) + 240 + more));
  });

  it('that another worker makes follows what that one says, and goes on with it when it takes the feed over', () => {
    const owner = new ProcessMarks('clock', 2_000);
    const follower = new ProcessMarks('clock', 2_000);
    owner.begin(undefined);
    play(owner, 10, 10, WALL_MS);
    follower.hear(owner.relayed);
    play(follower, 10, 10, WALL_MS);
    expect(follower.of(undefined, 'feed')?.log.after(0)).toEqual(owner.relayed.own?.after(0));
    follower.begin(undefined);
    play(follower, 20, 4, WALL_MS + 10_000);
    const numbers = ownNumbers(follower);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] as number) + index));
    expect(numbers).toHaveLength(7);
  });

  it('without a keyframe at a mark gets one new run in ten minutes, and makes its own marks if that does not help', () => {
    const marks = new ProcessMarks('clock', 2_000);
    const log = logWith(1);
    marks.begin(log);
    expect(marks.fault(1_000)).toBe(true);
    marks.begin(log);
    // Of the run before.
    expect(marks.fault(2_000)).toBe(false);
    expect(marks.of(CLOCK, 'feed')).toMatchObject({ log, list: 'clock' });
    expect(marks.fault(602_000)).toBe(true);
    marks.begin(log);
    expect(marks.fault(620_000)).toBe(false);
    play(marks, 10, 10, WALL_MS);
    expect(marks.of(CLOCK, 'feed')).toMatchObject({ list: 'source', timeline: 'feed', shift: 0 });
    expect(ownNumbers(marks)).toHaveLength(5);
    // Also when the next run begins. Its own marks are where its keyframes are.
    marks.begin(log);
    expect(marks.of(CLOCK, 'feed')).toMatchObject({ timeline: 'feed' });
    expect(marks.fault(2_000_000)).toBe(false);
  });

  it.each<[MarksFollowed]>([['source'], ['own']])('that follows %s gets no new run for it', (followed) => {
    const marks = new ProcessMarks(followed, 2_000);
    marks.begin(logWith(1));
    expect(marks.fault(1_000)).toBe(false);
    expect(marks.fault(100_000)).toBe(false);
  });

  it('that another worker makes on another timeline follows nothing', () => {
    const marks = new ProcessMarks('source', 2_000);
    marks.hear({ source: logWith(1), own: logWith(2) });
    marks.hear(undefined);
    expect(marks.of(CLOCK, 'feed')).toBe(undefined);
    expect(marks.relayed).toEqual({ source: undefined, own: undefined });
  });
});
