/** What an ECS service does next with its tasks: which it starts and which it stops. Pure. */

export interface ScheduledTask {
  readonly id: string;
  /** The deployment that started it. */
  readonly deployment: string;
  /** It has been healthy to the load balancer once; in a grace period that never ends, ECS ignores all health after that. */
  readonly wasHealthy: boolean;
  readonly isProtected: boolean;
  readonly isStopping: boolean;
}

export interface WantedService {
  readonly desiredCount: number;
  /** The primary deployment. */
  readonly deployment: string;
  /**
   * Tasks of earlier deployments that ECS starts again while the primary one is under way: it replaces a task that has ended by one
   * of the same revision, and scales out both.
   */
  readonly owed?: readonly string[];
}

export interface Orders {
  /** The deployment of each new task. */
  readonly start: readonly string[];
  readonly stop: readonly string[];
}

/** As `minimumHealthyPercent` 100 and `maximumPercent` 200 want it, with task scale-in protection. */
export function ordersOf(tasks: readonly ScheduledTask[], service: WantedService): Orders {
  const { desiredCount, deployment, owed = [] } = service;
  const staying = tasks.filter(({ isStopping }) => !isStopping);
  const current = staying.filter((task) => task.deployment === deployment);
  const old = staying.filter((task) => task.deployment !== deployment);
  const room = Math.max(0, 2 * desiredCount - staying.length);
  const missing = Array<string>(Math.max(0, desiredCount - current.length)).fill(deployment);
  const healthy = staying.filter(({ wasHealthy }) => wasHealthy).length;
  const surplus = Math.max(0, current.length - desiredCount);
  const free = (among: readonly ScheduledTask[]) => among.filter(({ isProtected }) => !isProtected);
  const stoppable = [...free(old), ...free(current).slice(0, surplus)];
  return {
    start: [...owed, ...missing].slice(0, room),
    stop: stoppable.slice(0, Math.max(0, healthy - desiredCount)).map(({ id }) => id),
  };
}
