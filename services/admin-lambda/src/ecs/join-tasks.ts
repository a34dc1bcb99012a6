/** Matches the registry's workers with ECS's tasks, and lists those without a match. Pure. */

import type { WorkerState } from '../cluster/cluster-admin.ts';
import type { Task } from './tasks.ts';

export interface JoinedTasks {
  /** Worker id → its task. */
  taskOf: Map<string, Task>;
  /** A task that is starting, or whose worker cannot reach Redis. */
  tasksWithoutWorker: Task[];
  /** A worker that died and was not cleaned up yet, or one that runs outside the service. */
  workersWithoutTask: string[];
}

/** The clocks of a worker and of ECS may differ by this much. */
const CLOCK_SLACK_MS = 5_000;

/** A worker's relay listens on its task's address. AWS reuses addresses, but no worker is older than its task. */
export function joinTasks(workers: readonly WorkerState[], tasks: readonly Task[]): JoinedTasks {
  const taskOf = new Map<string, Task>();
  for (const worker of workers) {
    const host = hostOf(worker.address);
    const task = tasks.find(
      ({ privateIp, createdAtMs }) => privateIp === host && createdAtMs <= worker.startedAtMs + CLOCK_SLACK_MS,
    );
    if (task !== undefined) taskOf.set(worker.workerId, task);
  }
  const taken = new Set([...taskOf.values()].map(({ arn }) => arn));
  return {
    taskOf,
    tasksWithoutWorker: tasks.filter(({ arn }) => !taken.has(arn)),
    workersWithoutTask: workers.map(({ workerId }) => workerId).filter((id) => !taskOf.has(id)),
  };
}

/** `10.0.1.7:9085` → `10.0.1.7`; `[fd00::7]:9085` → `fd00::7`. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
