/** A run of `npm run bench -- peers`: how it is compared with the last one, how it is shown, and that the page shows the one that is kept. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare } from '../../bench/peers/compare.ts';
import { comparisonOf, pageOf, replaceSection } from '../../bench/peers/page.ts';
import { type Measure, parseRun, printRun, type Run } from '../../bench/peers/results.ts';
import { inTurn, Sheet } from '../../bench/peers/sheet.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

const MACHINE = { cores: 2, processor: 'A', memoryGb: 8, kernel: '6.1' };

function run(measures: Measure[], other: Partial<Run> = {}): Run {
  return {
    date: '2026-11-30T10:00:00.000Z',
    commit: 'abc1234',
    quick: false,
    rounds: 3,
    machine: MACHINE,
    versions: { Node: 'v20' },
    how: ['Each for a minute.'],
    othersUsed: 0,
    measures,
    ...other,
  };
}

const cpu = (values: Measure['values'], more: Partial<Measure> = {}): Measure => ({
  id: 'cpu',
  what: 'fifty viewers',
  unit: 's',
  beside: 'loop',
  resolution: 0.01,
  values,
  ...more,
});
const memory = (values: Measure['values']): Measure => ({
  id: 'memory',
  what: 'memory',
  unit: 'MB',
  resolution: 1,
  values,
});

const movesOf = (before: Measure, now: Measure, other: Partial<Run> = {}) =>
  compare(run([before]), run([now], other)).moves.map(({ server, isWorse }) => `${server} ${isWorse ? 'up' : 'down'}`);

describe('a run is compared with an earlier one', () => {
  const floor = [0.1, 0.1, 0.1];

  it('and names what is further away than either range is wide', () => {
    const before = cpu({ loop: floor, Streampool: [0.3, 0.31, 0.32], VLC: [0.2, 0.21, 0.22] });
    const now = cpu({ loop: floor, Streampool: [0.35, 0.36, 0.34], VLC: [0.22, 0.23, 0.22] });
    expect(movesOf(before, now)).toEqual(['Streampool up']);
    expect(movesOf(now, before)).toEqual(['Streampool down']);
  });

  it('by its ratio to the floor of the same round, so that a slower machine moves nothing', () => {
    const before = cpu({ loop: [0.1, 0.11, 0.1], Streampool: [0.3, 0.33, 0.3] });
    const now = cpu({ loop: [0.2, 0.22, 0.3], Streampool: [0.6, 0.66, 0.9] });
    const other = { machine: { ...MACHINE, processor: 'B' } };
    expect(movesOf(before, now, other)).toEqual([]);
    expect(compare(run([before]), run([now], other))).toMatchObject({ compared: 1, left: 1 });
  });

  it('without a floor only on the same machine', () => {
    const [before, now] = [memory({ Streampool: [80, 81, 80] }), memory({ Streampool: [95, 96, 95] })];
    expect(movesOf(before, now)).toEqual(['Streampool up']);
    const elsewhere = compare(run([before]), run([now], { machine: { ...MACHINE, cores: 4 } }));
    expect(elsewhere).toEqual({ moves: [], compared: 0, left: 1 });
  });

  it('and no difference counts that is smaller than what can be seen', () => {
    expect(movesOf(memory({ Streampool: [80, 80, 80] }), memory({ Streampool: [81, 81, 81] }))).toEqual([]);
    expect(movesOf(memory({ Streampool: [80, 80, 80] }), memory({ Streampool: [82, 82, 82] }))).toEqual([
      'Streampool up',
    ]);
  });

  it('and leaves out what only one of them has', () => {
    const before = cpu({ loop: floor, VLC: [0.2, 0.2, 0.2] });
    const now = cpu({ loop: floor, Icecast: [0.9, 0.9, 0.9] });
    expect(compare(run([before, memory({ VLC: [1, 1, 1] })]), run([now]))).toMatchObject({ moves: [], compared: 1 });
  });

  it('in words, what is worse of ours first', () => {
    const before = run([
      memory({ Streampool: [80, 81, 80], VLC: [30, 30, 30] }),
      cpu({ loop: floor, Streampool: floor }),
    ]);
    const now = run(
      [memory({ Streampool: [95, 96, 95], VLC: [40, 40, 40] }), cpu({ loop: floor, Streampool: [0.05, 0.05, 0.05] })],
      { versions: { Node: 'v22' } },
    );
    expect(comparisonOf(before, now)).toBe(
      [
        'Compared with the run of 2026-11-30 (commit abc1234, A): 4 figures, 3 moved by more than their range.',
        'Node was v20, is v22',
        '',
        'Worse:',
        '  memory, Streampool: 95.0 (95.0 to 96.0) MB, was 80.0 (80.0 to 81.0)',
        '',
        'Better:',
        '  fifty viewers, Streampool: 0.500 x of loop, was 1.00',
        '',
        'Others have moved, or the machine has:',
        '  memory, VLC: 40.0 MB, was 30.0',
      ].join('\n'),
    );
    expect(comparisonOf({ ...before, quick: true }, now)).toContain('Not compared');
  });
});

describe('the page of a run', () => {
  const page = pageOf(
    run([
      cpu({
        loop: [0.1, 0.1, 0.1],
        'Streampool, copied': [0.32, 0.3, 0.31],
        'Streampool, direct': [0.29, 0.28, 0.27],
        VLC: [0.19, 0.2, 0.21],
        Icecast: [0.27, 0.26, 0.29],
        nginx: [0.6, 0.5, 0.55],
      }),
      memory({ Streampool: [80, 80, 80], VLC: [90, 90, 90] }),
    ]),
  );

  it('has a row for each measure, with the floor and the others, the best first', () => {
    expect(page).toContain(
      '| fifty viewers: s | direct 0.280 (0.270 to 0.290); copied 0.310 (0.300 to 0.320) | loop 0.100: 2.8 x | VLC 0.200 (0.190 to 0.210); Icecast 0.270 (0.260 to 0.290); nginx 0.550 (0.500 to 0.600) |',
    );
    expect(page).toContain('| memory: MB | 80.0 |  | VLC 90.0 |');
  });

  it('says where others are better, by more than the ranges', () => {
    expect(page.split('\n').filter((line) => line.startsWith('- '))).toEqual([
      '- fifty viewers: VLC 0.200; Streampool, direct 0.280 s',
    ]);
    expect(pageOf(run([memory({ Streampool: [80, 80, 80] })]))).toContain('No other is better');
  });

  it('names the machine, the date and the versions', () => {
    expect(page).toContain('Measured on 2026-11-30 at commit abc1234, on 2 cores (A), 8 GB, Linux 6.1.');
    expect(page).toContain('Versions: Node v20.');
    expect(page).toContain('Each for a minute.');
  });

  it('takes the place of the one before', () => {
    const before = 'a\n\n<!-- peers -->\n\n| $1 |\n\n<!-- /peers -->\n\nb';
    expect(replaceSection(before, '| $& |')).toBe('a\n\n<!-- peers -->\n\n| $& |\n\n<!-- /peers -->\n\nb');
    expect(() => replaceSection('a', page)).toThrow('no <!-- peers -->');
  });
});

describe('values', () => {
  it('of a server that failed in a round are left out', () => {
    const sheet = new Sheet(2, [memory({})]);
    for (const value of [1, 2]) sheet.add('memory', 'VLC', value);
    sheet.add('memory', 'Icecast', 1);
    expect(sheet.measures().map(({ values }) => values)).toEqual([{ VLC: [1, 2] }]);
    expect(() => sheet.add('time', 'VLC', 1)).toThrow('no measure time');
  });

  it('are taken in another order in each round', () => {
    expect([0, 1, 2].map((round) => inTurn(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'cba', 'abc']);
  });

  it('come back from the file in which they are kept', () => {
    const kept = run([cpu({ loop: [0.1, 0.2], VLC: [1e-7] })]);
    expect(parseRun(printRun(kept))).toEqual(kept);
    expect(printRun(kept)).toContain('"loop": [0.1, 0.2]');
  });
});

it('docs/benchmarks.md shows the run that is kept: `npm run bench -- peers --keep` writes both', () => {
  const kept = parseRun(readFileSync(join(ROOT, 'test', 'bench', 'peers', 'last-run.json'), 'utf8'));
  const page = readFileSync(join(ROOT, 'docs', 'benchmarks.md'), 'utf8');
  expect(page).toBe(replaceSection(page, pageOf(kept)));
});
