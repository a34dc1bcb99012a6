/** Which feeds have parts, and how long those may be. */

import { describe, expect, it } from 'vitest';
import { PartRule } from '../../../../services/proxy/src/feed/hls/part-rule.ts';

const SECOND = 90_000;
const WANTED = 0.33 * SECOND;

/** @param step between two pictures, in s. 0: there are none */
function targetOf(step: number, { lag = 0, isWanted = true } = {}): number | undefined {
  const rule = new PartRule(isWanted ? WANTED : undefined);
  if (step > 0) for (let at = 0; at < 1; at += step) rule.picture(step * SECOND);
  rule.sound(lag * SECOND);
  expect(rule.partTicks).toBeUndefined();
  rule.segmentEnded();
  const { partTicks } = rule;
  return partTicks && Math.round((partTicks / SECOND) * 1_000) / 1_000;
}

describe('PART-TARGET', () => {
  it.each([
    ['is what is wanted at 25 pictures a second', 1 / 25, 0.33],
    ['at 24', 1 / 24, 0.33],
    ['at 29.97', 1_001 / 30_000, 0.33],
    ['and at 10', 1 / 10, 0.33],
    // Four pictures are 0.267 s, which is less than 85 % of 0.33 s.
    ['is shorter where as many pictures as fit are too short for it', 1 / 15, 0.273],
    ['is none where pictures are further apart than half of it', 1 / 5, undefined],
    ['is none without pictures', 0, undefined],
  ])('%s', (_, step, expected) => {
    expect(targetOf(step)).toBe(expected);
  });

  it('is none where sound comes later, and where none is wanted', () => {
    expect(targetOf(1 / 25, { lag: 0.3 })).toBe(0.33);
    expect(targetOf(1 / 25, { lag: 0.34 })).toBeUndefined();
    expect(targetOf(1 / 25, { isWanted: false })).toBeUndefined();
  });

  it('never changes, and is what the owner of the feed has decided', () => {
    const rule = new PartRule(WANTED);
    rule.picture(0.04 * SECOND);
    rule.segmentEnded();
    rule.picture(SECOND);
    rule.sound(SECOND);
    rule.segmentEnded();
    expect(rule.partTicks).toBe(WANTED);
    let decided: { ticks: number | undefined } | undefined;
    const following = new PartRule(WANTED, () => decided);
    following.picture(0.04 * SECOND);
    following.segmentEnded();
    expect(following.partTicks).toBe(WANTED);
    decided = { ticks: undefined };
    expect(following.partTicks).toBeUndefined();
    decided = { ticks: 0.5 * SECOND };
    expect(following.partTicks).toBe(0.5 * SECOND);
  });
});
