/** The workers of the cluster: lists them and drains one. */

import { z } from 'zod';
import type { WorkerRecord } from '../../../../registry/types.ts';
import type { Services } from '../../worker/services.ts';
import { isoTime } from '../http/fields.ts';
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
  this_worker: z.boolean().describe('Whether it is the worker that answers.'),
});

export type WorkerView = z.infer<typeof workerView>;

export function workerRoutes(app: Api, services: Services): void {
  const { config, registry, carryOut } = services;
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
        params: z.object({ worker_id: z.string() }),
        response: { 202: z.object({ message: z.string(), worker_id: z.string() }) },
      },
    },
    async ({ params: { worker_id: id } }, reply) => {
      if (id === config.workerId) await carryOut({ kind: 'drain' });
      else await sendDrain(id);
      return reply.status(202).send({ message: `Worker ${id} is draining`, worker_id: id });
    },
  );

  const sendDrain = async (id: string): Promise<void> => {
    const workers = await registry.workers();
    if (!workers.some(({ workerId }) => workerId === id)) {
      throw notFound(registry, `There is no worker ${id}; GET /workers lists the workers.`);
    }
    await registry.send({ kind: 'drain' }, id);
  };
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
    this_worker: worker.workerId === answering,
  };
}
