/** Which bytes a worker gives under a number: its own where the owner has the same, else the owner's. */

import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import type { ListedSegment } from '../../../services/proxy/src/feed/hls/segment-list.ts';
import { SegmentMedia } from '../../../services/proxy/src/segments/media/segment-media.ts';

const MINE = Buffer.from('mine');
const THEIRS = Buffer.from('theirs');
const CUT = { bytes: MINE, crc: crc32(MINE) };
const said = (n: number, bytes: Buffer): ListedSegment => ({
  ...{ n, mark: n, seconds: 2, pdtMs: 0, discontinuity: false, discontinuities: 1, gap: false, independent: true },
  ...{ bytes: bytes.length, crc: crc32(bytes), counters: new Map(), chunk: 0 },
});

function media(answer: Buffer | undefined = THEIRS) {
  const asked: number[] = [];
  const fetch = async (n: number) => {
    asked.push(n);
    return answer;
  };
  return { media: new SegmentMedia(fetch), asked };
}

it('takes what was cut here as soon as the owner has said the same of it', () => {
  const { media: held } = media();
  held.cut(1, CUT, undefined);
  expect(held.of({ n: 1 })).toBeUndefined();
  held.said(said(1, MINE));
  expect(held.of({ n: 1 })).toBe(MINE);
  held.cut(2, CUT, said(2, MINE));
  expect(held.of({ n: 2 })).toBe(MINE);
});

it('fetches what the owner has otherwise, once for all who ask', async () => {
  const { media: held, asked } = media();
  held.cut(1, CUT, undefined);
  held.said(said(1, THEIRS));
  const [one, other] = await Promise.all([held.fetch(said(1, THEIRS)), held.fetch(said(1, THEIRS))]);
  expect([one, other, held.of({ n: 1 })]).toEqual([THEIRS, THEIRS, THEIRS]);
  expect([asked, held.fetched]).toEqual([[1], 1]);
});

it('takes nothing else for it, and forgets what the owner has taken back', async () => {
  const { media: held } = media(MINE);
  expect(await held.fetch(said(1, THEIRS))).toBeUndefined();
  held.cut(2, CUT, said(2, MINE));
  held.said(said(2, THEIRS));
  expect(held.of({ n: 2 })).toBeUndefined();
});

it('keeps no more than is asked for', () => {
  const { media: held } = media();
  for (let n = 0; n < 100; n++) held.cut(n, CUT, undefined);
  expect(held.heldBytes).toBeLessThanOrEqual(16 * MINE.length);
  for (let n = 100; n < 110; n++) held.cut(n, CUT, said(n, MINE));
  held.forgetBefore(105);
  expect([held.of({ n: 104 }), held.of({ n: 105 }), held.heldBytes]).toEqual([undefined, MINE, 5 * MINE.length]);
});
