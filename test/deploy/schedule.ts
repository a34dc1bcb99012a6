/** What an ECS service does next with its tasks: which it starts and which it stops. Pure. */

export interface ScheduledTask {
  readonly id: string;
  readonly revision: number;
  /** It has been healthy to the load balancer once; in a grace period that never ends, ECS ignores all health after that. */
  readonly wasHealthy: boolean;
  readonly isProtected: boolean;
  readonly isStopping: boolean;
}

export interface WantedService {
  readonly desiredCount: number;
  readonly revision: number;
}

export interface Orders {
  /** So many new tasks of the wanted revision. */
  readonly start: number;
  readonly stop: readonly string[];
}

/** As `minimumHealthyPercent` 100 and `maximumPercent` 200 want it, with task scale-in protection. */
export function ordersOf(tasks: readonly ScheduledTask[], { desiredCount, revision }: WantedService): Orders {
  const staying = tasks.filter(({ isStopping }) => !isStopping);
  const current = staying.filter((task) => task.revision === revision);
  const old = staying.filter((task) => task.revision !== revision);
  const room = 2 * desiredCount - staying.length;
  const start = Math.max(0, Math.min(desiredCount - current.length, room));
  const healthy = staying.filter(({ wasHealthy }) => wasHealthy).length;
  const surplus = Math.max(0, current.length - desiredCount);
  const free = (among: readonly ScheduledTask[]) => among.filter(({ isProtected }) => !isProtected);
  const stoppable = [...free(old), ...free(current).slice(0, surplus)];
  return { start, stop: stoppable.slice(0, Math.max(0, healthy - desiredCount)).map(({ id }) => id) };
}
