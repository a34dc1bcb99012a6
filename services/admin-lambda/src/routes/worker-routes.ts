/** Routes about workers: each beside its ECS task, and what a worker is told. */

import { HTTPException } from 'hono/http-exception';
import { maskText } from '../../../shared/masking/mask.ts';
import { joinTasks } from '../ecs/join-tasks.ts';
import type { EcsService } from '../ecs/tasks.ts';
import { pageOf } from '../paging.ts';
import { drainAnswer, noInput, pageInput, workersAnswer } from '../schemas.ts';
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
    summary: 'That worker takes no new viewers; its viewers may stay.',
    input: noInput,
    status: 202,
    answer: drainAnswer,
    refusals: { 404: 'There is no such worker.', 409: 'The worker is dead.' },
    run: async ({ params: { id } }, { cluster }) => {
      const sent = await cluster.drain(id);
      if (sent === 'unknown') throw new HTTPException(404, { message: `There is no worker ${id}.` });
      if (sent === 'gone') {
        throw new HTTPException(409, { message: `Worker ${id} is dead: its lease has run out. A cleanup removes it.` });
      }
      return { worker_id: id, message: 'The worker takes no new viewers from now on. Its current viewers may stay.' };
    },
  }),
];

/** The service's tasks, or the reason why they are unknown: the workers are useful without them. */
async function tasksOf(ecs: EcsService | undefined) {
  if (ecs === undefined) return 'ADMIN_ECS_CLUSTER and ADMIN_ECS_SERVICE are not set.';
  try {
    return await ecs.tasks();
  } catch (error) {
    return maskText(`ECS does not answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}
