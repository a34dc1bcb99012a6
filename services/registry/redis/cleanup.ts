/** Removes what dead incarnations left, and streams that are idle for too long. Idempotent; any worker may run it. */

import type { Redis } from 'ioredis';
import type { CleanupReport } from '../types.ts';
import { inBatch } from './batch.ts';
import { keys } from './keys.ts';
import type { RunScript } from './scripts.ts';
import { writeAllSummaries } from './summary.ts';

/**
 * @param idleSinceMs keeps streams that had a client after this
 * @param dryRun only says what would be removed
 * @param random from 0 to 1
 */
export async function cleanUp(
  redis: Redis,
  run: RunScript,
  idleSinceMs: number,
  dryRun: boolean,
  random: () => number,
): Promise<CleanupReport> {
  const watched = (await run('index-clients', '')) as string[];
  for (const id of watched) await run('index-clients', id);
  const [incarnations, idle] = await inBatch<[string[], string[]]>(redis, (batch) =>
    batch.smembers(keys.incarnations).zrangebyscore(keys.streamIds, 0, idleSinceMs),
  );
  const deadIncarnations: string[] = [];
  for (const incarnation of incarnations) {
    const dead = dryRun
      ? (await redis.exists(keys.leasePrefix + incarnation)) === 0
      : (await run('end-incarnation', incarnation, '1')) === 1;
    if (dead) deadIncarnations.push(incarnation);
  }
  if (!dryRun) await writeAllSummaries(redis, run, random);
  const expiredStreams: string[] = [];
  for (const id of idle) {
    // A client that joins meanwhile keeps it.
    const expires = dryRun
      ? (await redis.hlen(keys.clients(id))) === 0
      : (await run('delete-stream', id, idleSinceMs)) === 1;
    if (expires) expiredStreams.push(id);
  }
  return { expiredStreams, deadIncarnations };
}
