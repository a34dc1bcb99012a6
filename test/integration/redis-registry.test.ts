/** The Redis registry keeps the contract, and decides who owns what, against a real Redis. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keys } from '../../services/registry/redis/keys.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import { ResilientRegistry } from '../../services/registry/resilient-registry.ts';
import type { ClientRecord, StreamSpec, WorkerLoad } from '../../services/registry/types.ts';
import { startRedis } from '../support/redis.ts';
import { registryContract } from '../unit/registry/contract.ts';

const LEASE_MS = 400;
const IDLE: WorkerLoad = {
  full: false,
  processes: 0,
  clients: 0,
  processFeeds: 0,
  sourceFeeds: 0,
  bufferedBytes: 0,
  restarts: 0,
  skips: 0,
  stalls: 0,
  draining: false,
};

let server: Awaited<ReturnType<typeof startRedis>>;
let redis: Redis;
let count = 0;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** A worker that has renewed its lease once. */
async function worker(workerId: string, youngMs = 0): Promise<RedisRegistry & { incarnation: string }> {
  count++;
  const incarnation = `i${count}`;
  const me = { workerId, incarnation, address: `${workerId}:9085`, zone: undefined };
  const registry = new RedisRegistry(redis, me, {
    leaseMs: LEASE_MS,
    youngMs,
    show: (spec) => ({ url: spec.url, profile: spec.profile?.name ?? 'direct' }),
  });
  const { full: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  return Object.assign(registry, { incarnation });
}

const ID = 'a'.repeat(32);
const SPEC: StreamSpec = {
  id: ID,
  url: 'http://provider/1.ts',
  failoverUrls: [],
  failoverResolverUrl: undefined,
  userAgent: 'test',
  headers: {},
  metadata: {},
  profile: undefined,
};

function viewer(workerId: string): Omit<ClientRecord, 'id' | 'slot'> {
  return {
    streamId: ID,
    workerId,
    userAgent: 'vlc',
    ipAddress: '192.0.2.1',
    username: undefined,
    connectedAtMs: 0,
    lastAccessMs: 0,
    bytesServed: 0,
    segmentsServed: 0,
  };
}

async function join(registry: RedisRegistry, workerId: string, clientId: string, cap = 10) {
  const answer = await registry.join({ client: viewer(workerId), clientId, cap, localSlots: [] });
  if (answer.kind !== 'joined') throw new Error(`not joined: ${answer.kind}`);
  return answer;
}

registryContract(async () => {
  await redis.flushall();
  const registry = await worker('contract');
  const age = async (ms: number) => {
    const flat = await redis.zrange(keys.streamIds, '0', '-1', 'WITHSCORES');
    for (let at = 0; at < flat.length; at += 2) {
      await redis.zadd(keys.streamIds, Number(flat[at + 1]) - ms, flat[at] as string);
    }
  };
  return { registry, age };
});

describe('ownership', () => {
  it('gives a feed to the first of many, and sends the others there', async () => {
    await redis.flushall();
    const workers = await Promise.all(['w1', 'w2', 'w3'].map((id) => worker(id)));
    await workers[0]?.createStream(SPEC, 0);
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => join(workers[n % 3] as RedisRegistry, `w${(n % 3) + 1}`, `c${n}`, 100)),
    );
    const owners = answers.map(({ place }) => (place?.kind === 'relay' ? place.owner.workerId : 'mine'));
    expect(owners.filter((owner) => owner === 'mine')).toHaveLength(10);
    expect(new Set(owners).size).toBe(2);
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('30');
    expect(await redis.keys('stream:*')).toEqual([`stream:${ID}`]);
  });

  it('passes on when the lease has run out, at once when the owner is proven dead, and never back in epoch', async () => {
    await redis.flushall();
    const [one, two, three] = await Promise.all(['w1', 'w2', 'w3'].map((id) => worker(id)));
    if (one === undefined || two === undefined || three === undefined) throw new Error('three workers');
    const first = await one.acquire('s:x');
    expect(first).toMatchObject({ kind: 'own' });
    expect(await two.acquire('s:x')).toMatchObject({ kind: 'relay', owner: { workerId: 'w1', address: 'w1:9085' } });
    const seized = await Promise.all([two.seize('s:x', one.incarnation), three.seize('s:x', one.incarnation)]);
    expect(seized.map(({ kind }) => kind).sort()).toEqual(['own', 'relay']);
    const epochs = [first, ...seized].map((place) => (place.kind === 'own' ? place.epoch : 0));
    expect(Math.max(...epochs.slice(1))).toBeGreaterThan(epochs[0] ?? 0);
    await sleep(LEASE_MS + 50);
    await one.renew(IDLE);
    expect(await one.acquire('s:x')).toMatchObject({ kind: 'own' });
  });

  it('hands over to a living worker, from the owner only', async () => {
    await redis.flushall();
    const one = await worker('w1');
    const two = await worker('w2');
    const place = await one.acquire('s:x');
    const epoch = place.kind === 'own' ? place.epoch : 0;
    const to = { workerId: 'w2', incarnation: two.incarnation, address: 'w2:9085', zone: undefined };
    expect(await two.transfer('s:x', epoch, to)).toBeUndefined();
    expect(await one.transfer('s:x', epoch - 1, to)).toBeUndefined();
    expect(await one.transfer('s:x', epoch, { ...to, incarnation: 'gone' })).toBeUndefined();
    expect(await one.transfer('s:x', epoch, to)).toBeGreaterThan(epoch);
    expect(await two.acquire('s:x')).toMatchObject({ kind: 'own' });
  });

  it('gives the process to the least loaded worker when the asking one is full, and says when all are', async () => {
    await redis.flushall();
    const [one, two, three] = await Promise.all(['w1', 'w2', 'w3'].map((id) => worker(id)));
    await one?.createStream(SPEC, 0);
    await one?.renew({ ...IDLE, full: true, processes: 9 });
    await two?.renew({ ...IDLE, processes: 5 });
    await three?.renew({ ...IDLE, processes: 2 });
    const answer = await join(one as RedisRegistry, 'w1', 'c');
    expect(answer.place).toMatchObject({ kind: 'relay', owner: { workerId: 'w3' } });
    await two?.renew({ ...IDLE, full: true, processes: 9 });
    await three?.renew({ ...IDLE, full: true, processes: 9 });
    const refused = await one?.join({ client: viewer('w1'), clientId: 'd', cap: 1, localSlots: [] });
    expect(refused).toEqual({ kind: 'full' });
    expect(await redis.hlen(keys.clients(ID))).toBe(1);
  });

  it('waits while a registry is young, but not for a feed whose owner is known', async () => {
    await redis.flushall();
    const one = await worker('w1', 300);
    const two = await worker('w2', 300);
    expect(await one.acquire('s:x')).toMatchObject({ kind: 'wait' });
    await sleep(320);
    expect(await one.acquire('s:x')).toMatchObject({ kind: 'own' });
    expect(await two.acquire('s:x')).toMatchObject({ kind: 'relay' });
  });
});

