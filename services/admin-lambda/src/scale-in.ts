/**
 * Chooses the worker that leaves when there are more than needed. ECS stops only unprotected tasks, and workers with viewers
 * are protected. So this drains the worker with the fewest viewers, which then gives up its protection. Pure.
 */

import type { Deployment } from '../../registry/types.ts';
import type { WorkerState } from './cluster/cluster-admin.ts';

export type ScaleInDecision = { drain: string; reason: string } | { drain: undefined; reason: string };

/** What ECS says about the service. */
export interface ServiceState {
  desiredCount: number;
  runningCount: number;
  /** Tasks that ECS is starting. */
  pendingCount: number;
  /** A new revision is being deployed: workers of the old one leave by themselves. */
  deploying: boolean;
  /** The primary one: the one that ECS wants. Null: ECS does not say. */
  deployment: Deployment | null;
}

/** One worker at a time: the schedule asks again in a minute, and then the load without that worker is known. */
export function chooseScaleIn(
  workers: readonly WorkerState[],
  service: Pick<ServiceState, 'desiredCount' | 'deploying'>,
): ScaleInDecision {
  if (service.deploying) return { drain: undefined, reason: 'a deployment is in progress' };
  const staying = workers.filter(({ alive, draining }) => alive && !draining);
  const surplus = staying.length - service.desiredCount;
  const counts = `${staying.length} workers stay, ${service.desiredCount} are needed`;
  if (surplus <= 0) return { drain: undefined, reason: counts };
  // The last worker always stays: viewers would have nowhere to go.
  if (staying.length <= 1) return { drain: undefined, reason: 'only one worker stays' };
  const [emptiest] = staying.toSorted(byEmptiness);
  if (emptiest === undefined) return { drain: undefined, reason: counts };
  return { drain: emptiest.workerId, reason: `${counts}; it has the fewest viewers, ${emptiest.clients}` };
}

/** Fewest viewers, then fewest processes, then the youngest: its rings and caches are worth the least. */
function byEmptiness(a: WorkerState, b: WorkerState): number {
  return a.clients - b.clients || a.processes - b.processes || b.startedAtMs - a.startedAtMs;
}
