/** The feeds that a worker makes are its own as long as it makes them, whatever happens to Redis and to their streams. */

import { expect, it } from 'vitest';
import { processFeedKey } from '../../../services/registry/feed-keys.ts';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import { ResilientRegistry } from '../../../services/registry/resilient/resilient-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../support/stream-spec.ts';

const FEED = processFeedKey(SPEC.id, 0);

async function cluster() {
  let nowMs = 1_764_000_000_000;
  const redis = new SimulatedRedis({ now: () => nowMs });
  const clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs };
  const lost: string[] = [];
  const worker = async (workerId: string) => {
    const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
    const times = { youngMs: 0, graceMs: 3_000, clock };
    const show = () => ({ url: '', profile: '' });
    const shared = new RedisRegistry(redis.connection(), me, { ...times, leaseMs: 60_000, show });
    const fails = (error: unknown) => {
      throw error;
    };
    const registry = new ResilientRegistry(shared, me, {
      ...{ ...times, onOutage: () => undefined, onBug: fails, onBadRecord: fails },
      onLoss: (differences) => lost.push(...differences),
      introduce: async () => undefined,
      others: { exist: false, streamReports: async () => [], place: async () => undefined },
    });
    const { capacity: _, ...numbers } = IDLE;
    await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
    await registry.renew(IDLE);
    return registry;
  };
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  /** Redis ends, and comes back empty. */
  const empty = (...workers: ResilientRegistry[]): void => {
    redis.emptied();
    for (const each of workers) each.interrupted(new Error('Connection is closed.'));
  };
  return { owner: await worker('w1'), other: await worker('w2'), pass, lost, empty };
}

it.each(['another worker', 'the worker that makes it'])(
  'goes on when %s deletes its stream, and somebody creates that anew at once',
  async (who) => {
    const { owner, other, pass, lost } = await cluster();
    await owner.createStream(SPEC, 0);
    const place = await owner.acquire(FEED);
    expect(place).toMatchObject({ kind: 'own' });
    if (who === 'another worker') {
      await other.deleteStream(SPEC.id);
      await other.send({ kind: 'delete', streamId: SPEC.id });
    } else await owner.deleteStream(SPEC.id);
    // The stream is gone when the owner hears of it, and there again when the owner looks what to end.
    await owner.renew(IDLE);
    await other.createStream(SPEC, 0);
    for (let n = 0; n < 5; n++) {
      pass(1_000);
      await owner.renew(IDLE);
    }
    expect(lost).toEqual([]);
    expect(await other.acquire(FEED)).toMatchObject({ kind: 'relay', owner: { workerId: 'w1' } });
    expect(await owner.acquire(FEED)).toEqual(place);
  },
);

it('goes to the worker that was granted it, although one that began it without Redis has written it back first', async () => {
  const { owner, other, empty } = await cluster();
  const granted = await owner.acquire(FEED);
  empty(owner, other);
  expect(await other.ownUnconfirmed(FEED)).toEqual({ kind: 'own', epoch: 0 });
  // Less than any epoch that was granted.
  expect((await other.renew(IDLE)).moved).toEqual([{ feed: FEED, place: { kind: 'own', epoch: 1 } }]);
  expect((await owner.renew(IDLE)).moved).toEqual([]);
  expect(await owner.acquire(FEED)).toEqual(granted);
  const place = { kind: 'relay', owner: { workerId: 'w1' } };
  expect((await other.renew(IDLE)).moved).toMatchObject([{ feed: FEED, place }]);
});
