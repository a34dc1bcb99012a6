/** Parts of segments, for low latency: how long they are, what they begin with, and that they are the segment. */

import { describe, expect, it } from 'vitest';
import { createFragmenter } from '../../../../services/proxy/src/feed/containers/index.ts';
import type { Segmented } from '../../../support/segmented.ts';
import { markedLoop, SECOND, segmentsOf } from '../../../support/segmented.ts';

const PART = { containers: { ts: false, fmp4: true }, partTicks: 0.33 * SECOND };

const partsOf = ({ parts }: Segmented, n: number) => parts.filter((part) => part.n === n);

describe('parts', () => {
  it('are the segments from the second one on, and none is longer than was promised', async () => {
    const made = segmentsOf(await markedLoop('bframes', { seconds: 13 }), PART);
    const [first, ...others] = made.dones;
    expect(partsOf(made, first?.n ?? 0)).toEqual([]);
    expect(others.length).toBeGreaterThanOrEqual(4);
    for (const { n, fmp4, seconds } of others.slice(0, -1)) {
      const parts = partsOf(made, n);
      // Eight pictures of 0.04 s each, and what is left of 50.
      expect(parts.map(({ facts }) => Math.round(facts.seconds * 100))).toEqual([32, 32, 32, 32, 32, 32, 8]);
      expect(parts.map(({ p }) => p)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(parts.map(({ facts }) => facts.independent)).toEqual([true, false, false, false, false, false, false]);
      expect(parts.reduce((sum, { facts }) => sum + facts.seconds, 0)).toBeCloseTo(seconds, 5);
      expect(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(fmp4?.bytes ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it('are the same whether the bytes come one by one or all at once', async () => {
    const feed = await markedLoop('bframes', { seconds: 9 });
    const [one, all] = [188, 188 * 100_000].map((pieceBytes) => segmentsOf(feed, { ...PART, pieceBytes }));
    expect(one?.parts.length).toBeGreaterThan(14);
    expect(one?.parts.map(({ n, p, facts }) => ({ n, p, crc: facts.crc }))).toEqual(
      all?.parts.map(({ n, p, facts }) => ({ n, p, crc: facts.crc })),
    );
  });

  it.each([100, 200])('are as long as players ask for where pictures of %i ms are lost', async (lostMs) => {
    const shortest: number[] = [];
    for (let atMs = 5_000; atMs < 7_000; atMs += 300) {
      const isLost = (ms: number) => ms >= atMs && ms < atMs + lostMs;
      const made = segmentsOf(await markedLoop('plain', { seconds: 9, isLost }), PART);
      for (const { n } of made.dones.slice(1)) {
        const lengths = partsOf(made, n).map(({ facts }) => facts.seconds);
        expect(Math.max(...lengths)).toBeLessThanOrEqual(0.33);
        shortest.push(...lengths.slice(0, -1));
      }
    }
    // draft-pantos-hls-rfc8216bis, 4.4.4.9
    expect(Math.min(...shortest)).toBeGreaterThanOrEqual(0.85 * 0.33);
  });

  it('come in order, with chunks that count on', async () => {
    const made = segmentsOf(await markedLoop('bframes', { seconds: 13 }), PART);
    expect(made.parts.map(({ n, p }) => n * 100 + p)).toEqual(
      [...made.parts.map(({ n, p }) => n * 100 + p)].sort((a, b) => a - b),
    );
    const numbers: number[] = [];
    for (const { fmp4 } of made.dones) {
      const bytes = fmp4?.bytes ?? Buffer.alloc(0);
      for (let at = bytes.indexOf('mfhd'); at >= 0; at = bytes.indexOf('mfhd', at + 4))
        numbers.push(bytes.readUInt32BE(at + 8));
    }
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(made.dones.at(-1)?.chunk).toBe(numbers.length);
  });

  it('begin where the one before them ends', async () => {
    const made = segmentsOf(await markedLoop('plain', { seconds: 9 }), PART);
    const starts: (number | undefined)[] = [];
    const fragmenter = createFragmenter('mp4', {
      init: () => undefined,
      fragment: (_, __, seconds) => starts.push(seconds),
    });
    fragmenter.push(made.dones[0]?.fmp4?.init.bytes ?? Buffer.alloc(0));
    for (const { bytes } of made.parts) fragmenter.push(bytes);
    const lengths = made.parts.map(({ facts }) => facts.seconds);
    const steps = starts.slice(1).map((start, at) => (start ?? 0) - (starts[at] ?? 0));
    expect(steps.length).toBeGreaterThan(14);
    for (const [at, step] of steps.entries()) expect(step).toBeCloseTo(lengths[at] ?? 0, 4);
  });

  it.each([
    ['whose pictures are further apart than half of one', { partTicks: 0.07 * SECOND }],
    ['for which none are wanted', { partTicks: undefined }],
  ])('are not made of a feed %s', async (_, options) => {
    const made = segmentsOf(await markedLoop('plain', { seconds: 9 }), { ...PART, ...options });
    expect(made.parts).toEqual([]);
    expect(made.dones.filter(({ fmp4 }) => fmp4 === undefined)).toEqual([]);
  });
});
