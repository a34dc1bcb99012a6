/** Which worker leaves next after a deployment, and how long ECS protects it. Pure. */

export interface DeployedWorker {
  readonly workerId: string;
  readonly startedAtMs: number;
  readonly draining: boolean;
  /** Revision of its task definition; undefined outside ECS. */
  readonly revision?: number | undefined;
}

/** ECS rolls back a revision that does not stay up, so nobody leaves before a new worker is this old. */
export const SETTLE_MS = 30_000;

/**
 * The one worker of an older revision that must drain now, or undefined. Workers leave one at a time: the next one
 * starts when this one is gone. All workers come to the same answer.
 */
export function whoLeaves(workers: readonly DeployedWorker[], nowMs: number): string | undefined {
  const settled = workers.filter(({ startedAtMs }) => nowMs - startedAtMs >= SETTLE_MS);
  const newest = Math.max(...settled.map(({ revision }) => revision ?? Number.NEGATIVE_INFINITY));
  const old = workers.filter(({ revision }) => revision !== undefined && revision < newest);
  const byAge = old.toSorted((a, b) => a.startedAtMs - b.startedAtMs || (a.workerId < b.workerId ? -1 : 1));
  return (byAge.find(({ draining }) => draining) ?? byAge[0])?.workerId;
}

export interface ProtectionSituation {
  readonly clients: number;
  /** FFmpegs of this worker. */
  readonly processes: number;
  readonly draining: boolean;
  /** When it began to drain for a deployment; undefined when it drains for another reason or does not drain. */
  readonly leavingSinceMs: number | undefined;
  readonly nowMs: number;
  /** How long a deployment waits for the viewers of one worker. */
  readonly deployDrainMs: number;
}

/** Whether stopping this worker now would cut off a viewer whom the deployment still waits for. */
export function wantsProtection(situation: ProtectionSituation): boolean {
  const { clients, processes, draining, leavingSinceMs, nowMs, deployDrainMs } = situation;
  if (clients === 0 && processes === 0) return false;
  if (!draining) return true;
  return leavingSinceMs !== undefined && nowMs - leavingSinceMs < deployDrainMs;
}

/**
 * Sorts the followers that the owner asks to take a feed over. Workers of an older revision leave soon and would have
 * to hand the feed over again, so the newest revision comes first. Followers of the same revision, or without one
 * outside ECS, keep their order.
 */
export function newestFirst<Follower extends Pick<DeployedWorker, 'revision'>>(
  followers: readonly Follower[],
): Follower[] {
  const rank = ({ revision }: Follower) => revision ?? Number.NEGATIVE_INFINITY;
  // Compares instead of subtracting: two followers without a revision would give NaN.
  return followers.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(b) > rank(a) ? 1 : -1));
}
