/** Removes what dead incarnations left, and streams that are idle for too long. Idempotent; any worker may run it. */

import type { Redis } from 'ioredis';
import type { CleanupReport, NamedSession } from '../types.ts';
import { inBatch } from './batch.ts';
import { keys } from './keys.ts';
import type { RunScript } from './scripts.ts';
import { writeAllSummaries } from './summary.ts';

/** Where the next look at the keys goes on, as SCAN has it. */
export interface Walk {
  cursor: string;
}

/** How many keys one cleanup looks at. The next one goes on behind them. */
const LOOKED_AT = 10_000;

/**
 * @param walk of the calling worker
 * @param idleSinceMs keeps streams that had a client after this
 * @param dryRun only says what would be removed
 * @param random from 0 to 1
 * @param eventsKeepMs forgets events that are older; undefined: none
 */
export async function cleanUp(
  redis: Redis,
  run: RunScript,
  walk: Walk,
  idleSinceMs: number,
  dryRun: boolean,
  random: () => number,
  eventsKeepMs: number | undefined,
): Promise<CleanupReport> {
  const watched = (await run('index-clients', '')) as string[];
  for (const id of watched) await run('index-clients', id);
  const [incarnations, idle] = await inBatch<[string[], string[]]>(redis, (batch) =>
    batch.smembers(keys.incarnations).zrangebyscore(keys.streamIds, 0, idleSinceMs),
  );
  const expiredSessions = dryRun ? [] : await expireSessions(run);
  const deadIncarnations: string[] = [];
  // Redis names them in any order, and the events of their viewers say how many are left.
  for (const incarnation of incarnations.toSorted()) {
    const dead = dryRun
      ? (await redis.exists(keys.leasePrefix + incarnation)) === 0
      : (await run('end-incarnation', incarnation, '1', '')) === 1;
    if (dead) deadIncarnations.push(incarnation);
  }
  if (!dryRun) await forgetOwners(redis, run, walk);
  if (!dryRun) await writeAllSummaries(redis, run, random);
  if (!dryRun && eventsKeepMs !== undefined) await trimEvents(redis, eventsKeepMs);
  const expiredStreams: string[] = [];
  for (const id of idle) {
    // A client that joins meanwhile keeps it.
    const expires = dryRun
      ? (await redis.hlen(keys.clients(id))) === 0
      : (await run('delete-stream', id, idleSinceMs, '')) === 1;
    if (expires) expiredStreams.push(id);
  }
  return { expiredStreams, deadIncarnations, expiredSessions };
}

/** Forgets the events that are older than this, by the clock of Redis. */
async function trimEvents(redis: Redis, keepMs: number): Promise<void> {
  const [seconds, micros] = await redis.time();
  const sinceMs = Math.max(0, Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) - keepMs);
  await inBatch(redis, (batch) => {
    for (const key of [keys.events, keys.clientEvents]) batch.xtrim(key, 'MINID', sinceMs);
    return batch;
  });
}

/** Finds the owners' records that no incarnation's own list names. */
async function forgetOwners(redis: Redis, run: RunScript, walk: Walk): Promise<void> {
  const [next, found] = await redis.scan(walk.cursor, 'MATCH', `${keys.ownerPrefix}*`, 'COUNT', LOOKED_AT);
  walk.cursor = next;
  const feeds = found.map((key) => key.slice(keys.ownerPrefix.length));
  if (feeds.length > 0) await run('forget-owners', JSON.stringify(feeds));
}

/** Counts out the sessions that no worker sees any more: the worker that saw one last may have died. */
async function expireSessions(run: RunScript): Promise<NamedSession[]> {
  const expired: NamedSession[] = [];
  for (const text of (await run('expire', '', '')) as string[]) {
    const [, streamId, clientId] = /^(\S+) (.*)$/s.exec(text) ?? [];
    if (streamId === undefined || clientId === undefined) continue;
    if ((await run('expire', streamId, clientId)) === 'expired') expired.push({ streamId, clientId });
  }
  return expired;
}
