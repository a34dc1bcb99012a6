/** The Redis registry keeps the contract, and decides who owns what, against a real Redis. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EVENTS_START } from '../../services/registry/events/event.ts';
import { begunAtPosition, DELIVERY, type KeptWebhook } from '../../services/registry/events/webhook.ts';
import { keys } from '../../services/registry/redis/keys.ts';
import { RedisRegistry, type RedisRegistryOptions } from '../../services/registry/redis/redis-registry.ts';
import type { OtherWorkers } from '../../services/registry/resilient/peer-reports.ts';
import { ResilientRegistry } from '../../services/registry/resilient/resilient-registry.ts';
import type { ClientRecord, WorkerIdentity } from '../../services/registry/types.ts';
import { IDLE } from '../support/idle-worker.ts';
import { startRedis } from '../support/redis.ts';
import { SPEC } from '../support/stream-spec.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { GRACE_MS, REAL_TIME, registryContract } from '../unit/registry/contract.ts';

const LEASE_MS = 400;
const NOTHING = { expiredStreams: [], deadIncarnations: [], expiredSessions: [] };
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
async function worker(
  workerId: string,
  times: Partial<RedisRegistryOptions> = {},
): Promise<RedisRegistry & { incarnation: string }> {
  count++;
  const incarnation = `i${count}`;
  const me = { workerId, incarnation, address: `${workerId}:9085`, zone: undefined };
  const registry = new RedisRegistry(redis, me, {
    leaseMs: LEASE_MS,
    youngMs: 0,
    graceMs: GRACE_MS,
    ...times,
    show: (spec) => ({ url: spec.url, profile: spec.profile?.name ?? 'direct' }),
  });
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  return Object.assign(registry, { incarnation });
}

const ID = SPEC.id;

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
  const registry = await worker('contract', { leaseMs: 60_000 });
  const age = async (ms: number) => {
    for (const key of [keys.streamIds, keys.left]) {
      const flat = await redis.zrange(key, '0', '-1', 'WITHSCORES');
      for (let at = 0; at < flat.length; at += 2) await redis.zadd(key, Number(flat[at + 1]) - ms, flat[at] as string);
    }
  };
  return { registry, age, ...REAL_TIME };
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

  it('tells an owner who was taken for dead and is not', async () => {
    await redis.flushall();
    const one = await worker('w1');
    const two = await worker('w2');
    await one.acquire('s:x');
    await two.seize('s:x', one.incarnation);
    const owner = { workerId: 'w2', incarnation: two.incarnation };
    expect((await one.renew(IDLE)).moved).toMatchObject([{ feed: 's:x', place: { kind: 'relay', owner } }]);
    expect((await one.renew(IDLE)).moved).toEqual([]);
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

  it('waits while a registry is young, but not for a feed whose owner is known', async () => {
    await redis.flushall();
    const [one, two] = [
      await worker('w1', { youngMs: 600, leaseMs: 60_000 }),
      await worker('w2', { youngMs: 600, leaseMs: 60_000 }),
    ];
    expect(await one.acquire('s:x')).toMatchObject({ kind: 'wait' });
    await sleep(620);
    expect(await one.acquire('s:x')).toMatchObject({ kind: 'own' });
    expect(await two.acquire('s:x')).toMatchObject({ kind: 'relay' });
  });
});

it('has no owner of a process that serves one client alone, and is as it was when that has left', async () => {
  await redis.flushall();
  const one = await worker('w1');
  await one.createStream(SPEC, 0);
  for (let n = 0; n < 3; n++) {
    const request = { client: viewer('w1'), clientId: `c${n}`, cap: 1, localSlots: [], alone: n < 2 };
    if (n === 2) await one.markUnshareable(ID);
    const answer = await one.join(request);
    expect(answer).toMatchObject({ kind: 'joined', slot: 0, place: undefined });
    await one.leave({ ...viewer('w1'), clientId: `c${n}` });
  }
  expect(await redis.keys('sp:owner:*')).toEqual([]);
  expect(await redis.keys('sp:feeds-of:*')).toEqual([]);
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
    expect(await two.cleanup(1e9)).toEqual({ ...NOTHING, deadIncarnations: [one.incarnation] });
    expect(await two.cleanup(1e9)).toEqual(NOTHING);
    expect((await two.clients(ID)).map((client) => client.id)).toEqual(['other']);
    expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '1' });
    expect((await two.workers()).map((each) => each.workerId)).toEqual(['w2']);
    await two.leaveCluster();
    await two.deleteStream(ID);
    // The lease of sessions, which nobody owns, runs out by itself, and so does what is known of a standstill.
    const sessions = `${keys.leasePrefix}sessions`;
    expect(await redis.pttl(sessions)).toBeLessThanOrEqual(LEASE_MS);
    const remembered = [
      keys.events,
      keys.clientEvents,
      keys.eventCounts,
      keys.born,
      keys.server,
      keys.members,
      keys.deletedPrefix + ID,
      keys.stoodStill,
      sessions,
    ] as string[];
    expect((await redis.keys('*')).filter((key) => !remembered.includes(key))).toEqual([
      `${keys.endedPrefix}${one.incarnation}`,
    ]);
  });

  it('keep no slot for viewers who died with them', async () => {
    await redis.flushall();
    const one = await worker('w1');
    const two = await worker('w2');
    await one.createStream(SPEC, 0);
    const mine = await join(one, 'w1', 'mine');
    await join(two, 'w2', 'theirs');
    expect(await one.releaseSlot(ID, 0)).toBe(false);
    await sleep(LEASE_MS + 50);
    await one.renew(IDLE);
    expect(await one.releaseSlot(ID, 0), 'its own viewer is there').toBe(false);
    await one.leave({ ...mine.client, clientId: mine.client.id });
    expect(await one.releaseSlot(ID, 0)).toBe(true);
    expect(await redis.hgetall(keys.slots(ID))).toEqual({});
    expect(await redis.exists(keys.stream(ID))).toBe(0);
  });

  it('replace each other under one name', async () => {
    await redis.flushall();
    const old = await worker('w1');
    await old.leaveCluster();
    const young = await worker('w1');
    await expect(old.renew(IDLE)).rejects.toThrow('Another process runs as w1');
    expect(await young.renew(IDLE)).toMatchObject({ unbroken: true });
  });

  it('have the name of a dead one, whose record Redis may have lost', async () => {
    await redis.flushall();
    const one = await worker('w1');
    await redis.hset(keys.newest, 'w1', 'dead');
    expect(await one.renew(IDLE)).toMatchObject({ unbroken: true });
    expect(await redis.hget(keys.newest, 'w1')).toBe(one.incarnation);
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

  it('know each other as they last came or went', async () => {
    await redis.flushall();
    const one = await worker('w1');
    const peers = () => one.peers().map(({ workerId, address }) => `${workerId} ${address}`);
    const two = await worker('w2');
    await one.renew(IDLE);
    await until(() => peers().includes('w2 w2:9085'), { what: 'w1 to know w2' });
    await two.leaveCluster();
    await one.renew(IDLE);
    await until(() => peers().length === 0, { what: 'w1 to know that w2 is gone' });
  });

  it('say when their lease had run out', async () => {
    await redis.flushall();
    const one = await worker('w1');
    expect((await one.renew(IDLE)).unbroken).toBe(true);
    await sleep(LEASE_MS + 50);
    expect((await one.renew(IDLE)).unbroken).toBe(false);
  });
});

/** How long after an outage a worker believes that others may know more. */
const YOUNG_MS = 200;