describe('incarnations', () => {
  it('take everything they held with them, once', async () => {
    await redis.flushall();
    const one = await worker('w1');
    const two = await worker('w2');
    await one.createStream(SPEC, 0);
    for (let n = 0; n < 3; n++) await join(one, 'w1', `c${n}`);
    await join(two, 'w2', 'other');
    await one.acquire('s:x');
    await sleep(LEASE_MS + 50);
    await two.renew(IDLE);
    expect(await two.cleanup(1e9)).toEqual({ expiredStreams: [], deadIncarnations: [one.incarnation] });
    expect(await two.cleanup(1e9)).toEqual({ expiredStreams: [], deadIncarnations: [] });
    expect((await two.clients(ID)).map((client) => client.id)).toEqual(['other']);
    expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '1' });
    expect((await two.workers()).map((each) => each.workerId)).toEqual(['w2']);
    await two.leaveCluster();
    await two.deleteStream(ID);
    expect((await redis.keys('*')).filter((key) => key !== keys.born)).toEqual([]);
  });

  it('replace each other under one name', async () => {
    await redis.flushall();
    const old = await worker('w1');
    await old.leaveCluster();
    const young = await worker('w1');
    await expect(old.renew(IDLE)).rejects.toThrow('Another process runs as w1');
    expect(await young.renew(IDLE)).toMatchObject({ unbroken: true });
  });

  it('hear every command once', async () => {
    await redis.flushall();
    const one = await worker('w1');
    const two = await worker('w2');
    await two.send({ kind: 'drain' }, 'w1');
    await two.send({ kind: 'disconnect', clientId: 'c' });
    expect((await one.renew(IDLE)).commands).toEqual([{ kind: 'drain' }, { kind: 'disconnect', clientId: 'c' }]);
    expect((await one.renew(IDLE)).commands).toEqual([]);
    expect((await two.renew(IDLE)).commands).toHaveLength(1);
  });

  it('say when their lease had run out', async () => {
    await redis.flushall();
    const one = await worker('w1');
    expect((await one.renew(IDLE)).unbroken).toBe(true);
    await sleep(LEASE_MS + 50);
    expect((await one.renew(IDLE)).unbroken).toBe(false);
  });
});

describe('an outage', () => {
  it('is bridged, and a registry that comes back empty is told what is here', async () => {
    await redis.flushall();
    const shared = await worker('w1');
    const me = { workerId: 'w1', incarnation: shared.incarnation, address: 'w1:9085', zone: undefined };
    const outages: unknown[] = [];
    const one = new ResilientRegistry(shared, me, (error) => outages.push(error));
    await one.createStream(SPEC, 0);
    await one.renew(IDLE);
    await one.join({ client: viewer('w1'), clientId: 'a', cap: 10, localSlots: [] });
    await one.acquire('s:x');
    await redis.flushall();
    expect(await one.renew(IDLE)).toMatchObject({ unbroken: false, lost: [] });
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('1');
    expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '1' });
    const two = await worker('w2');
    expect(await two.acquire('s:x')).toMatchObject({ kind: 'relay', owner: { workerId: 'w1' } });
    expect(await join(two, 'w2', 'b')).toMatchObject({ slot: 0, place: { kind: 'relay' } });
    expect(outages).toEqual([]);
  });
});
