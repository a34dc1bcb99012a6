/**
 * A worker that has heard of marks what nobody should say, and takes the source over: it says marks that can be followed.
 * `TEST_SEED=…` repeats a run.
 */

import { describe, expect, it } from 'vitest';
import type { MarkList } from '../../../services/proxy/src/feed/marks/mark.ts';
import { MarkLog } from '../../../services/proxy/src/feed/marks/mark-log.ts';
import { marksShape } from '../../../services/proxy/src/relay/mark-frames.ts';
import { pick, seeded, TEST_SEED } from '../../support/seed.ts';
import { MarksHolder } from '../../support/source-marks.ts';

const WALL_MS = Date.UTC(2026, 0, 1);
const PICTURES = 300;
const NUMBERS = [0, -1, 0.5, 2 ** 33, 2 ** 52, 2 ** 53, 1e308, -1e308, null, '7', {}, []];

/** A value as a worker says it, or as none does. */
function said(random: () => number, usual: unknown): unknown {
  return random() < 0.97 ? usual : pick<unknown>(random, NUMBERS);
}

function saidMarks(random: () => number): unknown {
  if (random() < 0.05) return pick(random, [null, 7, 'marks', [], {}]);
  const count = Math.floor(random() * pick(random, [3, 20, 400]));
  const start = Math.floor(random() * pick(random, [10, 2 ** 20, 2 ** 50]));
  const step = pick(random, [1, 1, 0, -1, 1_000]);
  const marks = Array.from({ length: count }, (_, at) => ({
    list: said(random, pick(random, ['clock', 'source'])),
    n: said(random, start + at * step),
    pts: said(random, (start + at * step) * 180_000),
    pdtMs: said(random, WALL_MS + at * 2_000),
    discontinuities: said(random, 1),
    discontinuity: said(random, false),
  }));
  const jump = () => ({ dts: said(random, (start + count * step) * 180_000), discontinuities: said(random, 2) });
  return {
    ...{ anew: said(random, false), marks, source: said(random, { openInARow: said(random, 0), openCounts: false }) },
    jumps: said(random, { clock: said(random, jump()), source: said(random, jump()) }),
  };
}

function check(seed: number): boolean {
  const random = seeded(seed);
  const heard = new MarkLog();
  const holder = new MarksHolder();
  for (let n = 0; n < 3; n++) {
    const { data } = marksShape.safeParse(JSON.parse(JSON.stringify(saidMarks(random))));
    if (data !== undefined) heard.add(data.marks, data.source);
    if (data?.jumps !== undefined) heard.owe(data.jumps);
    holder.marks.hear(heard);
  }
  const before = holder.marks.log.count;
  holder.marks.begin();
  for (let index = 0; index < PICTURES; index++) {
    holder.picture(index);
    holder.marks.say(WALL_MS + index * 40);
  }
  const about = `TEST_SEED=${seed}`;
  expect(holder.held.length, about).toBeLessThanOrEqual(128);
  const made = holder.marks.log.after(before);
  for (const list of ['clock', 'source'] as const satisfies readonly MarkList[]) {
    const marks = made.filter((mark) => mark.list === list);
    // All that was heard may lie a little ahead of the media, and is waited for then.
    for (const [at, mark] of marks.entries()) {
      const previous = marks[at - 1];
      expect(Number.isSafeInteger(mark.n), about).toBe(true);
      expect(Number.isFinite(new Date(mark.pdtMs).getTime()), about).toBe(true);
      if (previous === undefined) continue;
      expect(mark.n, about).toBe(previous.n + 1);
      expect(mark.pts, about).toBeGreaterThan(previous.pts);
      expect(mark.pdtMs, about).toBeGreaterThanOrEqual(previous.pdtMs);
    }
  }
  return before > 0;
}

describe(`marks that nobody should say (TEST_SEED=${TEST_SEED})`, () => {
  it('do not keep a worker from going on', () => {
    const believed = Array.from({ length: 300 }, (_, n) => check(TEST_SEED + n));
    expect(believed.filter(Boolean).length).toBeGreaterThan(20);
  });

  it('are forgotten when media shows that they are on another clock', () => {
    const holder = new MarksHolder();
    const heard = new MarkLog();
    const far = { n: 7, pts: 2 ** 50, pdtMs: WALL_MS, discontinuities: 1, discontinuity: true };
    heard.add(
      [
        { list: 'clock', ...far },
        { list: 'source', ...far },
      ],
      { openInARow: 0, openCounts: false },
    );
    holder.marks.hear(heard);
    for (let index = 0; index < PICTURES; index++) {
      holder.picture(index);
      holder.marks.say(WALL_MS + index * 40);
    }
    const made = holder.marks.log.after(2);
    expect(made.length).toBeGreaterThan(8);
    expect(
      made
        .filter(({ discontinuity }) => discontinuity)
        .map(({ list }) => list)
        .sort(),
    ).toEqual(['clock', 'source']);
  });
});
