/** Removes what nobody holds any more: what dead incarnations left, and streams that nobody watches. Idempotent, for any worker. */

import type { Redis } from 'ioredis';
import type { CleanupReport } from '../types.ts';
import { inBatch } from './batch.ts';
import { keys } from './keys.ts';
import type { RunScript } from './scripts.ts';

/**
 * @param idleSinceMs streams that had a client after this stay
 * @param dryRun only says what would go
 */
export async function cleanUp(
  redis: Redis,
  run: RunScript,
  idleSinceMs: number,
  dryRun: boolean,
): Promise<CleanupReport> {
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
  const expiredStreams: string[] = [];
  for (const id of idle) {
    // Whoever joins meanwhile keeps it.
    const expires = dryRun
      ? (await redis.hlen(keys.clients(id))) === 0
      : (await run('delete-stream', id, idleSinceMs)) === 1;
    if (expires) expiredStreams.push(id);
  }
  return { expiredStreams, deadIncarnations };
}