const NOBODY: OtherWorkers = { exist: false, streamReports: async () => [], place: async () => undefined };

/** Other workers that can be asked: what they have met, and who of them has a feed. */
function others(
  ...workers: { registry: ResilientRegistry; me: WorkerIdentity; has?: string }[]
): OtherWorkers & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    exist: true,
    streamReports: async (id) => {
      asked.push(id);
      return workers.map(({ registry }) => registry.streamReport(id));
    },
    place: async (feed) => {
      asked.push(feed);
      const found = workers.find(({ has }) => has === feed);
      return found && { kind: 'relay', owner: { ...found.me, epoch: 1 } };
    },
  };
}

/** A worker as it runs in a cluster, with what it keeps for an outage. */
async function resilient(workerId: string, connection = redis, peers: OtherWorkers = NOBODY, graceMs = GRACE_MS) {
  count++;
  const me = { workerId, incarnation: `i${count}`, address: `${workerId}:9085`, zone: undefined };
  const shared = new RedisRegistry(connection, me, {
    leaseMs: 5_000,
    youngMs: 0,
    graceMs,
    show: () => ({ url: '', profile: '' }),
  });
  const outages: unknown[] = [];
  const losses: string[] = [];
  const introduce = async () => undefined;
  const registry = new ResilientRegistry(shared, me, {
    onOutage: (error) => outages.push(error),
    onBug: (error) => outages.push(error),
    onBadRecord: () => undefined,
    onLoss: (lost) => losses.push(...lost),
    introduce,
    others: peers,
    youngMs: YOUNG_MS,
    graceMs,
  });
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  const watch = (clientId: string, cap = 10) =>
    registry.join({ client: viewer(workerId), clientId, cap, localSlots: [] });
  return { me, registry, outages, losses, watch, renew: () => registry.renew(IDLE) };
}

/** As after a failover: the worker has to say what it holds. */
function interrupt(...workers: { registry: ResilientRegistry }[]): void {
  for (const { registry } of workers) registry.interrupted(new Error('cut'));
}

function report(clientId: string) {
  return { streamId: ID, clientId, connectedAtMs: 0, bytesServed: 0, segmentsServed: 0, lastAccessMs: 1 };
}

describe('the record of events', () => {
  it('forgets with a cleanup what is older than it is to be', async () => {
    await redis.flushall();
    const keepMs = 600_000;
    const oldMs = Date.now() - 2 * keepMs;
    await redis.xadd(keys.events, `${oldMs}-1`, 'n', '1', 'type', 'worker_left', 'data', '{}');
    await redis.xadd(keys.clientEvents, `${oldMs}-2`, 'n', '1', 'type', 'client_stalled', 'data', '{}');
    const one = await worker('w1', { eventsKeepMs: keepMs });
    const types = async () => (await one.events({}, 10)).map(({ type }) => type);
    expect(await types()).toEqual(['worker_joined', 'client_stalled', 'worker_left']);
    await one.cleanup(60_000, true);
    expect(await types()).toHaveLength(3);
    await one.cleanup(60_000);
    expect(await types()).toEqual(['worker_joined']);
  });
});

describe('webhooks', () => {
  const webhook: KeptWebhook = {
    ...{ url: 'http://receiver.example/', events: ['stream_started'], headers: {}, timeoutMs: 5_000, retryAttempts: 2 },
    progress: begunAtPosition(EVENTS_START),
  };

  it('are written back when Redis has lost them, but not when they were removed', async () => {
    await redis.flushall();
    const one = await worker('w1');
    expect(await one.webhooks.list()).toBeUndefined();
    expect(await one.webhooks.put([webhook])).toBe(true);
    await one.webhooks.remove(webhook.url);
    expect(await one.webhooks.put([webhook], true)).toBe(true);
    expect(await one.webhooks.list()).toEqual([]);
    await redis.flushall();
    expect(await one.webhooks.list()).toBeUndefined();
    expect(await one.webhooks.put([webhook], true)).toBe(true);
    expect(await one.webhooks.list()).toEqual([webhook]);
  });

  it('are told how far they are by nobody but the worker that delivers', async () => {
    await redis.flushall();
    const [one, two] = [await worker('w1'), await worker('w2')];
    await one.webhooks.put([webhook]);
    const mine = await one.acquire(DELIVERY);
    if (mine.kind !== 'own') throw new Error(`not own: ${mine.kind}`);
    expect(await two.acquire(DELIVERY)).toMatchObject({ kind: 'relay' });
    const progress = begunAtPosition(EVENTS_START);
    expect(await two.webhooks.note(webhook.url, progress, mine.epoch)).toBe(false);
    expect(await one.webhooks.note(webhook.url, progress, mine.epoch - 1)).toBe(false);
    expect(await one.webhooks.note(webhook.url, progress, mine.epoch)).toBe(true);
  });
});

