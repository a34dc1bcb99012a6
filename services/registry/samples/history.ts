/** Adds the samples of workers up. Pure. */

import { MEASURED, type Measured, type Sample } from './sample.ts';

/** The samples of one incarnation of a worker, oldest first. */
export interface WorkerSamples {
  readonly workerId: string;
  readonly samples: readonly Sample[];
}

/** All workers at one time. */
export interface HistoryPoint extends Measured {
  /** As that of a sample. */
  readonly n: number;
  /** Workers that had a sample before, and have none now. */
  readonly missing: readonly string[];
}

/**
 * @param from number of the first sample
 * @param to number of the last one
 */
export function addUp(workers: readonly WorkerSamples[], from: number, to: number): HistoryPoint[] {
  const byNumber = new Map<number, Map<string, Sample>>();
  const since = new Map<string, number>();
  for (const { workerId, samples } of workers) {
    for (const sample of samples) {
      since.set(workerId, Math.min(since.get(workerId) ?? sample.n, sample.n));
      const there = byNumber.get(sample.n) ?? new Map<string, Sample>();
      byNumber.set(sample.n, there.set(workerId, sample));
    }
  }
  const names = [...since.keys()].sort();
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, step) => {
    const n = from + step;
    const there = byNumber.get(n);
    const missing = names.filter((name) => (since.get(name) ?? n) <= n && there?.has(name) !== true);
    return { n, ...together([...(there?.values() ?? [])]), missing };
  });
}

/** Sums; of how late event loops came, that of the latest one. */
function together(samples: readonly Sample[]): Measured {
  const all = MEASURED.map((name) => {
    const values = samples.map((sample) => sample[name]);
    const value = name === 'eventLoopP99Ms' ? Math.max(0, ...values) : values.reduce((sum, each) => sum + each, 0);
    return [name, value] as const;
  });
  return Object.fromEntries(all) as unknown as Measured;
}
