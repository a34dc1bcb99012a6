/** The table of cells that were played. */
import type { Findings, MissingRun } from '../support/numbered/findings.ts';
import type { Played } from './play-cell.ts';

const HEADINGS = [
  'stream',
  'again',
  'fault',
  'seed',
  'gap',
  'freeze',
  'lost',
  'not owed',
  'twice',
  'late',
  'broken',
  'time',
  'sound',
  '',
];

/** One line a cell; what is not 0 says how much of it there is. */
export function tableOf(played: readonly Played[]): string {
  const lines = [HEADINGS, ...played.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cellsOf({ cell, found, wrong }: Played): string[] {
  const { kind, burst, fault, seed } = cell;
  return [
    kind,
    `${burst} s`,
    fault,
    String(seed),
    `${(found.gapMs / 1000).toFixed(2)} s`,
    `${(found.freezeMs / 1000).toFixed(2)} s`,
    ...[lost(found.missing), notOwed(found.missing), found.twice.length, found.late.length, found.broken].map(String),
    String(found.timeSteps.length),
    soundOf(found),
    wrong.length === 0 ? 'exact' : '',
  ];
}

function soundOf(found: Findings): string {
  const parts: [number, string][] = [
    [lost(found.tonesMissing), 'lost'],
    [notOwed(found.tonesMissing), 'not owed'],
    [found.tonesTwice.length, 'twice'],
    [found.tonesUneven.length, 'uneven'],
    [found.soundSteps.length, 'off the grid'],
  ];
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return told.length === 0 ? 'whole' : told.join(', ');
}

function lost(runs: readonly MissingRun[]): number {
  return runs.reduce((sum, run) => sum + run.lost, 0);
}

function notOwed(runs: readonly MissingRun[]): number {
  return runs.reduce((sum, { after, before, lost }) => sum + before - after - 1 - lost, 0);
}
