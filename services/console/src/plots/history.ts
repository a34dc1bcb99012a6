/** The last hour in numbers, as `GET /stats/history` has it, and what plots and sentences are made of. Pure. */

/** 10 s of the cluster. */
export interface Sample {
  /** When they ended. */
  readonly at: string;
  readonly viewers: number;
  readonly ffmpeg_processes: number;
  readonly in_mbits: number;
  readonly out_mbits: number;
  readonly between_mbits: number;
  readonly joins: number;
  readonly failed_joins: number;
  /** Workers that had numbers before and have none of this time. */
  readonly missing: readonly string[];
}

export interface History {
  readonly step_seconds: number;
  readonly samples: readonly Sample[];
}

export type Measure = Exclude<keyof Sample, 'at' | 'missing'>;

/** The four plots, and the lines of each. */
export const PLOTS = {
  viewers: ['viewers'],
  traffic: ['out_mbits', 'in_mbits', 'between_mbits'],
  ffmpegs: ['ffmpeg_processes'],
  joins: ['joins', 'failed_joins'],
} as const satisfies Record<string, readonly Measure[]>;

export type PlotName = keyof typeof PLOTS;

const HOUR_MS = 3_600_000;
/** A row of the table beside a plot is so long. */
export const ROW_MS = 5 * 60_000;

/** Both, each time once, the last hour of them. */
export function merged(before: readonly Sample[], more: readonly Sample[]): Sample[] {
  const known = new Map([...before, ...more].map((sample) => [sample.at, sample] as const));
  const all = [...known.values()].sort((a, b) => timeOf(a) - timeOf(b));
  const newest = all.at(-1);
  return newest === undefined ? [] : all.filter((sample) => timeOf(newest) - timeOf(sample) < HOUR_MS);
}

export function timeOf({ at }: Sample): number {
  return Date.parse(at);
}

/** What one line of a plot says in a sentence. */
export interface Summary {
  readonly last: number;
  readonly least: number;
  readonly most: number;
  readonly sum: number;
}

/** Undefined without any sample. */
export function summaryOf(samples: readonly Sample[], measure: Measure): Summary | undefined {
  const values = samples.map((sample) => sample[measure]);
  const last = values.at(-1);
  if (last === undefined) return undefined;
  return {
    last,
    least: Math.min(...values),
    most: Math.max(...values),
    sum: values.reduce((sum, value) => sum + value, 0),
  };
}

/** Joins are counted; the others are how much there was. */
export function isCount(measure: Measure): boolean {
  return measure === 'joins' || measure === 'failed_joins';
}

export interface TableRow {
  /** When it begins, in ms. */
  readonly fromMs: number;
  /** Sums of what is counted, else averages. */
  readonly values: Readonly<Record<Measure, number>>;
}

/** Rows of five minutes, the newest first. */
export function rowsOf(samples: readonly Sample[], measures: readonly Measure[]): TableRow[] {
  const rows = new Map<number, Sample[]>();
  for (const sample of samples) {
    // A sample is about the 10 s before its time.
    const fromMs = Math.floor((timeOf(sample) - 1) / ROW_MS) * ROW_MS;
    rows.set(fromMs, [...(rows.get(fromMs) ?? []), sample]);
  }
  return [...rows]
    .sort(([a], [b]) => b - a)
    .map(([fromMs, some]) => {
      const values = measures.map((measure) => {
        const sum = some.reduce((total, sample) => total + sample[measure], 0);
        return [measure, isCount(measure) ? sum : sum / some.length] as const;
      });
      return { fromMs, values: Object.fromEntries(values) as Record<Measure, number> };
    });
}

/** Whose numbers are missing at some time. */
export function missingIn(samples: readonly Sample[]): string[] {
  return [...new Set(samples.flatMap(({ missing }) => missing))].sort();
}
