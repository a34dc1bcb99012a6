/** A question that Redis answers only after its worker has given up gets no feed: Redis stood still, and its owner lives. */

import { expect, it } from 'vitest';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import type { JoinRequest } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import type { Network } from '../../support/simulation/redis/connection.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../support/stream-spec.ts';

const FEED = `p:${SPEC.id}:0`;
/** Longer than a lease. */
const HANG_MS = 10_000;

function cluster() {
  let nowMs = 1_764_000_000_000;
  const redis = new SimulatedRedis({ now: () => nowMs });
  const clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs - 5_000 };
  /** What has reached a Redis that hangs. */
  const waiting: (() => void)[] = [];
  let isHanging = false;
  const network: Network = ({ perform }) => {
    if (!isHanging) return Promise.resolve().then(perform);
    return new Promise((resolve) => waiting.push(() => resolve(perform())));
  };
  const worker = async (workerId: string) => {
    const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
    const show = () => ({ url: '', profile: '' });
    const options = { leaseMs: 5_000, youngMs: 0, graceMs: 3_000, show, clock };
    const registry = new RedisRegistry(redis.connection(network), me, options);
    const { capacity: _, ...numbers } = IDLE;
    await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
    await registry.renew(IDLE);
    return Object.assign(registry, { incarnation: me.incarnation });
  };
  const joining = (workerId: string): JoinRequest => {
    const times = { connectedAtMs: nowMs, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 };
    const who = { workerId, userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined };
    return { client: { streamId: SPEC.id, ...who, ...times }, clientId: workerId, cap: 10, localSlots: [] };
  };
  return {
    worker,
    joining,
    pass: (ms: number) => {
      nowMs += ms;
    },
    hang: () => {
      isHanging = true;
    },
    /** What has reached it first is done first. */
    async goOn(): Promise<void> {
      nowMs += HANG_MS;
      isHanging = false;
      for (const perform of waiting.splice(0)) perform();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

it.each(['join', 'acquire', 'seize'] as const)('%s takes no feed of a living worker', async (kind) => {
  const { worker, joining, hang, goOn } = cluster();
  const [owner, other] = [await worker('w1'), await worker('w2')];
  await owner.createStream(SPEC, 0);
  const first = await owner.join(joining('w1'));
  const place = first.kind === 'joined' ? first.place : undefined;
  expect(place?.kind).toBe('own');
  hang();
  const ask = {
    join: () => other.join(joining('w2')),
    acquire: () => other.acquire(FEED),
    seize: () => other.seize(FEED, owner.incarnation),
  };
  // The renewal that reaches Redis before the question gives its worker a lease again; that of the owner comes after both.
  const asked = [other.renew(IDLE), ask[kind](), owner.renew(IDLE)] as const;
  await goOn();
  expect(await asked[1]).toMatchObject({ kind: 'wait' });
  expect(await owner.acquire(FEED)).toEqual(place);
  expect((await owner.clients(SPEC.id)).map(({ id }) => id)).toEqual(['w1']);
});

it('a question that is in time is answered, however long the worker has been running', async () => {
  const { worker, pass } = cluster();
  const [owner, other] = [await worker('w1'), await worker('w2')];
  pass(3_600_000);
  await owner.renew(IDLE);
  await other.renew(IDLE);
  expect(await owner.acquire(FEED)).toMatchObject({ kind: 'own' });
  expect(await other.acquire(FEED)).toMatchObject({ kind: 'relay' });
});
