/** Where segments begin: both lists by tables, and the same marks whichever worker makes them. */

import { describe, expect, it } from 'vitest';
import { type Mark, type MarkList, markAt, type SourceUnit } from '../../../../services/proxy/src/feed/marks/mark.ts';
import { Marks, type MarksState } from '../../../../services/proxy/src/feed/marks/marks.ts';

const SECOND = 90_000;
const T = 2 * SECOND;
const WALL_MS = Date.UTC(2026, 0, 1);
const FIRST_NUMBER = (WALL_MS - Date.UTC(2020, 0, 1)) / 500;

/** `P` any picture, `K` a closed keyframe, `O` an open one, `J` a closed keyframe after a jump, `C` before it another programme. */
type Kind = 'P' | 'K' | 'O' | 'J' | 'C';
const unit = (kind: Kind, seconds: number, reorder = 0): SourceUnit => ({
  dts: Math.round(seconds * SECOND),
  pts: Math.round((seconds + reorder) * SECOND),
  jumped: kind === 'J',
  entry: kind === 'P' ? undefined : { closed: kind !== 'O' },
});

function play(marks: Marks, units: readonly [Kind, number, number?][], list: MarkList): Mark[] {
  const made: Mark[] = [];
  for (const [kind, seconds, reorder] of units) {
    if (kind === 'C') marks.programChanged();
    marks.take(unit(kind, seconds, reorder));
    made.push(...marks.say(WALL_MS + seconds * 1_000));
  }
  return made.filter((mark) => mark.list === list);
}

/** `10`, or `10!` with a discontinuity. */
const shown = (marks: readonly Mark[]): string =>
  marks.map(({ pts, discontinuity }) => `${pts / SECOND}${discontinuity ? '!' : ''}`).join(' ');
const every = (kind: Kind, from: number, to: number, step: number): [Kind, number][] =>
  Array.from({ length: Math.round((to - from) / step) }, (_, index) => [kind, from + index * step]);

describe('the source list', () => {
  it.each<[string, [Kind, number, number?][], string]>([
    [
      'begins at the first closed entry',
      [
        ['P', 10],
        ['O', 10.5],
        ['K', 11],
      ],
      '11!',
    ],
    ['takes every keyframe that is far enough', every('K', 10, 17, 1), '10! 12 14 16'],
    ['takes one after three quarters of the time', every('K', 10, 16, 1.5), '10! 11.5 13 14.5'],
    [
      'takes the first keyframe after a hole, however near',
      [
        ['K', 10],
        ...every('P', 10.04, 10.4, 0.04),
        ['K', 11.2],
        ...every('P', 11.24, 12.6, 0.04),
        ['K', 12.6],
        ['K', 12.7],
      ],
      '10! 11.2 12.7',
    ],
    [
      'leaves out one just before that',
      [
        ['K', 10],
        ['K', 11.49],
        ['K', 11.5],
      ],
      '10! 11.5',
    ],
    ['has longer segments for rare keyframes', every('K', 10, 50, 10), '10! 20 30 40'],
    [
      'judges by PTS',
      [
        ['K', 10, 0.2],
        ['K', 11.6, 0],
        ['K', 11.7, 0.04],
      ],
      '10.2! 11.74',
    ],
    [
      'leaves out open entries between closed ones',
      [
        ['K', 10],
        ['O', 12],
        ['K', 13],
        ['O', 15],
        ['K', 16],
      ],
      '10! 13 16',
    ],
    ['takes open entries after two in a row', every('O', 10, 20, 2), '14! 16 18'],
    ['takes open ones on, even if a closed one comes', [...every('O', 10, 16, 2), ['K', 16], ['O', 18]], '14! 16 18'],
    ['takes no open ones after a jump', [...every('O', 10, 16, 2), ['J', 16], ['O', 18], ['K', 19]], '14! 16! 19'],
    [
      'begins at once after a jump',
      [
        ['K', 10],
        ['J', 10.4],
        ['K', 12],
      ],
      '10! 10.4! 12',
    ],
    [
      'begins at once with another programme',
      [
        ['K', 10],
        ['C', 10.4],
        ['K', 12],
      ],
      '10! 10.4! 12',
    ],
    [
      'keeps a jump until a closed entry',
      [
        ['K', 10],
        ['J', 11],
        ['K', 11.2],
      ],
      '10! 11!',
    ],
  ])('%s', (_, units, expected) => {
    expect(shown(play(new Marks(T), units, 'source'))).toBe(expected);
  });

  it('says after a jump to an open entry at the next closed one that there was one', () => {
    const marks = new Marks(T);
    marks.take(unit('K', 10));
    marks.take({ ...unit('O', 13), jumped: true });
    marks.take(unit('K', 13.4));
    expect(shown(marks.say(WALL_MS).filter(({ list }) => list === 'source'))).toBe('10! 13.4!');
  });
});

