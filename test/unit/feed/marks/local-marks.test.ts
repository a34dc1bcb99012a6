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
    follower.picture(index);
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
    // A jump, and the keyframe after it: its mark says a discontinuity, and the new owner has neither.
    first.picture(last, true);
    first.marks.say(wallAt(last));
    for (const each of [second, third]) each.hearFrom(first.marks.log);
    third.picture(last);
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
      // What comes before it and what comes after it are on different clocks all the same.
      expect(again).toMatchObject({ discontinuity: true, discontinuities: 2 });
    }
    const numbers = of(second, 'source').map(({ n }) => n);
    expect(numbers).toEqual(numbers.map((__, index) => (numbers[0] as number) + index));
  });

  describe('say a jump at the next keyframe, although the owner that has seen it dies before', () => {
    const jumps = 245;
    const alone = new MarksHolder();
    for (let index = 0; index < 400; index++) pass(index, alone, [], index === jumps);
    const withJump = byNumber(alone.held);
    expect(of(alone, 'source').filter(({ discontinuity }) => discontinuity)).toHaveLength(2);
    const afterwards = (owner: MarksHolder, from: number, followers: MarksHolder[]) => {
      for (let index = from; index < 400; index++) pass(index, owner, followers);
    };

    it.each([
      ['relays the source', 0],
      ['relays what FFmpeg makes of it', 400],
      ['begins to relay after the jump', jumps + 2],
    ])('and the new one %s', (_, sees) => {
      // The next keyframe is the picture 264.
      for (let dies = jumps + 3; dies <= 264; dies += 3) {
        const [first, second, third] = [new MarksHolder(), new MarksHolder(), new MarksHolder()];
        for (let index = 0; index < dies; index++) {
          pass(index, first, index < sees ? [] : [second], index === jumps);
        }
        // Whoever only relays what FFmpeg makes has got them all over that relay.
        second.hearFrom(first.marks.log);
        second.marks.begin();
        third.dial();
        afterwards(second, dies, [third]);
        expect({ dies, marks: byNumber(second.held) }).toEqual({ dies, marks: withJump });
        expect({ dies, marks: byNumber(third.held) }).toEqual({ dies, marks: withJump });
      }
    });

    it('and the new one, which relays it from a third, dies too', () => {
      const [first, second, third] = [new MarksHolder(), new MarksHolder(), new MarksHolder()];
      for (let index = 0; index < 255; index++) {
        pass(index, first, [second], index === jumps);
        third.hearFrom(second.marks.log);
        third.picture(index);
      }
      second.marks.begin();
      third.dial();
      for (let index = 255; index < 260; index++) pass(index, second, [third]);
      third.marks.begin();
      afterwards(third, 260, []);
      expect(byNumber(third.held)).toEqual(withJump);
    });

    it('and say none where a mark has said it', () => {
      const [first, second] = [new MarksHolder(), new MarksHolder()];
      for (let index = 0; index < 270; index++) pass(index, first, [second], index === jumps);
      second.marks.begin();
      afterwards(second, 270, []);
      expect(byNumber(second.held)).toEqual(withJump);
    });

    it.each([
      ['relays the source', 0],
      ['relays what FFmpeg makes of it', 400],
    ])('also where another programme has begun, and the new one %s', (_, sees) => {
      const changes = (owner: MarksHolder, index: number) => {
        if (index === jumps) owner.programChanges();
        pass(index, owner, []);
      };
      const whole = new MarksHolder();
      for (let index = 0; index < 400; index++) changes(whole, index);
      expect(whole.held.filter(({ discontinuity }) => discontinuity)).toHaveLength(4);
      for (let dies = jumps + 3; dies <= 264; dies += 3) {
        const [first, second] = [new MarksHolder(), new MarksHolder()];
        for (let index = 0; index < dies; index++) {
          changes(first, index);
          if (index < sees) continue;
          second.hearFrom(first.marks.log);
          second.picture(index);
        }
        second.hearFrom(first.marks.log);
        second.marks.begin();
        afterwards(second, dies, []);
        expect({ dies, marks: byNumber(second.held) }).toEqual({ dies, marks: byNumber(whole.held) });
      }
    });
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
