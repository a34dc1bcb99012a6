/** A worker says by how much its clock is ahead of that of Redis. */

import { expect, it } from 'vitest';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';

const REDIS_MS = 1_764_000_000_000;

/** @param tookMs to Redis and back */
async function aheadOf(wallMs: number, tookMs = 0): Promise<number | undefined> {
  const redis = new SimulatedRedis({ now: () => REDIS_MS });
  let monotonicMs = 0;
  const clock = { ...systemClock, wallMs: () => wallMs, monotonicMs: () => monotonicMs };
  const me = { workerId: 'w1', incarnation: 'i1', address: 'w1:9085', zone: undefined };
  const options = { leaseMs: 5_000, youngMs: 0, graceMs: 3_000, show: () => ({ url: '', profile: '' }), clock };
  const connection = redis.connection(({ perform }) => {
    monotonicMs += tookMs;
    return Promise.resolve().then(perform);
  });
  const registry = new RedisRegistry(connection, me, options);
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  // The first one compares the clocks, the next one says so.
  await registry.renew(IDLE);
  await registry.renew(IDLE);
  return (await registry.workers())[0]?.clockAheadMs;
}

it('says so to a tenth of a second', async () => {
  expect(await aheadOf(REDIS_MS)).toBe(0);
  expect(await aheadOf(REDIS_MS + 2_345)).toBe(2_300);
  expect(await aheadOf(REDIS_MS - 3_600_000)).toBe(-3_600_000);
});

it('leaves the way to Redis out, and says nothing when that is slow', async () => {
  expect(await aheadOf(REDIS_MS + 1_000, 400)).toBe(800);
  expect(await aheadOf(REDIS_MS, 1_500)).toBeUndefined();
});
