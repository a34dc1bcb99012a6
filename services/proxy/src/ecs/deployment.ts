/** Which worker leaves next when a deployment has brought newer ones, and how long it is protected. Pure. */

export interface DeployedWorker {
  readonly workerId: string;
  readonly startedAtMs: number;
  readonly draining: boolean;
  /** Of its task definition; undefined outside ECS. */
  readonly revision?: number | undefined;
}

/** A revision that does not stay up is rolled back; nobody leaves for it before. */
export const SETTLE_MS = 30_000;

/**
 * The one worker of an older revision that is to drain, undefined when none is. One at a time: the next one follows when it has
 * gone. All workers come to the same answer.
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
  /** When it began to drain for a deployment, undefined when it drains for another reason, or not. */
  readonly leavingSinceMs: number | undefined;
  readonly nowMs: number;
  /** How long a deployment waits for the viewers of one worker. */
  readonly deployDrainMs: number;
}

/** Whether stopping this worker now would cut somebody off who is to be spared. */
export function wantsProtection(situation: ProtectionSituation): boolean {
  const { clients, processes, draining, leavingSinceMs, nowMs, deployDrainMs } = situation;
  if (clients === 0 && processes === 0) return false;
  if (!draining) return true;
  return leavingSinceMs !== undefined && nowMs - leavingSinceMs < deployDrainMs;
}

/**
 * In which order followers are asked to take a feed over: the newest revision first, since workers of an older one leave in
 * their turn and would have to hand it over again. Those of one revision, or of none outside ECS, stay in the order they came.
 */
export function newestFirst<Follower extends Pick<DeployedWorker, 'revision'>>(
  followers: readonly Follower[],
): Follower[] {
  const rank = ({ revision }: Follower) => revision ?? Number.NEGATIVE_INFINITY;
  // Not a difference: two without a revision would give NaN.
  return followers.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(b) > rank(a) ? 1 : -1));
}
