/** What a run has measured: the values of each server, one for each round. It is kept as JSON, so that the next run can be compared with it. */
import { z } from 'zod';
import { median } from '../numbers.ts';

const MEASURE = z.object({
  id: z.string(),
  what: z.string(),
  unit: z.string(),
  /** The server that it is measured beside: one that does the least anybody can do for it, or the model. */
  beside: z.string().optional(),
  /** The smallest difference that it shows, in its unit. */
  resolution: z.number(),
  /** By server: one value for each round, all in the same order. */
  values: z.record(z.string(), z.array(z.number())),
});

const RUN = z.object({
  date: z.string(),
  commit: z.string(),
  /** For development: too short to be compared with a whole one. */
  quick: z.boolean(),
  rounds: z.number(),
  machine: z.object({ cores: z.number(), processor: z.string(), memoryGb: z.number(), kernel: z.string() }),
  versions: z.record(z.string(), z.string()),
  /** How it was measured, in sentences. */
  how: z.array(z.string()),
  /** Processors that other programs used meanwhile. */
  othersUsed: z.number(),
  measures: z.array(MEASURE),
});

export type Measure = z.infer<typeof MEASURE>;
export type Run = z.infer<typeof RUN>;
export type Machine = Run['machine'];

/** @throws {z.ZodError} when it is no run */
export function parseRun(text: string): Run {
  return RUN.parse(JSON.parse(text));
}

/** For the repository: one line for the values of a server. */
export function printRun(run: Run): string {
  const numbers = /\[\s+(-?[\d.e+-]+(?:,\s+-?[\d.e+-]+)*)\s+\]/g;
  const text = JSON.stringify(run, null, 2);
  return `${text.replace(numbers, (_, values: string) => `[${values.split(/,\s+/).join(', ')}]`)}\n`;
}

/** The middle of some rounds, and how far they are apart. */
export interface Figure {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Of no value it is NaN. */
export function figureOf(values: readonly number[]): Figure {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** Servers of this name are ours. */
export const OURS = 'Streampool';

export function isOurs(server: string): boolean {
  return server.startsWith(OURS);
}
