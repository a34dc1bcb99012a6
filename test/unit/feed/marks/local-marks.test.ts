/**
 * The marks that several workers hold for one source: the same ones, whoever reads the provider, and whatever became of those before
 * it.
 */

import { describe, expect, it } from 'vitest';
import type { Mark } from '../../../../services/proxy/src/feed/marks/mark.ts';
import { FIRST_DTS, FRAME, MarksHolder, SECOND } from '../../../support/source-marks.ts';

const WALL_MS = Date.UTC(2026, 0, 1);
const COUNT = 600;
const wallAt = (index: number) => WALL_MS + index * 40;

/** The owner and all who hear it take a picture. */
function pass(index: number, owner: MarksHolder, followers: readonly MarksHolder[], jump = false): void {
  owner.picture(index, jump);
  owner.marks.say(wallAt(index));
  for (const follower of followers) {
    follower.hearFrom(owner.marks.log);
    follower.picture(index, jump);
  }
}

const byNumber = (marks: readonly Mark[]) => [...marks].sort((a, b) => a.list.localeCompare(b.list) || a.n - b.n);
const of = ({ held }: MarksHolder, list: Mark['list']) => held.filter((mark) => mark.list === list);

describe('the marks of one source on three workers', () => {
  /** What one worker says that reads the provider from the first picture to the last. */
  const alone = new MarksHolder();
  for (let index = 0; index < COUNT; index++) pass(index, alone, []);
  const expected = byNumber(alone.held);

  it.each([
    ['hears of each before its media', 0],
    ['had not heard of the last ones', 90],
  ])('are those of a single worker when the owner dies twice, and its successor %s', (_, unheard) => {
    expect(expected.length).toBeGreaterThan(20);
    for (let dies = 150; dies < 400; dies += 23) {
      const [first, second, third] = [new MarksHolder(), new MarksHolder(), new MarksHolder()];
      for (let index = 0; index < dies; index++) {
        const isCutOff = index >= dies - unheard;
        pass(index, first, isCutOff ? [third] : [second, third]);
        if (isCutOff) second.picture(index);
      }
      second.marks.begin();
      third.dial();
      for (let index = dies; index < dies + 150; index++) pass(index, second, [third]);
      expect({ dies, marks: byNumber(third.held) }).toEqual({ dies, marks: byNumber(second.held) });
      third.marks.begin();
      for (let index = dies + 150; index < COUNT; index++) pass(index, third, []);
      expect({ dies, marks: byNumber(third.held) }).toEqual({ dies, marks: expected });
    }
  });

  it('are those of the new owner where it did not hear of the last ones, and has other media in their place', () => {
    const [first, second, third] = [new MarksHolder(), new MarksHolder(), new MarksHolder()];
    for (let index = 0; index < 240; index++) pass(index, first, [second, third]);
    for (let index = 240; index < 300; index++) pass(index, first, [third]);
    expect(third.held.length).toBeGreaterThan(second.held.length);
    // It opens the source 3 s later, and has a hole where the others have pictures.
    second.marks.begin();
    third.dial();
    for (let index = 315; index < 500; index++) pass(index, second, [third], index === 315);
    for (const list of ['clock', 'source'] as const) {
      expect(of(third, list)).toEqual(of(second, list));
      expect(of(third, list).map(({ n }) => n - (of(third, list)[0]?.n ?? 0))).toEqual(
        of(third, list).map((_, index) => index),
      );
    }
    const jumps = third.held.filter(({ discontinuity }) => discontinuity);
    expect(jumps.map(({ list }) => list).sort()).toEqual(['clock', 'source', 'source']);
  });

  it.each([
    ['is withdrawn where its media does not come: the next one has its number', 30, false],
    ['is kept as it was said where the provider sends its media again', 0, true],
  ])('of which the new owner has heard, and not its media, %s', (_, missing, isKept) => {
    const [first, second, third] = [new MarksHolder(), new MarksHolder(), new MarksHolder()];
    const last = 240;
    for (let index = 0; index < last; index++) pass(index, first, [second, third]);
    // A jump, and the keyframe after it: its mark says a discontinuity, which the new owner does not see.
    first.picture(last, true);
    first.marks.say(wallAt(last));
    for (const each of [second, third]) each.hearFrom(first.marks.log);
    third.picture(last, true);
    const said = of(first, 'source').at(-1);
    expect(said).toMatchObject({ discontinuity: true, discontinuities: 2 });
    expect(of(second, 'source').at(-1)).toEqual(said);

    second.marks.begin();
    third.dial();
    for (let index = last + missing; index < 400; index++) pass(index, second, [third]);
    expect(of(third, 'source')).toEqual(of(second, 'source'));
    const again = of(second, 'source').find(({ n }) => n === said?.n);
    if (isKept) expect(again).toEqual(said);
    else {
      expect(again?.pts).toBe(FIRST_DTS + (288 + 2) * FRAME);
      expect(again).toMatchObject({ discontinuity: false, discontinuities: 1 });
    }
    const numbers = of(second, 'source').map(({ n }) => n);
    expect(numbers).toEqual(numbers.map((__, index) => (numbers[0] as number) + index));
  });

  it('begin with the successor of an owner that says none', () => {
    const second = new MarksHolder();
    for (let index = 0; index < 300; index++) second.picture(index);
    expect(second.held).toEqual([]);
    second.marks.begin();
    for (let index = 300; index < 400; index++) pass(index, second, []);
    // Nothing for the twelve seconds before.
    expect(second.held.filter(({ pts }) => pts < FIRST_DTS + 300 * FRAME - 2 * SECOND)).toEqual([]);
    const begun = second.held.filter(({ discontinuity }) => discontinuity);
    expect(begun.map(({ list }) => list).sort()).toEqual(['clock', 'source']);
  });
});
