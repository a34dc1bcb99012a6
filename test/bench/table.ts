/** The rows of the benchmark and how they are printed. */

export interface Row {
  part: string;
  what: string;
  unit: string;
  ours: number;
  /** The same measure of the floor or the peer, taken in the same run. */
  floor?: number;
  /** What the floor is. */
  floorIs?: string;
  /** The most that is wanted: of our own value, or of ours divided by the floor's. */
  goal?: { of: 'ours' | 'ratio'; max: number };
  note?: string;
  /** How many processors other programs have used meanwhile. Set when it was enough to make the figure worse. */
  disturbed?: number;
}

const HEADINGS = ['', 'measure', 'streampool', 'floor', 'ratio', 'goal', '', 'floor is; notes'];

export function ratioOf({ ours, floor }: Row): number | undefined {
  return floor === undefined || floor === 0 ? undefined : ours / floor;
}

/** Undefined without a goal. */
export function meetsGoal(row: Row): boolean | undefined {
  if (row.goal === undefined) return undefined;
  const value = row.goal.of === 'ours' ? row.ours : ratioOf(row);
  return value !== undefined && value <= row.goal.max;
}

export function printTable(rows: readonly Row[]): string {
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const isNumber = (column: number): boolean => column >= 2 && column <= 5;
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cells(row: Row): string[] {
  const ratio = ratioOf(row);
  const met = meetsGoal(row);
  const goal = row.goal === undefined ? '' : `<= ${row.goal.max}${row.goal.of === 'ratio' ? ' x' : ` ${row.unit}`}`;
  return [
    row.part,
    row.what,
    `${rounded(row.ours)} ${row.unit}`,
    row.floor === undefined ? '' : `${rounded(row.floor)} ${row.unit}`,
    ratio === undefined ? '' : `${ratio.toFixed(2)} x`,
    goal,
    met === undefined ? '' : met ? 'ok' : 'MISSED',
    [disturbance(row), row.floorIs, row.note].filter((text) => text !== undefined).join('; '),
  ];
}

function disturbance({ disturbed }: Row): string | undefined {
  if (disturbed === undefined) return undefined;
  return `DISTURBED: other programs used ${disturbed.toFixed(2)} processors meanwhile`;
}

function rounded(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) < 1 ? 3 : Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0);
}
