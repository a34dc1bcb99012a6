/** Samples in one text, and added up over workers. */

import { describe, expect, it } from 'vitest';
import { addUp } from '../../../../services/registry/samples/history.ts';
import {
  KEPT_SAMPLES,
  MEASURED,
  packSamples,
  type Sample,
  unpackSamples,
} from '../../../../services/registry/samples/sample.ts';

const ZERO = Object.fromEntries(MEASURED.map((name) => [name, 0])) as unknown as Omit<Sample, 'n'>;

function sample(n: number, more: Partial<Sample> = {}): Sample {
  return { ...ZERO, n, ...more };
}

describe('packed samples', () => {
  it('are the same again, as far as floats go', () => {
    const now = Math.floor(1_796_000_000_000 / 10_000);
    const one = sample(now, { viewers: 12_345, outBitsPerSecond: 9_876_543_210, cpu: 1.23, residentBytes: 2 ** 33 });
    const [read] = unpackSamples(packSamples([one]));
    expect(read).toMatchObject({ n: now, viewers: 12_345, residentBytes: 2 ** 33 });
    expect(read?.cpu).toBeCloseTo(1.23, 6);
    expect((read?.outBitsPerSecond ?? 0) / one.outBitsPerSecond).toBeCloseTo(1, 6);
  });

  it('of an hour take less than 32 kB', () => {
    const hour = Array.from({ length: KEPT_SAMPLES }, (_, n) => sample(n));
    const text = packSamples(hour);
    expect(text.length).toBe(23_040);
    expect(unpackSamples(text)).toEqual(hour);
  });

  it('of another version are read as far as both know the numbers', () => {
    const ours = packSamples([sample(1, { viewers: 3, eventLoopP99Ms: 8 }), sample(2, { viewers: 4 })]);
    const words = Buffer.from(ours, 'base64');
    const size = words.length / 2;
    const rows = [words.subarray(0, size), words.subarray(size)];
    const fewer = Buffer.concat(rows.map((row) => row.subarray(0, size - 4))).toString('base64');
    expect(unpackSamples(fewer, MEASURED.length - 1)).toEqual([sample(1, { viewers: 3 }), sample(2, { viewers: 4 })]);
    const more = Buffer.concat(rows.flatMap((row) => [row, Buffer.from([0x40, 0, 0, 0])])).toString('base64');
    expect(unpackSamples(more, MEASURED.length + 1)).toEqual([
      sample(1, { viewers: 3, eventLoopP99Ms: 8 }),
      sample(2, { viewers: 4 }),
    ]);
  });

  it('are read as far as they make sense', () => {
    const text = packSamples([sample(1), sample(2, { viewers: Number.NaN }), sample(3, { cpu: -1 }), sample(4)]);
    expect(unpackSamples(text).map(({ n }) => n)).toEqual([1, 4]);
    expect(unpackSamples(text.slice(0, 70)).map(({ n }) => n)).toEqual([1]);
    expect(unpackSamples('{"not": "base64"}')).toEqual([]);
    expect(unpackSamples(packSamples(Array.from({ length: 500 }, (_, n) => sample(n))))).toHaveLength(KEPT_SAMPLES);
  });
});

describe('samples of several workers', () => {
  it('are added up, and the latest event loop counts', () => {
    const workers = [
      { workerId: 'a', samples: [sample(7, { viewers: 2, cpu: 0.5, eventLoopP99Ms: 9 })] },
      { workerId: 'b', samples: [sample(7, { viewers: 3, cpu: 0.25, eventLoopP99Ms: 4 })] },
    ];
    expect(addUp(workers, 7, 7)).toEqual([{ ...ZERO, n: 7, viewers: 5, cpu: 0.75, eventLoopP99Ms: 9, missing: [] }]);
  });

  it('name who has none from then on when it has begun, and never before', () => {
    const workers = [
      { workerId: 'stays', samples: [1, 2, 3, 4].map((n) => sample(n, { viewers: 1 })) },
      { workerId: 'dies', samples: [sample(2, { viewers: 10 })] },
      // It was started again under its name.
      { workerId: 'returns', samples: [sample(1, { viewers: 100 })] },
      { workerId: 'returns', samples: [sample(3, { viewers: 100 }), sample(4, { viewers: 100 })] },
    ];
    expect(addUp(workers, 0, 4).map(({ n, viewers, missing }) => [n, viewers, missing])).toEqual([
      [0, 0, []],
      [1, 101, []],
      [2, 11, ['returns']],
      [3, 101, ['dies']],
      [4, 101, ['dies']],
    ]);
  });

  it('are none where nobody has any', () => {
    expect(addUp([], 5, 6)).toEqual([
      { ...ZERO, n: 5, missing: [] },
      { ...ZERO, n: 6, missing: [] },
    ]);
  });
});
