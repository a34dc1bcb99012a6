/**
 * Which worker leaves when there are more than needed. ECS takes only tasks that nothing protects, and with viewers spread
 * over all of them none ever is: so the one with the fewest viewers is told to drain, and gives its protection up. Pure.
 */

import type { WorkerState } from './cluster/cluster-admin.ts';

export type ScaleInDecision = { drain: string; reason: string } | { drain: undefined; reason: string };

/** What ECS wants. */
export interface ServiceState {
  desiredCount: number;
  /** A new revision is on its way: workers of the old one leave by themselves. */
  deploying: boolean;
}

/** One at a time: the schedule asks again in a minute, and by then the load is known that the first one left behind. */
export function chooseScaleIn(workers: readonly WorkerState[], service: ServiceState): ScaleInDecision {
  if (service.deploying) return { drain: undefined, reason: 'a deployment is in progress' };
  const staying = workers.filter(({ alive, draining }) => alive && !draining);
  const surplus = staying.length - service.desiredCount;
  const counts = `${staying.length} workers stay, ${service.desiredCount} are wanted`;
  if (surplus <= 0) return { drain: undefined, reason: counts };
  // The last one is never sent away: with none left, viewers would have nobody to go to.
  if (staying.length <= 1) return { drain: undefined, reason: 'it would be the last one' };
  const [emptiest] = staying.toSorted(byEmptiness);
  if (emptiest === undefined) return { drain: undefined, reason: counts };
  return { drain: emptiest.workerId, reason: `${counts}; it has the fewest viewers, ${emptiest.clients}` };
}

/** Fewest viewers, then fewest processes, then the youngest: its rings and caches are worth least. */
function byEmptiness(a: WorkerState, b: WorkerState): number {
  return a.clients - b.clients || a.processes - b.processes || b.startedAtMs - a.startedAtMs;
}
