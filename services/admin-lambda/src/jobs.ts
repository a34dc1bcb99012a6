/** The jobs of the schedule: events of EventBridge Scheduler, such as `{"job": "cleanup"}`. */

import { z } from 'zod';
import type { AdminDeps } from './deps.ts';
import { publishService } from './ecs/service-metrics.ts';
import { chooseScaleIn } from './scale-in.ts';
import { viewOfCleanup } from './views.ts';

export const JOBS = ['cleanup', 'scale-in'] as const;

/** The input of a schedule's target. */
export const jobEvent = z.object({ job: z.enum(JOBS) });

export type JobEvent = z.infer<typeof jobEvent>;

const WHO = { who: 'schedule' };

/** @throws any error: the Lambda's error metric and the schedule's retries depend on it */
export async function runJob({ job }: JobEvent, deps: Omit<AdminDeps, 'prices'>): Promise<unknown> {
  const { log } = deps;
  try {
    return await (job === 'cleanup' ? cleanup(deps) : scaleIn(deps));
  } catch (error) {
    log.error({ ...WHO, job, err: error }, 'a scheduled job failed');
    throw error;
  }
}

async function cleanup({ cluster, log }: Omit<AdminDeps, 'prices'>): Promise<unknown> {
  const removed = viewOfCleanup(await cluster.cleanup(false), false);
  log.info({ ...WHO, job: 'cleanup', removed }, 'cleaned up');
  return removed;
}

async function scaleIn({ cluster, ecs, metricsStage, log }: Omit<AdminDeps, 'prices'>): Promise<unknown> {
  if (ecs === undefined) throw new Error('scale-in needs ADMIN_ECS_CLUSTER and ADMIN_ECS_SERVICE');
  const askedAtMs = Date.now();
  const state = ecs.state().then((service) => {
    // Also while Redis is away: what ECS does is worth an alarm then, too.
    if (metricsStage !== undefined) publishService(metricsStage, service, log);
    return service;
  });
  const [workers, service] = await Promise.all([cluster.workers(), state]);
  // The workers do not ask ECS themselves: that would be a right and a client in each of them.
  if (service.deployment !== null) await cluster.noteDeployment(service.deployment, askedAtMs);
  const decision = chooseScaleIn(workers, service);
  const sent =
    decision.drain === undefined ? undefined : await cluster.drain({ workerId: decision.drain, force: false });
  log.info(
    { ...WHO, job: 'scale-in', ...decision, sent, desired: service.desiredCount },
    'checked for surplus workers',
  );
  return decision;
}