describe('an outage', () => {
  beforeEach(async () => {
    await redis.flushall();
  });

  it('is bridged, and a registry that comes back empty is told what is here', async () => {
    const one = await resilient('w1');
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    await one.registry.acquire('s:x');
    await redis.flushall();
    expect(await one.renew()).toMatchObject({ unbroken: false, moved: [] });
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('1');
    expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '1' });
    expect(Object.keys(await redis.hgetall(keys.workers))).toEqual(['w1']);
    const two = await resilient('w2');
    expect(await two.registry.acquire('s:x')).toMatchObject({ kind: 'relay', owner: { workerId: 'w1' } });
    expect(await two.watch('b')).toMatchObject({ slot: 0, place: { kind: 'relay' } });
    expect(one.outages).toEqual([]);
  });

  it('is no reason to say that a stream which was never met does not exist', async () => {
    const one = await resilient('w1');
    expect(one.registry.knowsAll).toBe(true);
    interrupt(one);
    expect(await one.registry.stream('unknown')).toBeUndefined();
    expect(one.registry.knowsAll).toBe(false);
    await one.renew();
    // Others may not have told yet what they know.
    expect(one.registry.knowsAll).toBe(false);
    await sleep(YOUNG_MS + 10);
    expect(one.registry.knowsAll).toBe(true);
  });

  it('is told of afterwards: what has happened in it, when, and once', async () => {
    const one = await resilient('w1');
    await one.registry.createStream(SPEC, 0);
    interrupt(one);
    const sinceMs = Date.now();
    one.registry.tellEvent({ type: 'client_stalled', streamId: ID, data: { client_id: 'other' } });
    const visitor = await one.watch('visitor');
    if (visitor.kind !== 'joined') throw new Error(visitor.kind);
    await one.registry.leave({ ...report(visitor.client.id), bytesServed: 7 });
    await one.watch('stays');
    await sleep(100);
    const backMs = Date.now();
    for (let renewals = 0; renewals < 3; renewals++) await one.renew();
    const told = async () =>
      (await one.registry.events({}, 100)).filter(({ type }) => type !== 'worker_joined').toReversed();
    await until(async () => (await told()).some(({ type }) => type === 'redis_back'), { what: 'the end to be told' });
    const events = await told();
    const late = events.filter((event) => event.late).map(({ type }) => type);
    expect(late.toSorted()).toEqual([
      'client_connected',
      'client_connected',
      'client_disconnected',
      'client_stalled',
      'redis_lost',
      'stream_started',
    ]);
    const visit = events.filter(({ data }) => data.client_id === visitor.client.id);
    expect(visit.map(({ type }) => type)).toEqual(['client_connected', 'client_disconnected']);
    expect(visit[1]?.data).toMatchObject({ bytes_served: 7, reason: 'left', name: '1.ts' });
    for (const { type, atMs } of events.filter((event) => event.late && event.type.startsWith('client_'))) {
      // A viewer that is still there says when it came.
      if (type !== 'client_connected') expect(atMs).toBeLessThan(backMs);
      if (type === 'client_stalled') expect(atMs).toBeGreaterThanOrEqual(sinceMs);
    }
  });

  it('leaves no client, feed or connection that has gone meanwhile, and none uncounted that came', async () => {
    const one = await resilient('w1');
    await one.registry.createStream(SPEC, 0);
    await one.watch('gone');
    await one.watch('stays');
    await one.registry.acquire('s:gone');
    await one.registry.takeConnection({ account: 'x', id: 'gone' }, 9);
    interrupt(one);
    await one.registry.leave(report('gone'));
    await one.registry.release('s:gone');
    await one.registry.returnConnection({ account: 'x', id: 'gone' });
    await one.watch('came');
    await one.registry.takeConnection({ account: 'x', id: 'came' }, 9);
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('2');
    expect((await one.renew()).moved).toEqual([]);
    expect((await redis.hkeys(keys.clients(ID))).map((id) => id.split('_')[0]).sort()).toEqual(['came', 'stays']);
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('2');
    expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '2' });
    expect(await redis.exists(`${keys.ownerPrefix}s:gone`)).toBe(0);
    expect(await redis.hkeys(`${keys.connectionsPrefix}x`)).toEqual(['came']);
  });

  it('leaves one owner of what two began: the first to say so; it is given an epoch', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    await one.registry.createStream(SPEC, 0);
    await two.registry.stream(ID);
    interrupt(one, two);
    for (const each of [one, two]) expect(await each.watch('c')).toMatchObject({ place: { kind: 'own', epoch: 0 } });
    const feed = `p:${ID}:0`;
    expect((await one.renew()).moved).toEqual([{ feed, place: { kind: 'own', epoch: 1 } }]);
    expect((await two.renew()).moved).toMatchObject([{ feed, place: { kind: 'relay', owner: { workerId: 'w1' } } }]);
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('2');
    expect((await one.renew()).moved).toEqual([]);
  });

  it('lets a worker make what it cannot ask about, and give it back to who was granted it', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    const first = await one.registry.acquire('s:x');
    expect(await two.registry.acquire('s:x')).toMatchObject({ kind: 'relay' });
    interrupt(two);
    await expect(two.registry.acquire('s:x')).rejects.toThrow('another worker makes');
    expect(await two.registry.ownUnconfirmed('s:x')).toEqual({ kind: 'own', epoch: 0 });
    const owner = { workerId: 'w1' };
    expect((await two.renew()).moved).toMatchObject([{ feed: 's:x', place: { kind: 'relay', owner } }]);
    expect((await one.renew()).moved).toEqual([]);
    expect(await one.registry.acquire('s:x')).toEqual(first);
  });

  it('leaves a feed to who was given it, and could only hear of that from the giver', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    const first = await one.registry.acquire('s:x');
    expect(await two.registry.acquire('s:x')).toMatchObject({ kind: 'relay' });
    interrupt(two);
    const epoch = await one.registry.transfer('s:x', first.kind === 'own' ? first.epoch : 0, two.me);
    two.registry.adopt('s:x', { kind: 'own', epoch: Number(epoch) });
    expect((await two.renew()).moved).toEqual([]);
    const three = await resilient('w3');
    expect(await three.registry.acquire('s:x')).toMatchObject({ kind: 'relay', owner: { workerId: 'w2', epoch } });
  });

  it('believes a worker that took a feed over from a dead one, whose lease still runs', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    const first = await one.registry.acquire('s:x');
    await two.registry.acquire('s:x');
    interrupt(two);
    await expect(two.registry.seize('s:x', one.me.incarnation)).rejects.toThrow('is unknown');
    expect(await two.registry.ownUnconfirmed('s:x')).toEqual({ kind: 'own', epoch: 0 });
    const epoch = (first.kind === 'own' ? first.epoch : 0) + 1;
    expect((await two.renew()).moved).toEqual([{ feed: 's:x', place: { kind: 'own', epoch } }]);
    expect((await two.renew()).moved).toEqual([]);
    const three = await resilient('w3');
    expect(await three.registry.acquire('s:x')).toMatchObject({ kind: 'relay', owner: { workerId: 'w2', epoch } });
  });

  it.each(['first', 'last'])('leaves a feed with the owner it had, who says so %s', async (when) => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    const first = await one.registry.acquire('s:x');
    await redis.flushall();
    interrupt(one, two);
    expect(await two.registry.acquire('s:x')).toEqual({ kind: 'own', epoch: 0 });
    const moved = [];
    for (const each of when === 'first' ? [one, two] : [two, one]) moved.push(...(await each.renew()).moved);
    moved.push(...(await two.renew()).moved, ...(await one.renew()).moved);
    expect(moved.findLast(({ place }) => place.kind === 'relay')).toMatchObject({
      feed: 's:x',
      place: { kind: 'relay', owner: { workerId: 'w1' } },
    });
    const epoch = Number(await redis.hget(`${keys.ownerPrefix}s:x`, 'epoch'));
    expect(epoch).toBe(first.kind === 'own' ? first.epoch : 0);
    expect(await two.registry.acquire('s:x')).toMatchObject({ kind: 'relay', owner: { workerId: 'w1' } });
  });

  it('does not believe a registry that is behind about who handed over to whom', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    const place = await one.registry.acquire('s:x');
    const behind = await redis.hgetall(`${keys.ownerPrefix}s:x`);
    const epoch = await one.registry.transfer('s:x', place.kind === 'own' ? place.epoch : 0, two.me);
    await two.registry.acquire('s:x');
    await redis.hset(`${keys.ownerPrefix}s:x`, behind);
    await redis.smove(keys.feedsOfPrefix + two.me.incarnation, keys.feedsOfPrefix + one.me.incarnation, 's:x');
    interrupt(one, two);
    expect((await two.renew()).moved).toEqual([]);
    expect(await redis.hgetall(`${keys.ownerPrefix}s:x`)).toMatchObject({ worker: 'w2', epoch: String(epoch) });
    expect((await one.renew()).moved).toEqual([]);
    expect(await one.registry.acquire('s:x')).toMatchObject({ kind: 'relay', owner: { workerId: 'w2', epoch } });
    expect(await redis.smembers(keys.feedsOfPrefix + one.me.incarnation)).toEqual([]);
  });

  it.each(['first', 'last'])('deletes what was deleted in it, when the one who did says so %s', async (when) => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    await one.registry.createStream(SPEC, 0);
    await two.registry.stream(ID);
    await two.watch('c');
    await redis.flushall();
    interrupt(one, two);
    expect(await one.registry.deleteStream(ID)).toBe(true);
    const commands = [];
    for (const each of when === 'first' ? [one, two] : [two, one])
      await each.renew().then((r) => commands.push(...r.commands));
    commands.push(...(await two.renew()).commands);
    expect(commands).toEqual([{ kind: 'delete', streamId: ID }]);
    expect(await two.registry.streams()).toEqual([]);
    expect(await redis.keys('stream:*')).toEqual([]);
    expect(await redis.exists(keys.spec(ID), keys.clients(ID), keys.slots(ID))).toBe(0);
    // A stream that is created again is another one.
    await two.registry.createStream(SPEC, 0);
    interrupt(one, two);
    for (const each of [one, two, one]) expect((await each.renew()).commands).toEqual([]);
    expect(await one.registry.streams()).toHaveLength(1);
  });

  it('does not count the viewers of a deleted stream into the one that was made anew before they could be ended', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    await one.registry.createStream(SPEC, 0);
    await two.watch('before');
    await two.renew();
    await one.registry.deleteStream(ID);
    await one.registry.send({ kind: 'delete', streamId: ID });
    await one.registry.createStream(SPEC, 0);
    expect(await two.renew()).toMatchObject({ commands: [{ kind: 'delete', streamId: ID }], unbroken: true });
    expect(await redis.hkeys(keys.clients(ID))).toEqual([]);
    expect(await redis.hgetall(keys.slots(ID))).toEqual({});
  });

  it('lets a worker hear from the others of a stream that it never met, and who has its feed', async () => {
    const one = await resilient('w1');
    const feed = `p:${ID}:0`;
    const asked = others({ ...one, has: feed });
    const two = await resilient('w2', redis, asked);
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    expect(await two.registry.stream('unknown')).toBeUndefined();
    expect(asked.asked, 'Redis may have lost it').toEqual(['unknown']);
    const epoch = await redis.hget(`${keys.ownerPrefix}${feed}`, 'epoch');
    await redis.flushall();
    interrupt(one, two);
    expect(await two.registry.stream('unknown')).toBeUndefined();
    expect(await two.registry.stream(ID)).toMatchObject({ url: SPEC.url });
    const answers = await Promise.all([two.watch('b'), two.watch('c')]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ slot: 0, place: { kind: 'relay', owner: { workerId: 'w1' } } });
    }
    expect(asked.asked).toEqual(['unknown', 'unknown', ID, feed]);
    // Whoever says so first: the owner stays, and everybody is counted.
    expect((await two.renew()).moved).toEqual([]);
    expect((await one.renew()).moved).toEqual([]);
    expect(await redis.hgetall(`${keys.ownerPrefix}${feed}`)).toMatchObject({ worker: 'w1', epoch });
    expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '3' });
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('3');
  });

  it('finds a stream that Redis has dropped at the worker where it is watched, before that has written it back', async () => {
    const one = await resilient('w1');
    const two = await resilient('w2', redis, others(one));
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    await redis.del(keys.spec(ID));
    expect(await two.watch('b')).toMatchObject({ kind: 'joined', slot: 0, place: { kind: 'relay' } });
    expect(await redis.hget(keys.spec(ID), 'watched')).not.toBeNull();
    expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '2' });
    // A deleted one stays deleted, whoever still knows it.
    await two.registry.deleteStream(ID);
    expect(await two.registry.stream(ID)).toBeUndefined();
  });

  it.each(['old id, since it leaves before it is renamed where it is served', 'new id'])(
    'counts a viewer whose id another one has got while its worker stood still, and counts it out by its %s',
    async (which) => {
      await redis.flushall();
      const one = await resilient('w1');
      const two = await resilient('w2');
      await one.registry.createStream(SPEC, 0);
      expect(await one.watch('a')).toMatchObject({ client: { id: 'a' } });
      await redis.del(`${keys.leasePrefix}${one.me.incarnation}`);
      await two.registry.cleanup(1_000_000_000);
      expect(await two.watch('a')).toMatchObject({ client: { id: 'a' } });
      const { commands } = await one.renew();
      expect(commands).toMatchObject([{ kind: 'renamed', streamId: ID, clientId: 'a' }]);
      expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '2' });
      expect(await redis.hget(keys.stream(ID), 'clients')).toBe('2');
      expect((await one.renew()).commands).toEqual([]);
      const clients = await two.registry.clients(ID);
      expect(clients.map(({ workerId }) => workerId).sort()).toEqual(['w1', 'w2']);
      const mine = clients.find(({ workerId }) => workerId === 'w1');
      const { id: newId = '', connectedAtMs = 0 } = mine ?? {};
      await one.registry.leave({ ...report(which === 'new id' ? newId : 'a'), connectedAtMs });
      expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '1' });
      expect(await two.registry.clients(ID)).toMatchObject([{ id: 'a', workerId: 'w2' }]);
    },
  );

  it('lets one worker begin what nobody has, and tells who it is, also when Redis comes back meanwhile', async () => {
    const one = await resilient('w1');
    const two = await resilient('w2', redis, others(one));
    await one.registry.createStream(SPEC, 0);
    interrupt(one, two);
    expect(await two.registry.stream(ID)).toMatchObject({ id: ID });
    const joining = two.watch('b');
    await two.renew();
    const place = (await joining) as { place?: unknown };
    expect(place).toMatchObject({ kind: 'joined', slot: 0, place: { kind: 'own' } });
    expect(place.place).toEqual(await two.registry.acquire(`p:${ID}:0`));
    expect(await redis.hget(`${keys.ownerPrefix}p:${ID}:0`, 'worker')).toBe('w2');
    expect(await redis.hgetall(keys.slots(ID))).toEqual({ 0: '1' });
    expect(await two.renew()).toMatchObject({ moved: [], unbroken: true });
  });

  it('does not bring a stream back that was deleted just before, whoever has not heard of that', async () => {
    const one = await resilient('w1');
    const two = await resilient('w2');
    const three = await resilient('w3', redis, others(one, two));
    await one.registry.createStream(SPEC, 0);
    await two.registry.stream(ID);
    await one.registry.deleteStream(ID);
    interrupt(one, two, three);
    expect(await two.registry.stream(ID), 'the order is still on its way').toBeDefined();
    expect(await three.registry.stream(ID)).toBeUndefined();
    expect(three.registry.knowsAll).toBe(false);
    // Who has deleted it is not told otherwise either.
    const again = await resilient('w1b', redis, others(two));
    await again.registry.createStream(SPEC, 0);
    await again.registry.deleteStream(ID);
    interrupt(again);
    expect(await again.registry.stream(ID)).toBeUndefined();
    for (const each of [three, two, one, again]) await each.renew();
    expect(await redis.exists(keys.spec(ID))).toBe(0);
    expect(await two.registry.stream(ID)).toBeUndefined();
  });

  it('leaves out no worker that the others learn of while it still writes itself down', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    const peers = () => one.registry.peers().map(({ workerId }) => workerId);
    await one.renew();
    await until(() => peers().includes('w2'), { what: 'w1 to know w2' });
    await redis.flushall();
    // The first half of the other one's return: its renewal, without the record that it believes to be there.
    await redis.sadd(keys.incarnations, two.me.incarnation);
    await one.renew();
    await until(() => peers().length === 0, { what: 'w1 to have read that nobody else is there' });
    await two.renew();
    await one.renew();
    await until(() => peers().includes('w2'), { what: 'w1 to know w2 again' });
  });

  it('does not take back what a stream has been through', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    await one.registry.createStream(SPEC, 0);
    await two.registry.stream(ID);
    interrupt(two);
    const failover = { index: 0, attempts: 1, lastAtMs: 5, currentUrl: 'http://backup' };
    await two.registry.advanceFailover(ID, -1, failover);
    await two.registry.markUnshareable(ID);
    await two.registry.countError(ID);
    await one.registry.countError(ID);
    await one.registry.countError(ID);
    await two.renew();
    interrupt(one);
    await one.renew();
    expect(await two.registry.stream(ID)).toMatchObject({ failover, unshareable: true, errorCount: 2 });
  });

  it('ends where another process runs: owners who are not found may still say that they are', async () => {
    const one = await worker('w1', { youngMs: 300 });
    const two = await worker('w2', { youngMs: 300 });
    await sleep(320);
    await one.acquire('s:x');
    await one.leaveCluster();
    await redis.set(keys.server, 'another');
    await two.renew(IDLE);
    await two.restoring.restore({
      streams: [],
      clients: [],
      feeds: [],
      connections: [],
      givenUp: { feeds: [], clients: [], connections: [] },
      deleted: [],
    });
    expect(await two.acquire('s:x')).toMatchObject({ kind: 'wait' });
    expect(await two.acquire('s:y')).toMatchObject({ kind: 'wait' });
  });

  it('counts right again what a connection long broken has counted', async () => {
    const one = await resilient('w1');
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    const late = new RedisRegistry(redis, one.me, {
      leaseMs: 400,
      youngMs: 0,
      graceMs: GRACE_MS,
      show: () => ({ url: '', profile: '' }),
    });
    await join(late, 'w1', 'ghost');
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('2');
    expect(await one.renew()).toMatchObject({ unbroken: false });
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('1');
    expect(await one.renew()).toMatchObject({ unbroken: true });
  });

  it('agrees on one secret of each kind', async () => {
    const one = await worker('w1');
    const two = await worker('w2');
    expect(await one.agreeOnSecret('cluster', 'a: the older')).toBe('a: the older');
    expect(await two.agreeOnSecret('cluster', '0: an older one that nobody uses')).toBe('a: the older');
    await redis.set(keys.secret('cluster'), 'c: of a worker that found none');
    expect(await two.agreeOnSecret('cluster', 'a: the older')).toBe('a: the older');
    expect(await redis.get(keys.secret('cluster'))).toBe('a: the older');
    expect(await two.agreeOnSecret('playback', 'third')).toBe('third');
    expect(await one.agreeOnSecret('playback', 'fourth')).toBe('third');
  });

  it('remembers the newest of the secrets that were replaced, each for its time', async () => {
    const one = await worker('w1');
    const two = await worker('w2');
    expect(await one.formerSecrets(undefined, 60_000)).toEqual([]);
    expect(await one.formerSecrets('short', 40)).toEqual(['short']);
    for (let n = 0; n < 10; n++) await one.formerSecrets(`replaced ${n}`, 60_000 + n * 1_000);
    await until(async () => !(await two.formerSecrets(undefined, 60_000)).includes('short'), {
      what: 'one to be over',
    });
    expect(await two.formerSecrets(undefined, 60_000)).toEqual([9, 8, 7, 6, 5, 4, 3, 2].map((n) => `replaced ${n}`));
    expect(await redis.pttl(keys.formerSecrets)).toBeGreaterThan(60_000);
  });
});