describe('the clock list', () => {
  it.each<[string, [Kind, number, number?][], string]>([
    ['has every multiple that has a picture', every('P', 9.96, 16.2, 0.04), '8! 10 12 14 16'],
    ['has them whatever keyframes there are', [['K', 10], ...every('P', 10.5, 17, 0.5)], '10! 12 14 16'],
    ['leaves out what has no picture', [...every('P', 10, 11, 0.5), ...every('P', 15, 17, 0.5)], '10! 14 16'],
    [
      'has a mark where pictures pause across a multiple',
      [
        ['P', 11.9],
        ['P', 13.9],
        ['P', 15.9],
      ],
      '10! 12 14',
    ],
    // Decoded at 11.92 and shown at 12.04, before pictures of 11.96 and 12: it waits until 12 has been decoded.
    [
      'waits until DTS has passed',
      [
        ['P', 11],
        ['P', 11.92, 0.12],
        ['P', 11.96],
      ],
      '10!',
    ],
    [
      'says it then',
      [
        ['P', 11],
        ['P', 11.92, 0.12],
        ['P', 11.96],
        ['P', 12],
      ],
      '10! 12',
    ],
    [
      'begins anew where the programme changes, off the grid',
      [...every('P', 10, 13, 0.5), ['C', 13.3], ['P', 13.8], ['P', 14.2]],
      '10! 12 13.3! 14',
    ],
    [
      'says what was seen of the programme before',
      [
        ['P', 11],
        ['P', 11.96, 0.08],
        ['C', 12.3],
      ],
      '10! 12 12.3!',
    ],
    [
      'says no discontinuity at a jump',
      [
        ['K', 10],
        ['J', 11],
        ['P', 12],
      ],
      '10! 12',
    ],
  ])('%s', (_, units, expected) => {
    expect(shown(play(new Marks(T), units, 'clock'))).toBe(expected);
  });

  it.each([2, 3])('counts on over the 33-bit wrap, at %i s', (seconds) => {
    const wrap = 2 ** 33 / SECOND;
    const from = Math.floor(wrap) - 10;
    const marks = play(new Marks(seconds * SECOND), every('P', from, from + 21, 0.5), 'clock');
    expect(marks.map(({ pts }) => pts % (seconds * SECOND))).toEqual(marks.map(() => 0));
    const [first] = marks;
    expect(marks.map(({ n, pts }) => (n - (first?.n ?? 0)) * seconds * SECOND - pts)).toEqual(
      marks.map(() => -(first?.pts ?? 0)),
    );
    expect((marks.at(-1)?.pts ?? 0) - (first?.pts ?? 0)).toBeGreaterThanOrEqual(18 * SECOND);
  });
});

