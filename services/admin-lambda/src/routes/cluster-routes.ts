/** Routes about the whole cluster: does it answer, what is in it, what may go. */

import { VERSION } from '../../../shared/version.ts';
import { cleanupAnswer, cleanupInput, healthAnswer, noInput, statsAnswer } from '../schemas.ts';
import { viewOfCleanup, viewOfStats } from '../views.ts';
import { route } from './route.ts';

export const clusterRoutes = [
  route({
    method: 'GET',
    path: '/admin/health',
    summary: 'Whether Redis answers, and how fast; otherwise 503 with the reason.',
    input: noInput,
    answer: healthAnswer,
    run: async (_, { cluster }) => ({ status: 'ok' as const, version: VERSION, registry_ms: await cluster.ping() }),
  }),
  route({
    method: 'GET',
    path: '/admin/stats',
    summary:
      'Totals, also of recordings and network channels; viewers per process, processes saved; bytes, and what a month at this rate costs, with formula and prices.',
    input: noInput,
    answer: statsAnswer,
    run: async (_, { cluster, prices }) => viewOfStats(await cluster.numbers(), prices),
  }),
  route({
    method: 'POST',
    path: '/admin/cleanup',
    summary:
      'Removes dead workers with all they held, and streams that nobody has watched for `STREAM_IDLE_TTL`; `dry_run=true` only says what it would remove.',
    input: cleanupInput,
    answer: cleanupAnswer,
    run: async ({ input: { dry_run } }, { cluster }) => viewOfCleanup(await cluster.cleanup(dry_run), dry_run),
  }),
];
