/** The last hour of the cluster in numbers, as `GET /stats/history` has it. Pure. */

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

/** Joins are counted; the others are how much there was. */
export function isCount(measure: Measure): boolean {
  return measure === 'joins' || measure === 'failed_joins';
}

/** Whose numbers are missing at some time. */
export function missingIn(samples: readonly Sample[]): string[] {
  return [...new Set(samples.flatMap(({ missing }) => missing))].sort();
}
