/** The workers of the cluster: lists them, drains one, and lets one take viewers again. */

import { z } from 'zod';
import { DRAIN_REASONS, type DrainAnswer, type UndrainAnswer, type WorkerRecord } from '../../../../registry/types.ts';
import { refusalText } from '../../../../shared/drain-refusals.ts';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import { isoTime, queryFlag } from '../http/fields.ts';
import { notFound } from '../http/not-found.ts';
import type { Api } from '../http/typed-server.ts';
import { workersNow } from '../views/snapshot.ts';

const workerView = z.object({
  worker_id: z.string(),
  incarnation: z.string().describe('New at every start.'),
  address: z.string().nullable().describe('Where other workers reach its relay; null without Redis.'),
  zone: z.string().nullable(),
  started_at: z.string(),
  last_seen: z.string(),
  processes: z.int().describe('FFmpeg processes.'),
  clients: z.int().describe('Viewers, including those of direct streams.'),
  cpu: z.number().describe('CPU cores that the worker process used during its last heartbeat interval.'),
  draining: z.boolean().describe('Whether it refuses new viewers and new processes.'),
  drain_reason: z
    .enum(DRAIN_REASONS)
    .nullable()
    .describe(
      'told: by a call; deployment: ECS wants another deployment; stopping: its process ends. null: it does not drain.',
    ),
  this_worker: z.boolean().describe('Whether it is the worker that answers.'),
});

const workerParams = z.object({ worker_id: z.string() });
const workerAnswer = z.object({ message: z.string(), worker_id: z.string() });

export type WorkerView = z.infer<typeof workerView>;

export function workerRoutes(app: Api, services: Services): void {
  const { config, registry, carryOut, numbers } = services;
  const tags = ['Workers'];

  app.get(
    '/workers',
    {
      schema: {
        tags,
        summary: 'List the workers of the cluster.',
        response: { 200: z.object({ workers: z.array(workerView), total: z.int() }) },
      },
    },
    async () => {
      const workers = await workersNow(services);
      return { workers: workers.map((worker) => viewOfWorker(worker, config.workerId)), total: workers.length };
    },
  );

  app.post(
    '/workers/:worker_id/drain',
    {
      schema: {
        tags,
        summary: 'Drain a worker: it takes nothing new, hands its feeds over, and keeps its viewers until they leave.',
        params: workerParams,
        querystring: z.object({
          force: queryFlag.default(false).describe('Also drain the last worker that takes viewers.'),
        }),
        response: { 202: workerAnswer },
      },
    },
    async ({ params: { worker_id: id }, query: { force } }, reply) => {
      const answer = await registry.drain({ workerId: id, force });
      // Nobody can tell whether it is the last one; whoever forces it does not care.
      if (answer === 'no_answer' && force && id === config.workerId) await carryOut({ kind: 'drain' });
      else await carriedOut(id, answer);
      return reply.status(202).send({ message: `Worker ${id} is draining`, worker_id: id });
    },
  );

  app.post(
    '/workers/:worker_id/undrain',
    {
      schema: {
        tags,
        summary:
          'End the drain of a worker: it takes viewers again. Feeds that it has handed over stay where they are.',
        params: workerParams,
        response: { 202: workerAnswer },
      },
    },
    async ({ params: { worker_id: id } }, reply) => {
      const answer = await registry.undrain(id);
      if (answer === 'no_answer' && id === config.workerId) await undrainAlone(id);
      else await carriedOut(id, answer);
      return reply.status(202).send({ message: `Worker ${id} takes viewers`, worker_id: id });
    },
  );

  /** @throws {StreampoolError} 404, 409 or 503 with the reason why the worker was not told */
  const carriedOut = async (id: string, answer: DrainAnswer | UndrainAnswer): Promise<void> => {
    const refusal = refusalOf(id, answer);
    if (refusal !== undefined) throw refusal;
    if (answer === 'unknown' || answer === 'gone') {
      throw notFound(registry, `There is no worker ${id}; GET /workers lists the workers.`);
    }
    // Others carry it out with their next renewal, within a second.
    if (id === config.workerId) await services.fetchCommands();
  };

  /** During an outage nobody else can tell this worker anything, so its own state counts. */
  const undrainAlone = async (id: string): Promise<void> => {
    const { drainReason } = numbers();
    const refusal = refusalOf(id, drainReason === undefined || drainReason === 'told' ? 'sent' : drainReason);
    if (refusal !== undefined) throw refusal;
    await carryOut({ kind: 'undrain' });
  };
}

/** Why a worker was not told to drain, or to take viewers again; undefined when it was told, or there is none. */
function refusalOf(id: string, answer: DrainAnswer | UndrainAnswer): StreampoolError | undefined {
  switch (answer) {
    case 'last':
    case 'deployment':
    case 'stopping':
      return new StreampoolError(409, refusalText(id, answer));
    case 'no_answer':
      return new StreampoolError(
        503,
        `Redis does not answer, so nobody can tell which workers take viewers. Ask worker ${id} itself, or try again in a moment.`,
        { retryAfterSeconds: 2 },
      );
  }
  return undefined;
}

function viewOfWorker(worker: WorkerRecord, answering: string): WorkerView {
  return {
    worker_id: worker.workerId,
    incarnation: worker.incarnation,
    address: worker.address === '' ? null : worker.address,
    zone: worker.zone ?? null,
    started_at: isoTime(worker.startedAtMs),
    last_seen: isoTime(worker.lastSeenMs),
    processes: worker.processes,
    clients: worker.clients,
    cpu: worker.cpu,
    draining: worker.draining,
    drain_reason: worker.drainReason ?? null,
    this_worker: worker.workerId === answering,
  };
}
