/** The table of a run, for the page of benchmarks, and what a run says of another. */
import { compare, type Move } from './compare.ts';
import { type Figure, figureOf, isOurs, type Measure, OURS, type Run } from './results.ts';

/** Where the table of the last kept run stands in docs/benchmarks.md. */
const SECTION = /<!-- peers -->\n[\s\S]*?<!-- \/peers -->/;

/** @throws {Error} when the page has no place for it */
export function replaceSection(page: string, section: string): string {
  if (!SECTION.test(page)) throw new Error('the page has no <!-- peers --> … <!-- /peers --> section');
  return page.replace(SECTION, () => `<!-- peers -->\n\n${section}\n\n<!-- /peers -->`);
}

interface Entry {
  readonly server: string;
  readonly figure: Figure;
}

/** The section of docs/benchmarks.md: the table, where others are better, and how it was measured. */
export function pageOf(run: Run): string {
  const better = run.measures.flatMap(betterIn);
  const { cores, processor, memoryGb, kernel } = run.machine;
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `| measure, median of ${run.rounds} (least to most) | ${OURS} | beside it | others, the best first |`,
    '|---|---|---|---|',
    ...run.measures.map(rowOf),
    '',
    better.length === 0 ? 'No other is better in any of these.' : 'Others are better here:',
    ...(better.length === 0 ? [] : ['', ...better.map((line) => `- ${line}`)]),
    '',
    ...(run.quick ? ['This is a short run, for development: its figures say little.'] : []),
    ...run.how,
    `Measured on ${run.date.slice(0, 10)} at commit ${run.commit}, on ${cores} cores (${processor}), ${memoryGb} GB, Linux ${kernel}.`,
    `Other programs used ${run.othersUsed.toFixed(2)} processors meanwhile.`,
    `Versions: ${versions.join('; ')}.`,
  ].join('\n');
}

function rowOf(measure: Measure): string {
  const { what, unit, beside } = measure;
  const entries = entriesOf(measure);
  const ours = entries.filter(({ server }) => isOurs(server)).map(({ server, figure }) => text(short(server), figure));
  const others = entries.filter(({ server }) => !isOurs(server) && server !== beside);
  const best = entries.find(({ server }) => isOurs(server))?.figure.median;
  const floors = entries.filter(({ server }) => server === beside);
  const ratioTo = ({ median }: Figure): string =>
    best === undefined || median === 0 ? '' : `: ${(best / median).toFixed(1)} x`;
  return `| ${[
    unit === '' ? what : `${what}: ${unit}`,
    ours.join('; '),
    floors.map(({ server, figure }) => text(server, figure) + ratioTo(figure)).join(''),
    others.map(({ server, figure }) => text(server, figure)).join('; '),
  ].join(' | ')} |`;
}

/** Who is better than the best of ours, by more than either range is wide; what stands beside it says so in the table. */
function betterIn(measure: Measure): string[] {
  const entries = entriesOf(measure);
  const best = entries.find(({ server }) => isOurs(server));
  if (best === undefined) return [];
  const better = entries
    .filter(({ server }) => !isOurs(server) && server !== measure.beside)
    .filter(({ figure }) => best.figure.median - figure.median > Math.max(width(figure), width(best.figure)))
    .map(({ server, figure }) => `${server} ${rounded(figure.median)}`);
  if (better.length === 0) return [];
  return [`${measure.what}: ${better.join('; ')}; ${best.server} ${rounded(best.figure.median)} ${measure.unit}`];
}

/** The best first. */
function entriesOf({ values }: Measure): Entry[] {
  return Object.entries(values)
    .filter(([, rounds]) => rounds.length > 0)
    .map(([server, rounds]) => ({ server, figure: figureOf(rounds) }))
    .sort((a, b) => a.figure.median - b.figure.median);
}

/** The column says whose it is. */
function short(server: string): string {
  return server.slice(OURS.length).replace(/^, /, '');
}

function text(server: string, figure: Figure): string {
  const { median, low, high } = figure;
  const value = low === high ? rounded(median) : `${rounded(median)} (${rounded(low)} to ${rounded(high)})`;
  return server === '' ? value : `${server} ${value}`;
}

/** What has moved, in lines for the terminal: what is worse of ours comes first. */
export function comparisonOf(before: Run, now: Run): string {
  const { moves, compared, left } = compare(before, now);
  const since = `the run of ${before.date.slice(0, 10)} (commit ${before.commit}, ${before.machine.processor})`;
  if (before.quick !== now.quick) return `Not compared with ${since}: only one of the two is short.`;
  const changed = Object.entries(now.versions)
    .filter(([name, version]) => before.versions[name] !== undefined && before.versions[name] !== version)
    .map(([name, version]) => `${name} was ${before.versions[name]}, is ${version}`);
  const ours = moves.filter(({ server }) => isOurs(server));
  const groups: [string, readonly Move[]][] = [
    ['Worse', ours.filter(({ isWorse }) => isWorse)],
    ['Better', ours.filter(({ isWorse }) => !isWorse)],
    ['Others have moved, or the machine has', moves.filter(({ server }) => !isOurs(server))],
  ];
  return [
    `Compared with ${since}: ${compared} figures, ${moves.length} moved by more than their range.`,
    ...(left > 0 ? [`It was another machine: ${left} figures that stand beside no other are not compared.`] : []),
    ...changed,
    ...groups.flatMap(([title, members]) => (members.length === 0 ? [] : ['', `${title}:`, ...members.map(moved)])),
  ].join('\n');
}

function moved({ what, server, unit, beside, before, now }: Move): string {
  const of = beside === undefined ? '' : ` of ${beside}`;
  return `  ${what}, ${server}: ${text('', now)} ${unit}${of}, was ${text('', before)}`;
}

function width({ low, high }: Figure): number {
  return high - low;
}

function rounded(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
}
