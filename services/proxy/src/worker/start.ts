/** When a worker has started: what it waits for before it is ready, and how long it may take. */

/** ECS, systemd and Docker start a worker that ends anew. One that is never ready would stay for good, and take no viewers. */
export const START_LIMIT_MS = 5 * 60_000;

export interface StartSituation {
  readonly isOnEcs: boolean;
  /** Redis has answered this worker once. */
  readonly isKnown: boolean;
}

/**
 * What the start still waits for, as a sentence. On ECS an answer of Redis: a revision that cannot reach it would pass as good,
 * and replace workers that can. Elsewhere nothing, because a worker alone is better than none while Redis is away.
 */
export function startWaitsFor({ isOnEcs, isKnown }: StartSituation): string | undefined {
  if (!isOnEcs || isKnown) return undefined;
  return 'Redis has not answered this worker since its start, so it takes no viewers. Check REDIS_HOST, and that Redis runs.';
}

/**
 * Calls `onLate` with the reason when the worker has not been ready once within its time.
 *
 * @param waitsFor what it waits for at that moment; undefined when it has started
 */
export function limitStart(waitsFor: () => string | undefined, onLate: (why: string) => void): void {
  setTimeout(() => {
    const why = waitsFor();
    if (why !== undefined) onLate(why);
  }, START_LIMIT_MS);
}
