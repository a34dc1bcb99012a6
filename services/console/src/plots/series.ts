/** Lines of a plot, and what sentences and tables say of them. Pure. */

/** One line of a plot. */
export interface Series {
  readonly label: string;
  /** One for each time; null: nobody knows it. */
  readonly values: readonly (number | null)[];
  /** It is counted: a sum means something. The others are how much there was. */
  readonly isCount?: boolean;
  /** A value as people read it. */
  readonly shown: (value: number) => string;
  /** An average, as a table has it; unset: as `shown`. */
  readonly average?: (value: number) => string;
}

/** What one line says in a sentence. */
export interface Summary {
  readonly last: number;
  readonly least: number;
  readonly most: number;
  readonly sum: number;
}

/** Undefined without any value. */
export function summaryOf(values: readonly (number | null)[]): Summary | undefined {
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return undefined;
  const sum = known.reduce((total, value) => total + value, 0);
  return { last, least: Math.min(...known), most: Math.max(...known), sum };
}

export interface TableRow {
  /** When it begins, in ms. */
  readonly fromMs: number;
  /** One for each line: sums of what is counted, else averages; null: nothing is known of this time. */
  readonly values: readonly (number | null)[];
}

/** Rows of `rowMs` each, the newest first. @param times in ms: a value is about what was before its time */
export function rowsOf(
  times: readonly number[],
  series: readonly Pick<Series, 'values' | 'isCount'>[],
  rowMs: number,
): TableRow[] {
  const rows = new Map<number, number[]>();
  for (const [at, ms] of times.entries()) {
    const fromMs = Math.floor((ms - 1) / rowMs) * rowMs;
    rows.set(fromMs, [...(rows.get(fromMs) ?? []), at]);
  }
  return [...rows]
    .sort(([a], [b]) => b - a)
    .map(([fromMs, places]) => {
      const values = series.map((each) => {
        const known = places.map((at) => each.values[at] ?? null).filter((value) => value !== null);
        const sum = known.reduce((total, value) => total + value, 0);
        if (known.length === 0) return null;
        return each.isCount === true ? sum : sum / known.length;
      });
      return { fromMs, values };
    });
}
