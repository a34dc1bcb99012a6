/** Which worker leaves next for another deployment, and how long ECS protects it. Pure. */

import type { SeenDeployment } from '../../../registry/types.ts';

export interface DeployedWorker {
  readonly workerId: string;
  /** By the same clock for all. */
  readonly startedAtMs: number;
  readonly draining: boolean;
  /** Revision of its task definition; undefined outside ECS. */
  readonly revision?: number | undefined;
}

/** ECS rolls back a revision that does not stay up, so nobody leaves before a new worker is this old. */
export const SETTLE_MS = 30_000;

/** A new worker is up for at least this share of the time that its deployment has been under way. */
const LASTING_SHARE = 0.25;

/** ECS runs up to this many tasks for each one that is wanted: `maximumPercent` 200. */
const MOST_TASKS = 2;

/**
 * The workers of deployments that ECS does not want any more.
 *
 * The order of starts does not tell. During a deployment ECS replaces a task by one of the same revision, and scales out both
 * revisions; and a rollback may keep the tasks of the older deployment, or start new ones. So this goes by what ECS has said.
 * A worker that has started since then is not judged: ECS may have begun another deployment meanwhile.
 *
 * @param seen undefined: nobody has asked ECS. Then the higher revision is wanted, unless one of a lower revision has started
 *   later: that may be a rollback or not, and nobody leaves
 */
export function unwantedOf<Worker extends DeployedWorker>(
  workers: readonly Worker[],
  seen: SeenDeployment | undefined,
  nowMs: number,
): Worker[] {
  const known = workers.filter(({ revision }) => revision !== undefined);
  if (seen !== undefined) {
    return known.filter((worker) => worker.startedAtMs < seen.seenAtMs && !belongsTo(worker, seen));
  }
  const newest = Math.max(...known.filter((worker) => isSettled(worker, nowMs)).map(revisionOf));
  const since = Math.min(
    ...known.filter((worker) => revisionOf(worker) >= newest).map(({ startedAtMs }) => startedAtMs),
  );
  const older = known.filter((worker) => revisionOf(worker) < newest);
  return older.some(({ startedAtMs }) => startedAtMs > since) ? [] : older;
}

/**
 * The one worker that must drain now for another deployment, or undefined. Workers leave one at a time: the next one begins when
 * this one is gone. Those of another revision go before those of the wanted one, then the oldest goes. All workers come to the same
 * answer.
 */
export function whoLeaves(
  workers: readonly DeployedWorker[],
  seen: SeenDeployment | undefined,
  nowMs: number,
): string | undefined {
  const unwanted = unwantedOf(workers, seen, nowMs);
  const isOther = ({ revision }: DeployedWorker) => Number(seen === undefined || revision !== seen.revision);
  const inOrder = unwanted.toSorted(
    (a, b) => isOther(b) - isOther(a) || a.startedAtMs - b.startedAtMs || (a.workerId < b.workerId ? -1 : 1),
  );
  const leaving = inOrder.find(({ draining }) => draining);
  if (leaving !== undefined) return leaving.workerId;
  const others = workers.filter((worker) => !worker.draining && !unwanted.includes(worker));
  const ready = others.filter((worker) => isSettled(worker, nowMs) && (seen === undefined || belongsTo(worker, seen)));
  const desired = seen?.desiredCount ?? 0;
  const isMissed = ready.length + inOrder.length - 1 < desired;
  // After a rollback there may be no room for a worker of the wanted deployment, until one of the others has left.
  const hasRoom = desired === 0 || workers.length < MOST_TASKS * desired;
  const isReady = ready.length === 0 ? !hasRoom : seen === undefined || lasts(ready, unwanted, seen, nowMs);
  return isReady && !isMissed ? inOrder[0]?.workerId : undefined;
}

/**
 * Whether the new workers stay up. Those that die whenever they have settled, and are replaced, are young compared with their
 * deployment; after a rollback, compared with the deployment that it took back.
 */
function lasts(
  ready: readonly DeployedWorker[],
  unwanted: readonly DeployedWorker[],
  { createdAtMs }: SeenDeployment,
  nowMs: number,
): boolean {
  const sinceMs = Math.max(createdAtMs, ...unwanted.map(({ startedAtMs }) => startedAtMs));
  const oldest = Math.min(...ready.map(({ startedAtMs }) => startedAtMs));
  return nowMs - oldest >= (nowMs - sinceMs) * LASTING_SHARE;
}

/** Whether a worker that leaves takes viewers again: its deployment is wanted after all, or nobody else takes any. */
export function staysAfterAll(
  workers: readonly DeployedWorker[],
  workerId: string,
  seen: SeenDeployment | undefined,
  nowMs: number,
): boolean {
  const isUnwanted = unwantedOf(workers, seen, nowMs).some((worker) => worker.workerId === workerId);
  return !isUnwanted || workers.every(({ draining }) => draining);
}

function belongsTo({ revision, startedAtMs }: DeployedWorker, seen: SeenDeployment): boolean {
  return revision === seen.revision && startedAtMs >= seen.createdAtMs;
}

function isSettled({ startedAtMs }: DeployedWorker, nowMs: number): boolean {
  return nowMs - startedAtMs >= SETTLE_MS;
}

function revisionOf({ revision }: DeployedWorker): number {
  return revision ?? Number.NEGATIVE_INFINITY;
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
 * Sorts the followers that the owner asks to take a feed over. Workers of an unwanted deployment leave soon and would have to hand
 * the feed over again, so they come last; of the others the newest revision comes first, as the unwanted ones may not be known
 * yet. Followers of the same revision, or without one outside ECS, keep their order.
 */
export function longestFirst<Follower extends Pick<DeployedWorker, 'workerId' | 'revision'>>(
  followers: readonly Follower[],
  isUnwanted: (workerId: string) => boolean,
): Follower[] {
  const rank = ({ revision }: Follower) => revision ?? Number.NEGATIVE_INFINITY;
  return followers.toSorted((a, b) => {
    const leaves = Number(isUnwanted(a.workerId)) - Number(isUnwanted(b.workerId));
    if (leaves !== 0) return leaves;
    // Compares instead of subtracting: two followers without a revision would give NaN.
    return rank(a) === rank(b) ? 0 : rank(b) > rank(a) ? 1 : -1;
  });
}
