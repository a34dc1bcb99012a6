/** How fast a feed is made, from what it has had at several times. */

import { expect, it } from 'vitest';
import { Pace } from '../../../services/proxy/src/feed/pace.ts';

/** Measures once a second: `bytes` and `mediaMs` more each time. */
function measured(seconds: number, bytes: number, mediaMs: number, pace = new Pace(), from = 0) {
  let last: ReturnType<Pace['measure']>;
  for (let n = from; n <= from + seconds; n++) last = pace.measure(n * 1000, n * bytes, 5_000 + n * mediaMs);
  return last;
}

it('is unknown before there is media, and in the first second', () => {
  const pace = new Pace();
  expect(pace.measure(0, 0, 0)).toBeUndefined();
  expect(pace.measure(5_000, 100, 0)).toBeUndefined();
  expect(pace.measure(6_000, 200, 90_000)).toBeUndefined();
  expect(pace.measure(6_500, 300, 90_500)).toBeUndefined();
  expect(pace.measure(7_000, 125_200, 91_000)).toEqual({ bitsPerSecond: 1_000_000, speed: 1 });
});

it.each([
  [1_000, 1],
  [500, 0.5],
  [2_000, 2],
])('is %i ms of media in a second: speed %d', (mediaMs, speed) => {
  expect(measured(30, 250_000, mediaMs)).toEqual({ bitsPerSecond: 2_000_000, speed });
});

it('is that of the last ten seconds', () => {
  const pace = new Pace();
  measured(60, 250_000, 1_000, pace);
  const [bytes, mediaMs] = [60 * 250_000, 5_000 + 60 * 1_000];
  for (let n = 61; n <= 80; n++) pace.measure(n * 1000, bytes, mediaMs);
  expect(pace.measure(81_000, bytes, mediaMs)).toEqual({ bitsPerSecond: 0, speed: 0 });
});

it('does not depend on how often it is asked', () => {
  const pace = new Pace();
  for (let ms = 0; ms <= 20_000; ms += 10) pace.measure(ms, ms * 250, 1 + ms);
  expect(pace.measure(20_010, 20_010 * 250, 20_011)).toEqual({ bitsPerSecond: 2_000_000, speed: 1 });
});
