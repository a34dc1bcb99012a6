/** A worker that a peer has proved dead: people see it as gone before its lease has run out, and again when it renews that. */

import { expect, it } from 'vitest';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import type { JoinRequest } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../support/stream-spec.ts';

const FEED = `p:${SPEC.id}:0`;
const LEASE_MS = 5_000;

function cluster() {
  let nowMs = 1_764_000_000_000;
  const redis = new SimulatedRedis({ now: () => nowMs });
  const clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs - 5_000 };
  const worker = async (workerId: string) => {
    const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
    const show = () => ({ url: '', profile: '' });
    const options = { leaseMs: LEASE_MS, youngMs: 0, graceMs: 3_000, show, clock };
    const registry = new RedisRegistry(
      redis.connection(({ perform }) => Promise.resolve().then(perform)),
      me,
      options,
    );
    const { capacity: _, ...numbers } = IDLE;
    await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
    await registry.renew(IDLE);
    return registry;
  };
  const joining = (workerId: string): JoinRequest => {
    const times = { connectedAtMs: nowMs, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 };
    const who = { workerId, userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined };
    return { client: { streamId: SPEC.id, ...who, ...times }, clientId: workerId, cap: 10, localSlots: [] };
  };
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { worker, joining, pass };
}

/** `one` makes the feed and has a viewer; `two` has another viewer. */
async function setUp() {
  const { worker, joining, pass } = cluster();
  const [one, two] = [await worker('w1'), await worker('w2')];
  await one.createStream(SPEC, 0);
  await one.join(joining('w1'));
  await two.join(joining('w2'));
  const seen = async () => {
    const [{ summaries, workers, gone }, listed, clients] = await Promise.all([
      two.overview(),
      two.workers(),
      two.clients(),
    ]);
    expect(listed.map(({ workerId }) => workerId).sort()).toEqual(workers.map(({ workerId }) => workerId).sort());
    const viewers = (await two.summaries()).get(SPEC.id)?.viewers;
    expect(viewers).toBe(summaries.get(SPEC.id)?.viewers);
    return {
      living: listed.map(({ workerId }) => workerId).sort(),
      gone: gone.map(({ worker: { workerId }, forMs }) => [workerId, forMs]),
      viewers,
      clients: clients.map(({ id }) => id).sort(),
    };
  };
  return { one, two, pass, seen };
}

const BOTH = { living: ['w1', 'w2'], gone: [], viewers: 2, clients: ['w1', 'w2'] };

it('is gone at once with its viewers, and back with them when it renews its lease', async () => {
  const { one, two, pass, seen } = await setUp();
  expect(await seen()).toEqual(BOTH);
  pass(400);
  expect(await two.seize(FEED, 'i-w1')).toMatchObject({ kind: 'own' });
  pass(1_200);
  await two.renew(IDLE);
  expect(await seen()).toEqual({ living: ['w2'], gone: [['w1', 1_200]], viewers: 1, clients: ['w2'] });
  // Nothing of it has ended: the proof may be wrong.
  expect(await two.events({ types: ['worker_left', 'client_disconnected'] }, 10)).toEqual([]);
  await one.renew(IDLE);
  expect(await seen()).toEqual(BOTH);
  // A second proof counts from its own time.
  pass(100);
  await two.seize(FEED, 'i-w1');
  pass(300);
  expect((await seen()).gone).toEqual([['w1', 300]]);
});

it('has ended when its lease has run out, and nothing tells of it twice', async () => {
  const { two, pass, seen } = await setUp();
  await two.seize(FEED, 'i-w1');
  pass(LEASE_MS - 500);
  await two.renew(IDLE);
  pass(600);
  expect(await seen()).toMatchObject({ living: ['w2'], gone: [['w1', LEASE_MS + 100]] });
  pass(1_000);
  await two.renew(IDLE);
  expect(await seen()).toMatchObject({ living: ['w2'], gone: [] });
  expect(await two.events({ types: ['worker_left'] }, 10)).toMatchObject([{ data: { worker_id: 'w1' } }]);
});

it('without a proof is gone when its lease has run out', async () => {
  const { two, pass, seen } = await setUp();
  pass(LEASE_MS - 1_000);
  await two.renew(IDLE);
  expect(await seen()).toEqual(BOTH);
  pass(1_300);
  expect(await seen()).toEqual({ living: ['w2'], gone: [['w1', 300]], viewers: 1, clients: ['w2'] });
});

it('has not ended because Redis stood still, whoever comes back first', async () => {
  const { one, two, pass, seen } = await setUp();
  pass(LEASE_MS + 2_000);
  // What it has sent meanwhile comes at once.
  await two.renew(IDLE);
  await two.renew(IDLE);
  pass(1_500);
  await two.renew(IDLE);
  await one.renew(IDLE);
  expect(await seen()).toEqual(BOTH);
  expect(await two.events({ types: ['worker_left', 'client_disconnected'] }, 10)).toEqual([]);
  // Whoever does not come back has died.
  pass(LEASE_MS - 1_000);
  await two.renew(IDLE);
  pass(2_500);
  await two.renew(IDLE);
  expect((await two.events({ types: ['worker_left'] }, 10)).map(({ data }) => data.reason)).toEqual(['died']);
});
