/** Which variant the viewers of a source with one connection get. */

import { expect, it } from 'vitest';
import { OneVariant } from '../../../../services/proxy/src/upstream/hls/one-variant.ts';

const LOW = { url: 'low', variant: 'variant 0 a' };
const HIGH = { url: 'high', variant: 'variant 1 b' };
const SOUND = { url: 'sound' };

it('is the one that the first viewer has chosen, until nobody asks for it any more', () => {
  let nowMs = 0;
  const one = new OneVariant(() => nowMs);
  expect(one.inPlaceOf(HIGH)).toBe(HIGH);
  expect(one.inPlaceOf(LOW)).toBe(HIGH);
  expect(one.inPlaceOf(SOUND)).toBe(SOUND);
  const moved = { ...HIGH, url: 'high?t=2' };
  nowMs = 14_999;
  expect(one.inPlaceOf(moved)).toBe(moved);
  nowMs = 29_998;
  // Where it is now, and who gets it in place of another one does not keep it.
  expect(one.inPlaceOf(LOW)).toBe(moved);
  nowMs = 29_999;
  expect(one.inPlaceOf(LOW)).toBe(LOW);
  expect(one.inPlaceOf(HIGH)).toBe(LOW);
});

it('is chosen anew when the provider refuses it', () => {
  const one = new OneVariant(() => 0);
  one.inPlaceOf(HIGH);
  one.forget(LOW.variant);
  expect(one.inPlaceOf(LOW)).toBe(HIGH);
  one.forget(HIGH.variant);
  expect(one.inPlaceOf(LOW)).toBe(LOW);
});
