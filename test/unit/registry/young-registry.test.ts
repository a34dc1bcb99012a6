/** A registry that has just begun knows no owner yet, so who asks waits; for so long and no longer, whatever its clock does. */

import { expect, it } from 'vitest';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';

const FEED = 's:x';
const YOUNG_MS = 2_000;
const SET_BACK_MS = 3_600_000;

/** A worker, with a Redis that has just begun and whose clock can be set. */
async function begun() {
  let passedMs = 0;
  let offMs = 1_764_000_000_000;
  const redis = new SimulatedRedis({ now: () => passedMs + offMs });
  const me = { workerId: 'w', incarnation: 'i', address: 'w:9085', zone: undefined };
  const clock = { ...systemClock, wallMs: () => passedMs, monotonicMs: () => passedMs };
  const show = () => ({ url: '', profile: '' });
  const options = { leaseMs: 60_000, youngMs: YOUNG_MS, graceMs: 1_000, show, clock };
  const registry = new RedisRegistry(redis.connection(), me, options);
  const pass = async (ms: number): Promise<void> => {
    passedMs += ms;
    await registry.renew(IDLE);
  };
  const setBack = (): void => {
    offMs -= SET_BACK_MS;
  };
  await pass(0);
  return { registry, pass, setBack };
}

it('lets who asks for a feed wait until it is complete', async () => {
  const { registry, pass } = await begun();
  await pass(500);
  expect(await registry.acquire(FEED)).toEqual({ kind: 'wait', ms: YOUNG_MS - 500 });
  await pass(YOUNG_MS - 500);
  expect(await registry.acquire(FEED)).toMatchObject({ kind: 'own' });
});

it.each([
  ['while it is young', 500],
  ['when it has been complete for long', 600_000],
])('lets nobody wait for longer when its clock is set back by an hour %s', async (_, ms) => {
  const { registry, pass, setBack } = await begun();
  await pass(ms);
  setBack();
  await pass(0);
  expect(await registry.acquire(FEED)).toEqual({ kind: 'wait', ms: YOUNG_MS });
  await pass(YOUNG_MS);
  expect(await registry.acquire(FEED)).toMatchObject({ kind: 'own' });
});
