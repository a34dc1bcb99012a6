/** GET /stats/history: the last hour of the cluster in numbers. */

import { z } from 'zod';
import type { Registry } from '../../../../registry/registry.ts';
import { addUp, type HistoryPoint } from '../../../../registry/samples/history.ts';
import { KEPT_SAMPLES, SAMPLE_MS } from '../../../../registry/samples/sample.ts';
import type { Services } from '../../worker/services.ts';
import { isoTime } from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';

const MAX_MINUTES = (KEPT_SAMPLES * SAMPLE_MS) / 60_000;

const point = z.object({
  at: z.string().describe('The end of the 10 s that it is about.'),
  viewers: z.int(),
  streams: z.int().describe('Streams with viewers.'),
  ffmpeg_processes: z.int(),
  in_mbits: z.number().describe('Mbit/s from providers.'),
  out_mbits: z.number().describe('Mbit/s to viewers.'),
  between_mbits: z.number().describe('Mbit/s from worker to worker.'),
  joins: z.int().describe('In these 10 s.'),
  failed_joins: z.int(),
  cpu: z.number().describe('Cores in use, of the workers and their FFmpegs.'),
  memory_bytes: z.int().describe('Of the workers, without their FFmpegs.'),
  event_loop_p99_ms: z.number().describe('Of the worker where it was longest.'),
  missing: z
    .array(z.string())
    .readonly()
    .describe('Workers that had numbers before, and have none of this time. They add nothing.'),
});

/** The last hour, as all who ask get it. */
interface Hour {
  readonly workers: readonly string[];
  readonly points: readonly HistoryPoint[];
}

async function readHour({ samples }: Pick<Registry, 'samples'>, to: number): Promise<Hour> {
  const known = await samples.read();
  const points = addUp(known, to - KEPT_SAMPLES + 1, to);
  const first = points.findIndex(({ viewers, missing, residentBytes }) => viewers + missing.length + residentBytes > 0);
  return {
    workers: [...new Set(known.map(({ workerId }) => workerId))].sort(),
    points: first < 0 ? [] : points.slice(first),
  };
}

export function historyRoute(app: Api, { registry }: Pick<Services, 'registry'>): void {
  // Nothing is new before there is another sample: until then one reading is for all who ask.
  let last: { readonly to: number; readonly hour: Promise<Hour> } | undefined;
  const hourTo = (to: number): Promise<Hour> => {
    if (last?.to === to) return last.hour;
    const read = { to, hour: readHour(registry, to) };
    last = read;
    read.hour.catch(() => {
      if (last === read) last = undefined;
    });
    return read.hour;
  };

  app.get(
    '/stats/history',
    {
      schema: {
        tags: ['Statistics'],
        summary: 'Get the last hour of the cluster in steps of 10 s.',
        querystring: z.object({ minutes: z.coerce.number().int().min(1).max(MAX_MINUTES).default(MAX_MINUTES) }),
        response: {
          200: z.object({
            step_seconds: z.int(),
            workers: z.array(z.string()).readonly().describe('Whose numbers are in it, also of workers that are gone.'),
            samples: z.array(point).describe('Oldest first.'),
          }),
        },
      },
    },
    async ({ query: { minutes } }) => {
      // The newest that each worker may have written by now.
      const to = Math.floor((Date.now() - SETTLED_MS) / SAMPLE_MS);
      const { workers, points } = await hourTo(to);
      const from = to - (minutes * 60_000) / SAMPLE_MS;
      return {
        step_seconds: SAMPLE_MS / 1000,
        workers,
        samples: points.filter(({ n }) => n > from).map(viewOf),
      };
    },
  );
}

/** Others have a sample after the next renewal. */
const SETTLED_MS = 2_000;

function viewOf(point_: HistoryPoint): z.infer<typeof point> {
  const { n, viewers, streams, processes, joins, failedJoins, missing, ...more } = point_;
  return {
    at: isoTime(n * SAMPLE_MS),
    ...{ viewers, streams, ffmpeg_processes: processes },
    in_mbits: rounded(more.inBitsPerSecond / 1e6, 1_000),
    out_mbits: rounded(more.outBitsPerSecond / 1e6, 1_000),
    between_mbits: rounded(more.betweenBitsPerSecond / 1e6, 1_000),
    ...{ joins, failed_joins: failedJoins },
    cpu: rounded(more.cpu, 100),
    memory_bytes: Math.round(more.residentBytes),
    event_loop_p99_ms: rounded(more.eventLoopP99Ms, 10),
    missing,
  };
}

function rounded(value: number, places: number): number {
  return Math.round(value * places) / places;
}
