/** When the pictures of a source count as black, and when as frozen. */

import { describe, expect, it } from 'vitest';
import { PictureMonitor } from '../../../services/proxy/src/levels/picture-monitor.ts';
import { SMALL_PICTURES } from '../../../services/proxy/src/levels/small-pictures.ts';

const POINTS = 64 * 36;
const KEYFRAME_S = 2;

/** The picture at a time, in s. */
type Film = (second: number) => Buffer;

const grey = (luma: number): Buffer => Buffer.alloc(POINTS, luma);
/** A picture of which the first `points` are bright. */
const withBright = (points: number, luma: number): Buffer => grey(luma).fill(200, 0, points);
const scene: Film = (second) =>
  Buffer.from(Array.from({ length: POINTS }, (_, n) => ((n * 7 + second * 13) % 200) + 30));

/** When it was black and when it was frozen for the first time, in s. */
function seen(film: Film, seconds = 300) {
  const monitor = new PictureMonitor();
  const at: { black?: number; frozen?: number } = {};
  for (let second = 0; second < seconds; second += KEYFRAME_S) {
    monitor.note(film(second), second * 1_000);
    if (monitor.isBlack) at.black ??= second;
    if (monitor.isFrozen) at.frozen ??= second;
  }
  return at;
}

describe('a source', () => {
  it.each([
    ['with a film', scene, {}],
    ['with black moments of 20 s', (second) => (second % 40 < 20 ? grey(16) : scene(second)), {}],
    ['with a still of 50 s', (second) => (second % 80 < 50 ? scene(1) : scene(second)), {}],
    ['with a clock in front of a still', (second) => withBright(second % 30, 90), {}],
    ['that is black', () => grey(16), { black: 30, frozen: 62 }],
    ['that is black with the noise of an encoder', (second) => grey(16 + (second % 4) / 2), { black: 30 }],
    ['that is black but for a logo', () => withBright(40, 16), { frozen: 62 }],
    ['that stands still', () => scene(1), { frozen: 62 }],
    ['that is grey', () => grey(80), { frozen: 62 }],
    ['that becomes black', (second) => (second < 100 ? scene(second) : grey(16)), { black: 130, frozen: 162 }],
  ] satisfies [string, Film, object][])('%s', (_what, film, expected) => {
    expect(seen(film)).toEqual(expected);
  });
});

it('reads whole pictures, however they are cut', () => {
  const film = Buffer.concat([grey(1), grey(2), grey(3)]);
  for (const size of [1_000, POINTS, 5_000, film.length]) {
    const read = SMALL_PICTURES.reader();
    const pictures = [];
    for (let at = 0; at < film.length; at += size) pictures.push(...read(film.subarray(at, at + size)));
    expect(pictures.map((picture) => [picture.length, picture[0]])).toEqual([1, 2, 3].map((luma) => [POINTS, luma]));
  }
});
