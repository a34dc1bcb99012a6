/** Routes about workers: each beside its ECS task, and what a worker is told. */

import { HTTPException } from 'hono/http-exception';
import type { DrainAnswer, UndrainAnswer } from '../../../registry/types.ts';
import { refusalText } from '../../../shared/drain-refusals.ts';
import { maskText } from '../../../shared/masking/mask.ts';
import { RegistryUnavailable } from '../cluster/cluster-admin.ts';
import { joinTasks } from '../ecs/join-tasks.ts';
import type { EcsService } from '../ecs/tasks.ts';
import { pageOf } from '../paging.ts';
import { drainAnswer, drainInput, noInput, pageInput, workersAnswer } from '../schemas.ts';
import { viewOfWorkers } from '../views.ts';
import { route } from './route.ts';

export const workerRoutes = [
  route({
    method: 'GET',
    path: '/admin/workers',
    summary:
      'Every worker beside its ECS task, with revision and protection of the task; which worker has no task, and which task has no worker. Without ECS: `null`, and why.',
    input: pageInput,
    answer: workersAnswer,
    run: async ({ input }, { cluster, ecs }) => {
      const [workers, known] = await Promise.all([cluster.workers(), tasksOf(ecs)]);
      const shown = pageOf(workers, ({ workerId }) => workerId, input);
      if (ecs === undefined || typeof known === 'string') return viewOfWorkers(shown, String(known));
      const { tasks, protectionMissing } = known;
      return viewOfWorkers(shown, {
        cluster: ecs.cluster,
        service: ecs.service,
        count: tasks.length,
        joined: joinTasks(workers, tasks),
        protectionMissing,
      });
    },
  }),
  route({
    method: 'POST',
    path: '/admin/workers/{id}/drain',
    summary:
      'That worker takes no new viewers; its viewers may stay. On ECS it ends when the last one has left. The last worker that takes viewers is drained only with `force=true`.',
    input: drainInput,
    status: 202,
    answer: drainAnswer,
    refusals: { 404: 'There is no such worker.', 409: 'The worker is dead, or the last one that takes viewers.' },
    run: async ({ params: { id }, input: { force } }, { cluster }) => {
      told(id, await cluster.drain({ workerId: id, force }));
      return { worker_id: id, message: 'The worker takes no new viewers from now on. Its current viewers may stay.' };
    },
  }),
  route({
    method: 'POST',
    path: '/admin/workers/{id}/undrain',
    summary: 'That worker takes viewers again. Feeds that it has handed over stay where they are.',
    input: noInput,
    status: 202,
    answer: drainAnswer,
    refusals: {
      404: 'There is no such worker.',
      409: 'The worker is dead, or it drains because it stops or ECS wants another deployment.',
    },
    run: async ({ params: { id } }, { cluster }) => {
      told(id, await cluster.undrain(id));
      return { worker_id: id, message: 'The worker takes viewers again.' };
    },
  }),
];

/** @throws {HTTPException} with the reason why the worker was not told */
function told(id: string, answer: DrainAnswer | UndrainAnswer): void {
  const refused = (status: 404 | 409, message: string) => new HTTPException(status, { message });
  switch (answer) {
    case 'unknown':
      throw refused(404, `There is no worker ${id}.`);
    case 'gone':
      throw refused(409, `Worker ${id} is dead: its lease has run out. A cleanup removes it.`);
    case 'last':
    case 'deployment':
    case 'stopping':
      throw refused(409, refusalText(id, answer));
    case 'no_answer':
      throw new RegistryUnavailable('Redis does not answer.');
  }
}

/** The service's tasks, or the reason why they are unknown: the workers are useful without them. */
async function tasksOf(ecs: EcsService | undefined) {
  if (ecs === undefined) return 'ADMIN_ECS_CLUSTER and ADMIN_ECS_SERVICE are not set.';
  try {
    return await ecs.tasks();
  } catch (error) {
    return maskText(`ECS does not answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}
