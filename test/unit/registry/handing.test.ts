/** A feed that is being handed over stays handed over, although its new owner, which does not know yet, writes back what it holds. */

import { expect, it } from 'vitest';
import type { Holdings } from '../../../services/registry/memory/holdings.ts';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';

const FEED = `p:${'a'.repeat(32)}:0`;
const OTHER = `p:${'b'.repeat(32)}:0`;
const NOTHING: Holdings = {
  ...{ streams: [], clients: [], feeds: [], connections: [], deleted: [] },
  givenUp: { feeds: [], clients: [], connections: [] },
};

async function handedOver() {
  let nowMs = 1_764_000_000_000;
  const redis = new SimulatedRedis({ now: () => nowMs });
  const worker = async (workerId: string) => {
    const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
    const clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs };
    const show = () => ({ url: '', profile: '' });
    const registry = new RedisRegistry(redis.connection(), me, {
      leaseMs: 60_000,
      youngMs: 0,
      graceMs: 0,
      show,
      clock,
    });
    const { capacity: _, ...numbers } = IDLE;
    await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
    await registry.renew(IDLE);
    return { me, registry };
  };
  const [from, to, third] = [await worker('from'), await worker('to'), await worker('third')];
  const place = await from.registry.acquire(FEED);
  const epoch = await from.registry.transfer(FEED, place.kind === 'own' ? place.epoch : 0, to.me);
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    for (const { registry } of [from, to, third]) await registry.renew(IDLE);
  };
  return { from: from.registry, to: to.registry, third: third.registry, epoch: epoch ?? 0, toMe: to.me, pass };
}

it('the new owner writes back before it knows', async () => {
  const { to, third, toMe, epoch } = await handedOver();
  expect(await to.restoring.missing(NOTHING)).toEqual([]);
  await to.restoring.restore(NOTHING);
  expect(await third.acquire(FEED)).toMatchObject({ kind: 'relay', owner: { incarnation: toMe.incarnation, epoch } });
  expect(await to.acquire(FEED)).toEqual({ kind: 'own', epoch });
});

it('a worker that starts a process for a full one writes back before it knows', async () => {
  const { from, to, third } = await handedOver();
  await third.renew({ ...IDLE, capacity: 'full' });
  const placed = await third.acquire(OTHER);
  expect(placed).toMatchObject({ kind: 'relay' });
  for (const registry of [from, to]) await registry.restoring.restore(NOTHING);
  expect(await third.acquire(OTHER)).toEqual(placed);
});

it.each([
  ['has known it and gives it up', undefined],
  ['never learns of it', 11_000],
  ['never learns of it, because the clock of Redis is set back', -3_600_000],
])('the new owner %s: the feed is free again', async (_, passedMs) => {
  const { to, third, pass } = await handedOver();
  if (passedMs === undefined) await to.acquire(FEED);
  else await pass(passedMs);
  expect(await to.restoring.missing(NOTHING)).toEqual([`not held feed ${FEED}`]);
  await to.restoring.restore(NOTHING);
  expect(await third.acquire(FEED)).toMatchObject({ kind: 'own' });
});

it('the new owner says that it has given the feed up: it is free at once', async () => {
  const { to, third } = await handedOver();
  await to.restoring.restore({ ...NOTHING, givenUp: { ...NOTHING.givenUp, feeds: [FEED] } });
  expect(await third.acquire(FEED)).toMatchObject({ kind: 'own' });
});