describe('a stream that nobody watches', () => {
  const TWO = { ...SPEC, metadata: { name: 'two' } };
  const NEXT = { index: 0, attempts: 1, lastAtMs: 5, currentUrl: 'http://backup/' };

  beforeEach(async () => {
    await redis.flushall();
  });

  /** Two workers that can ask each other, and for which a stream is idle as soon as its last viewer has left. */
  async function pair() {
    const one = await resilient('w1', redis, NOBODY, 0);
    const two = await resilient('w2', redis, others(one), 0);
    return { one, two };
  }

  it('is what its last creator asked for, and at its primary, also where a worker remembers otherwise', async () => {
    const { one, two } = await pair();
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    await one.registry.advanceFailover(ID, -1, NEXT);
    await one.registry.stream(ID);
    await one.registry.leave(report('a'));
    expect(await two.registry.createStream(TWO, 0)).toMatchObject({ existing: false });
    interrupt(one);
    await one.renew();
    expect(await one.registry.stream(ID)).toMatchObject({ metadata: { name: 'two' }, failover: { index: -1 } });
  });

  it('has moved to another source before a worker is back: that worker is told', async () => {
    const { one, two } = await pair();
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    await two.registry.stream(ID);
    await redis.flushall();
    interrupt(one, two);
    await two.renew();
    await two.registry.advanceFailover(ID, -1, NEXT);
    expect((await one.renew()).commands).toEqual([{ kind: 'failover', streamId: ID }]);
    expect((await one.registry.stream(ID))?.failover.index).toBe(0);
    interrupt(one);
    expect((await one.renew()).commands).toEqual([]);
  });

  it('is begun again for all, also where a worker remembers its backup', async () => {
    const { one, two } = await pair();
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    await one.registry.advanceFailover(ID, -1, NEXT);
    await one.registry.stream(ID);
    await one.registry.leave(report('a'));
    expect(await two.watch('b')).toMatchObject({ stream: { failover: { index: -1 } } });
    interrupt(one);
    await one.renew();
    expect((await one.registry.stream(ID))?.failover.index).toBe(-1);
  });

  it.each(['nobody watches', 'somebody still watches'])(
    'deleted on one worker and created on another, both in an outage, is new there, where %s',
    async (who) => {
      const { one, two } = await pair();
      await one.registry.createStream(SPEC, 0);
      await two.registry.stream(ID);
      const watched = who !== 'nobody watches';
      if (watched) await two.watch('b');
      interrupt(one, two);
      await one.registry.deleteStream(ID);
      await new Promise((resolve) => setTimeout(resolve, 2));
      expect(await two.registry.createStream(TWO, 0)).toMatchObject({ existing: false });
      for (const each of [one, two, one, two]) await each.renew();
      expect(await one.registry.stream(ID)).toMatchObject({ metadata: { name: 'two' } });
      expect(await one.registry.clients(ID)).toHaveLength(watched ? 1 : 0);
    },
  );

  /** As if nothing had happened for a minute. */
  const age = async () => {
    for (const id of await redis.zrange(keys.streamIds, '0', '-1')) {
      await redis.zadd(keys.streamIds, Date.now() - 60_000, id);
    }
  };
  const THREE = { ...SPEC, id: 'c'.repeat(32) };

  it('gives way to a new one at the limit, for every worker, and is no loss that is written back', async () => {
    const { one, two } = await pair();
    await one.registry.createStream(SPEC, 1);
    await two.registry.stream(ID);
    await age();
    expect(await two.registry.createStream(THREE, 1)).toMatchObject({ existing: false });
    for (const each of [one, two, one, two, one, two]) await each.renew();
    expect([one, two].map(({ registry }) => registry.remembered(ID))).toEqual([undefined, undefined]);
    expect((await one.registry.streams()).map(({ id }) => id)).toEqual([THREE.id]);
    expect([...one.losses, ...two.losses]).toEqual([]);
    expect((await one.watch('late')).kind).toBe('no_stream');
  });

  it.each(['gave way to a new one', 'was kept for long enough'])(
    'and %s is written back by a worker that was away and has viewers of it',
    async (why) => {
      const { one, two } = await pair();
      await one.registry.createStream(SPEC, 1);
      await one.watch('a');
      await redis.del(keys.leasePrefix + one.me.incarnation);
      await two.registry.cleanup(1_000_000_000);
      await age();
      if (why.startsWith('gave')) await two.registry.createStream(THREE, 1);
      else await two.registry.cleanup(30_000);
      expect(await redis.exists(keys.spec(ID))).toBe(0);
      const { commands } = await one.renew();
      expect(commands).toEqual([]);
      expect(await redis.hget(keys.stream(ID), 'clients')).toBe('1');
      expect(one.registry.remembered(ID)).toBeDefined();
    },
  );

  it('does not give way while Redis is young, and its viewers may not have been told of', async () => {
    const registry = await worker('w1', { youngMs: 60_000 });
    await registry.createStream(SPEC, 1);
    await age();
    expect(await registry.createStream(THREE, 1)).toBe('full');
    await redis.set(keys.born, Date.now() - 61_000);
    expect(await registry.createStream(THREE, 1)).toMatchObject({ existing: false });
  });

  it('is found behind more watched ones than are looked at in one step', async () => {
    const registry = await worker('w1');
    for (let n = 0; n < 600; n++) {
      await registry.createStream({ ...SPEC, id: n.toString(16).padStart(32, '0') }, 0);
      await redis.hset(keys.clients(n.toString(16).padStart(32, '0')), 'c', '{}');
    }
    await age();
    await registry.createStream(SPEC, 0);
    await redis.zadd(keys.streamIds, Date.now() - 59_000, ID);
    expect(await registry.createStream(THREE, 601)).toBe('full');
    expect(await registry.createStream(THREE, 601)).toMatchObject({ existing: false });
    expect(await redis.exists(keys.spec(ID))).toBe(0);
  });

  it('is written back with all others, however much they are together', async () => {
    const { one } = await pair();
    const ids = Array.from({ length: 300 }, (_, n) => n.toString(16).padStart(32, '0'));
    const metadata = { text: 'x'.repeat(15_000) };
    for (const id of ids) await one.registry.createStream({ ...SPEC, id, metadata }, 0);
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    await redis.flushall();
    await redis.set(`${keys.deletedPrefix}${ids[3]}`, Date.now() + 1_000);
    const { commands } = await one.renew();
    expect(commands).toEqual([{ kind: 'delete', streamId: ids[3] }]);
    expect((await one.registry.streams()).map(({ id }) => id).sort()).toEqual(
      [...ids.filter((id) => id !== ids[3]), ID].sort(),
    );
    expect(await redis.hget(keys.stream(ID), 'clients')).toBe('1');
  });

  it('is not made anew in an outage while somebody watches it on another worker', async () => {
    const { one, two } = await pair();
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    await one.registry.advanceFailover(ID, -1, NEXT);
    await one.registry.stream(ID);
    interrupt(one, two);
    expect(await two.registry.createStream(TWO, 0)).toMatchObject({ existing: true, stream: { metadata: {} } });
    await two.renew();
    await one.renew();
    expect(await one.registry.stream(ID)).toMatchObject({ metadata: {}, failover: NEXT });
  });

  it.each(['first', 'last'])(
    'is what its viewers watch, whose worker comes back %s to an empty Redis',
    async (when) => {
      const { one, two } = await pair();
      await one.registry.createStream(SPEC, 0);
      await one.watch('a');
      await two.registry.stream(ID);
      await redis.flushall();
      interrupt(one, two);
      // It cannot ask the first one, which nobody could foresee.
      const alone = await resilient('w3', redis, NOBODY, 0);
      interrupt(alone);
      await alone.registry.createStream(TWO, 0);
      for (const each of when === 'first' ? [one, alone, two] : [alone, two, one]) await each.renew();
      await alone.renew();
      expect(await two.registry.stream(ID)).toMatchObject({ metadata: {} });
      expect(await two.registry.createStream(TWO, 0)).toMatchObject({ existing: true, stream: { metadata: {} } });
    },
  );

  it('is made anew in an outage, and stays so when Redis is back as it was', async () => {
    const { one, two } = await pair();
    await one.registry.createStream(SPEC, 0);
    await one.watch('a');
    await one.registry.leave(report('a'));
    await two.registry.stream(ID);
    interrupt(two);
    expect(await two.registry.createStream(TWO, 0)).toMatchObject({ existing: false });
    await two.renew();
    interrupt(one);
    await one.renew();
    expect(await one.registry.stream(ID)).toMatchObject({ metadata: { name: 'two' } });
  });

  it('has no viewers on a worker that has died', async () => {
    const [one, two] = await Promise.all([worker('w1'), worker('w2')]);
    await one?.createStream(SPEC, 0);
    if (one === undefined || two === undefined) throw new Error('two workers');
    await join(one, 'w1', 'a');
    await sleep(LEASE_MS + 50);
    await redis.zadd(keys.streamIds, Date.now() - GRACE_MS, ID);
    expect(await two.createStream(TWO, 0)).toMatchObject({ existing: false, stream: { metadata: { name: 'two' } } });
  });

  it('does not come out of an outage as one that was just used', async () => {
    const { one } = await pair();
    await one.registry.createStream(SPEC, 0);
    const accessed = await redis.zscore(keys.streamIds, ID);
    await sleep(20);
    await redis.flushall();
    await one.renew();
    // The clocks of Redis and of the worker may be a millisecond apart.
    expect(Number(await redis.zscore(keys.streamIds, ID)) - Number(accessed)).toBeLessThan(20);
  });
});