describe('a mark', () => {
  const boundary = (seconds: number, discontinuity = false) => ({ pts: seconds * SECOND, discontinuity });
  const first = markAt('source', boundary(10), undefined, WALL_MS);

  it('of a list without a predecessor is ahead of every number of before, and a discontinuity', () => {
    expect(first).toEqual({
      list: 'source',
      n: FIRST_NUMBER,
      pts: 10 * SECOND,
      pdtMs: WALL_MS,
      discontinuities: 1,
      discontinuity: true,
    });
    // A list of a segment each second that is lost after an hour and begun anew at once.
    expect(markAt('source', boundary(10), undefined, WALL_MS + 3_600_000).n).toBeGreaterThan(first.n + 3_600);
  });

  it('has a date by the media, which a discontinuity takes from the wall', () => {
    const second = markAt('source', boundary(12.5), first, WALL_MS + 60_000);
    expect(second).toMatchObject({ n: first.n + 1, pdtMs: WALL_MS + 2_500, discontinuities: 1, discontinuity: false });
    const third = markAt('source', boundary(13, true), second, WALL_MS + 60_000);
    expect(third).toMatchObject({ n: first.n + 2, pdtMs: WALL_MS + 60_000, discontinuities: 2, discontinuity: true });
  });

  it('never goes back, whatever the wall clock of the worker says', () => {
    expect(markAt('source', boundary(15, true), first, WALL_MS - 86_400_000).pdtMs).toBe(WALL_MS + 5_000);
  });
});

describe('a worker that has been told the marks', () => {
  /** Keyframes each 0.96 s with reordered pictures, a jump at 20 s and another programme at 31 s. */
  const events: (readonly [Kind, number, number])[] = Array.from({ length: 1_000 }, (_, index) => {
    const seconds = 10 + index * 0.04;
    if (index === 264) return ['J', seconds, 0.08];
    if (index === 528) return ['C', seconds, 0.08];
    if (index % 24 === 0) return [index % 72 === 48 ? 'O' : 'K', seconds, 0.08];
    return ['P', seconds, [0.16, 0, 0.04][index % 3] ?? 0];
  });
  const takeOne = (marks: Marks, [kind, seconds, reorder]: readonly [Kind, number, number]) => {
    if (kind === 'C') marks.programChanged();
    marks.take(unit(kind, seconds, reorder));
  };
  const wallAt = (index: number) => WALL_MS + index * 40;
  const owner = new Marks(T);
  const states: MarksState[] = [];
  const all = events.map((event, index) => {
    states.push(owner.state);
    takeOne(owner, event);
    return owner.say(wallAt(index));
  });

  it.each([
    ['with their media', 0],
    ['before their media', 5],
  ])('%s goes on with the same ones, wherever it begins and whenever it takes over', (_, early) => {
    const whole = all.flat();
    expect(whole.length).toBeGreaterThan(30);
    for (let joins = 100; joins < 700; joins += 61) {
      for (let takesOver = joins + 13; takesOver < 1_000; takesOver += 37) {
        const marks = new Marks(T);
        marks.restore(states[joins] as MarksState);
        // Its relay begins three seconds back.
        for (let index = joins - 75; index < takesOver; index++) {
          for (const mark of index + early >= joins ? (all[index + early] ?? []) : []) {
            if (index + early < takesOver) marks.told(mark);
          }
          takeOne(marks, events[index] as (typeof events)[number]);
          if (early === 0 && index >= joins) for (const mark of all[index] ?? []) marks.told(mark);
        }
        marks.begin();
        const made = events.slice(takesOver).flatMap((event, index) => {
          takeOne(marks, event);
          return marks.say(wallAt(takesOver + index));
        });
        const expected = whole.slice(all.slice(0, takesOver).flat().length);
        expect({ joins, takesOver, marks: made }).toEqual({ joins, takesOver, marks: expected });
      }
    }
  });

  it('makes those that the owner was about to make when it died', () => {
    const marks = new Marks(T);
    for (const [index, event] of events.slice(0, 700).entries()) {
      takeOne(marks, event);
      if (index < 400) for (const mark of all[index] ?? []) marks.told(mark);
    }
    const missing = marks.say(wallAt(700)).map(({ list, n, pts }) => ({ list, n, pts }));
    const expected = all
      .slice(400, 700)
      .flat()
      .map(({ list, n, pts }) => ({ list, n, pts }));
    const order = (a: { list: string; n: number }, b: { list: string; n: number }) =>
      a.list.localeCompare(b.list) || a.n - b.n;
    expect(missing.sort(order)).toEqual(expected.sort(order));
  });
});