describe('a slow Redis', () => {
  it('is asked once too long, then no more until it is quick, whatever the renewals say', async () => {
    await redis.flushall();
    const proxy = await startTcpProxy({ target: server });
    const through = new Redis({ port: proxy.port, maxRetriesPerRequest: 0, commandTimeout: 4_000 });
    try {
      const one = await resilient('w1', through);
      await one.registry.createStream(SPEC, 0);
      proxy.delay(2_000);
      const timed = async (action: () => Promise<unknown>) => {
        const startMs = performance.now();
        await action();
        return performance.now() - startMs;
      };
      const first = await timed(() => one.watch('a'));
      expect(first).toBeGreaterThan(900);
      expect(first).toBeLessThan(1_500);
      for (let n = 0; n < 3; n++) expect(await timed(() => one.watch(`b${n}`))).toBeLessThan(200);
      const renewal = timed(one.renew);
      expect(await timed(() => one.watch('c'))).toBeLessThan(700);
      expect(await renewal).toBeLessThan(3_000);
      // It has answered, slowly: that changes nothing for viewers, and what is here is told with the next renewal.
      expect(await timed(() => one.watch('d'))).toBeLessThan(200);
      expect(await timed(one.renew)).toBeLessThan(3_000);
      expect(await redis.hget(keys.stream(ID), 'clients')).toBe('6');
      expect(one.outages).toHaveLength(1);
      proxy.delay(0);
      await one.renew();
      await one.watch('e');
      expect(await redis.hget(keys.stream(ID), 'clients')).toBe('7');
      expect(one.outages).toHaveLength(1);
    } finally {
      through.disconnect();
      await proxy.close();
    }
  });

  it('leaves no counters of those who left in it', async () => {
    await redis.flushall();
    const proxy = await startTcpProxy({ target: { host: '127.0.0.1', port: server.port } });
    const through = new Redis(`redis://127.0.0.1:${proxy.port}`, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
    through.on('error', () => undefined);
    try {
      const one = await resilient('w1', through);
      await one.registry.createStream(SPEC, 0);
      const stays = await one.watch('stays');
      const leaves = await one.watch('leaves');
      if (stays.kind !== 'joined' || leaves.kind !== 'joined') throw new Error('not joined');
      const report = ({ client }: typeof stays) => ({ ...client, clientId: client.id, bytesServed: 5 });
      await one.registry.report([report(stays), report(leaves)]);
      await one.renew();
      proxy.cut();
      await one.registry.leave(report(leaves));
      await until(() => through.status === 'ready', { what: 'the connection to Redis' });
      await one.renew();
      await one.renew();
      const counted = await redis.hkeys(keys.countersPrefix + one.me.incarnation);
      expect(counted).toEqual([`${ID} ${stays.client.id}`]);
    } finally {
      through.disconnect();
      await proxy.close();
    }
  });
});

describe('streams with the same sources', () => {
  const [A, B] = ['a', 'b'].map((digit) => digit.repeat(32)) as [string, string];
  const spec = (id: string) => ({ ...SPEC, id, failoverUrls: ['http://backup/'] });
  const NEXT = { index: 0, attempts: 1, lastAtMs: 4_000_000_000_000, currentUrl: 'http://backup/' };
  const indexes = async (one: { stream: RedisRegistry['stream'] }) =>
    Promise.all([A, B].map(async (id) => (await one.stream(id))?.failover.index));

  beforeEach(async () => {
    await redis.flushall();
  });

  it('follow one that a worker of an earlier version has moved alone, and are of one group also where that created them', async () => {
    const one = await worker('w1');
    await one.createStream(spec(A), 0);
    // As an earlier version writes it: it knows no groups.
    const { group: _, ...fields } = await redis.hgetall(keys.spec(A));
    await redis.hset(keys.spec(B), { ...fields, spec: JSON.stringify(spec(B)), failover: JSON.stringify(NEXT) });
    await redis.zadd(keys.streamIds, Date.now(), B);
    expect(await indexes(one)).toEqual([-1, 0]);
    await one.join({ client: { ...viewer('w1'), streamId: B }, clientId: 'viewer', cap: 10, localSlots: [] });
    expect(await indexes(one)).toEqual([0, 0]);
    expect((await one.advanceFailover(A, 0, { ...NEXT, index: 1 }))?.streams).toHaveLength(2);
    expect(await indexes(one)).toEqual([1, 1]);
  });

  it('play on together when Redis has lost what it knows of the group', async () => {
    const one = await resilient('w1');
    for (const id of [A, B]) await one.registry.createStream(spec(id), 0);
    await one.registry.advanceFailover(A, -1, NEXT);
    const [group = ''] = await redis.keys(`${keys.groupPrefix}*`);
    await redis.del(group);
    await until(
      async () => {
        await one.renew();
        return (await redis.hlen(group)) === 3;
      },
      { what: 'the group to be written back' },
    );
    expect((await one.registry.advanceFailover(B, 0, { ...NEXT, index: 1 }))?.streams).toHaveLength(2);
    for (const id of [A, B]) await one.registry.deleteStream(id);
    expect(await redis.keys(`${keys.groupPrefix}*`)).toEqual([]);
  });

  it('are where the last move in an outage has brought them, and a worker that missed it is told', async () => {
    const [one, two] = await Promise.all([resilient('w1'), resilient('w2')]);
    for (const id of [A, B]) await one.registry.createStream(spec(id), 0);
    await two.registry.stream(B);
    interrupt(one, two);
    await one.registry.advanceFailover(A, -1, NEXT);
    await one.renew();
    // By the first worker's word of the group, and by its own of a stream.
    expect((await two.renew()).commands).toEqual([A, B].map((streamId) => ({ kind: 'failover', streamId })));
    expect(await indexes(two.registry)).toEqual([0, 0]);
  });
});
