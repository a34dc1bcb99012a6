/** Sessions that several workers serve: counted once, added up, and ended when the last worker that saw them says so, or a cleanup. */

import { beforeEach, describe, expect, it } from 'vitest';
import { filmFeedKey } from '../../../services/registry/feed-keys.ts';
import { keys } from '../../../services/registry/redis/keys.ts';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import { ResilientRegistry } from '../../../services/registry/resilient/resilient-registry.ts';
import type { Command, JoinAnswer } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../support/stream-spec.ts';

const LASTS_MS = 10_000;
const BEGUN_MS = 1_764_000_000_000;
const PAIR = `${SPEC.id} tv`;
const SESSION = { streamId: SPEC.id, clientId: 'tv' };
let nowMs = 0;
let redis: SimulatedRedis;

beforeEach(() => {
  nowMs = BEGUN_MS;
  redis = new SimulatedRedis({ now: () => nowMs });
});

async function worker(workerId: string) {
  const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
  const clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs };
  let isCut = false;
  const connection = redis.connection(async ({ perform }) => {
    if (isCut) throw new Error('Connection is closed.');
    return perform();
  });
  const times = { youngMs: 0, graceMs: 3_000, clock };
  const shared = new RedisRegistry(connection, me, {
    ...times,
    leaseMs: 5_000,
    show: () => ({ url: '', profile: '' }),
  });
  const registry = new ResilientRegistry(shared, me, {
    ...times,
    onOutage: () => undefined,
    onBug: (error) => {
      throw error;
    },
    onLoss: () => undefined,
    onBadRecord: (error) => {
      throw error;
    },
    introduce: async () => undefined,
    others: { exist: false, streamReports: async () => [], place: async () => undefined },
  });
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  await registry.createStream(SPEC, 0);
  return {
    registry,
    shared,
    cut: (is: boolean) => {
      isCut = is;
    },
    renew: async (): Promise<Command[]> => (await registry.renew(IDLE)).commands,
    enter: (onlyLive = false, cap: number | undefined = 1, alone = false): Promise<JoinAnswer> =>
      registry.join({
        alone,
        client: {
          ...{ streamId: SPEC.id, workerId, userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined },
          ...{ connectedAtMs: BEGUN_MS, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 },
        },
        ...{ clientId: 'tv', cap, localSlots: [], session: { timeoutMs: LASTS_MS, onlyLive } },
      }),
    see: (bytesServed: number) =>
      registry.report([
        {
          ...{ ...SESSION, connectedAtMs: BEGUN_MS, bytesServed, segmentsServed: 1, lastAccessMs: nowMs },
          seen: { atMs: nowMs, timeoutMs: LASTS_MS },
        },
      ]),
  };
}

const two = () => Promise.all([worker('w1'), worker('w2')]);

/** Time passes, in which these renew their leases once a second; returns what they are told. */
async function pass(ms: number, ...workers: Awaited<ReturnType<typeof worker>>[]): Promise<Command[]> {
  const told: Command[] = [];
  for (let passed = 0; passed < ms; passed += 1_000) {
    nowMs += 1_000;
    for (const each of workers) told.push(...(await each.renew()));
  }
  return told;
}

const slots = () => redis.value(keys.slots(SPEC.id));

describe('a session on two workers', () => {
  it('is counted once, and has what both have sent', async () => {
    const [one, other] = await two();
    expect(await one.enter()).toMatchObject({ kind: 'joined', slot: 0, resumed: false });
    expect(await other.enter()).toMatchObject({ kind: 'joined', slot: 0, resumed: true });
    await one.see(100);
    await other.see(20);
    await one.see(3);
    await Promise.all([one.renew(), other.renew()]);
    // What Redis knows is not told again.
    await Promise.all([one.renew(), other.renew()]);
    expect(await one.registry.clients()).toMatchObject([{ id: 'tv', bytesServed: 123, segmentsServed: 3 }]);
    expect((await other.shared.summaries()).get(SPEC.id)).toMatchObject({
      viewers: 1,
      bytesServed: 123,
      segmentsServed: 3,
    });
  });

  it('ends with the one that saw it last', async () => {
    const [one, other] = await two();
    await one.enter();
    await other.enter();
    nowMs += 8_000;
    await other.see(1);
    await other.renew();
    nowMs += 4_000;
    expect(await one.registry.expire(SESSION)).toBe('lives');
    expect(await other.registry.clients()).toHaveLength(1);
    nowMs += 6_000;
    expect(await other.registry.expire(SESSION)).toBe('expired');
    expect([redis.value(keys.sessions), slots(), redis.value(`${keys.countersPrefix}sessions`)]).toEqual(
      Array(3).fill(undefined),
    );
  });

  it('survives the end of a worker, and that of its incarnation', async () => {
    const [one, other] = await two();
    await one.enter();
    await one.see(100);
    await one.renew();
    await one.registry.leaveCluster();
    await other.registry.cleanup(1e9);
    expect(await other.enter(true)).toMatchObject({ kind: 'joined', resumed: true, client: { bytesServed: 0 } });
    await other.see(20);
    await other.renew();
    expect(await other.registry.clients()).toMatchObject([{ id: 'tv', bytesServed: 120 }]);
  });

  it('is counted out by a cleanup when the worker that saw it is dead', async () => {
    const [one, other] = await two();
    await one.enter();
    await one.see(100);
    await one.renew();
    nowMs += LASTS_MS - 1;
    await other.renew();
    expect((await other.registry.cleanup(1e9)).expiredSessions).toEqual([]);
    nowMs += 1;
    await other.renew();
    expect((await other.registry.cleanup(1e9)).expiredSessions).toEqual([SESSION]);
    expect(await other.registry.clients()).toEqual([]);
    expect(await other.registry.stream(SPEC.id)).toMatchObject({ bytesServed: 100, segmentsServed: 1 });
    expect(slots()).toBeUndefined();
  });

  it('is told to whoever reports it after it has ended; what it got stays with the stream', async () => {
    const [one, other] = await two();
    await one.enter();
    await other.enter();
    await other.see(20);
    await pass(LASTS_MS - 1_000, one, other);
    nowMs += 1_000;
    await one.renew();
    expect(await one.registry.expire(SESSION)).toBe('expired');
    await other.see(5);
    expect(await other.renew()).toEqual([{ kind: 'ended', ...SESSION }]);
    expect(await other.registry.stream(SPEC.id)).toMatchObject({ bytesServed: 25 });
    expect(other.registry.streamReport(SPEC.id).viewers).toBe(0);
    // It may begin anew.
    expect(await other.enter()).toMatchObject({ kind: 'joined', resumed: false });
    expect(await other.renew()).toEqual([]);
  });

  it('is no client of a worker: neither counts what the other one holds as missing', async () => {
    const [one, other] = await two();
    await one.enter();
    await other.enter();
    for (let n = 0; n < 6; n++) {
      nowMs += 1_000;
      expect([await one.renew(), await other.renew()]).toEqual([[], []]);
    }
    expect(await one.registry.clients()).toHaveLength(1);
  });
});

describe('a session while workers stand still', () => {
  it('keeps its slot when the leases run out', async () => {
    const [one] = await two();
    await one.enter();
    nowMs += 6_000;
    expect(await one.shared.releaseSlot(SPEC.id, 0)).toBe(false);
  });

  it('is not written back by a worker for which it is over', async () => {
    const [one, other] = await two();
    await one.enter();
    nowMs += LASTS_MS;
    await other.renew();
    expect(await other.registry.expire(SESSION)).toBe('expired');
    await one.renew();
    await one.renew();
    expect(await other.registry.clients()).toEqual([]);
  });
});

describe('a session while Redis is away', () => {
  it('goes on here, begins here, and is one session when Redis is back', async () => {
    const [one, other] = await two();
    await one.enter();
    await one.see(100);
    await one.renew();
    one.cut(true);
    await expect(one.renew()).rejects.toThrow();
    expect(await one.enter()).toMatchObject({ kind: 'joined', resumed: true, client: { id: 'tv' } });
    await one.see(10);
    one.cut(false);
    expect(await other.enter()).toMatchObject({ resumed: true });
    await one.renew();
    await one.renew();
    expect(await one.registry.clients()).toMatchObject([{ id: 'tv', bytesServed: 110 }]);
  });

  it('that began on two workers is one', async () => {
    const [one, other] = await two();
    for (const each of [one, other]) {
      each.cut(true);
      await expect(each.renew()).rejects.toThrow();
      expect(await each.enter()).toMatchObject({ kind: 'joined', resumed: false, client: { id: 'tv' } });
      await each.see(5);
      each.cut(false);
    }
    for (const each of [one, other, one, other]) await each.renew();
    expect(await one.registry.clients()).toMatchObject([{ id: 'tv', bytesServed: 10 }]);
    expect((await one.shared.summaries()).get(SPEC.id)).toMatchObject({ viewers: 1, bytesServed: 10 });
  });

  it('that loses everything is written back by those who serve it, once', async () => {
    const [one, other] = await two();
    await one.enter();
    await other.enter();
    await one.see(100);
    await one.renew();
    await one.see(7);
    redis.emptied();
    for (const each of [one, other]) expect(await each.renew()).toEqual([]);
    for (const each of [one, other]) expect(await each.renew()).toEqual([]);
    expect(await one.registry.clients()).toMatchObject([{ id: 'tv', bytesServed: 107 }]);
    nowMs += LASTS_MS;
    await one.renew();
    expect((await one.registry.cleanup(1e9)).expiredSessions).toEqual([SESSION]);
  });

  it('and whose time alone is lost gets time to be reported', async () => {
    const [one] = await two();
    await one.enter();
    redis.evict(keys.sessions);
    await pass(LASTS_MS, one);
    expect((await one.registry.cleanup(1e9)).expiredSessions).toEqual([]);
    await pass(30_000, one);
    expect((await one.registry.cleanup(1e9)).expiredSessions).toEqual([SESSION]);
  });
});

it('is a client of a living incarnation to a worker of an earlier version', async () => {
  const [one] = await two();
  await one.enter();
  const clients = redis.value(keys.clients(SPEC.id));
  const { incarnation } = JSON.parse(clients?.kind === 'hash' ? (clients.fields.get('tv') ?? '') : '') as {
    incarnation: string;
  };
  expect(redis.value(keys.leasePrefix + incarnation)).toBeDefined();
  const counters = redis.value(keys.countersPrefix + incarnation);
  expect(counters?.kind === 'hash' && counters.fields.get(PAIR)).toMatch(/^\d+ 0 0 \d+$/);
  nowMs += 4_000;
  await one.renew();
  nowMs += 4_000;
  expect(redis.value(keys.leasePrefix + incarnation)).toBeDefined();
});

describe('a film', () => {
  const film = filmFeedKey(SPEC.id, 'tv');

  it('is made by the worker that has counted its viewer in, and found by the others', async () => {
    const [one, other] = await two();
    expect(await one.enter(false, 1, true)).toMatchObject({ resumed: false, place: { kind: 'own' } });
    const found = await other.enter(false, 1, true);
    expect(found).toMatchObject({ resumed: true, place: { kind: 'relay', owner: { incarnation: 'i-w1' } } });
    expect(await one.enter(false, 1, true)).toMatchObject({ resumed: true, place: { kind: 'own' } });
  });

  it('is not taken over: who goes on with its session learns that it is gone', async () => {
    const [one, other] = await two();
    await one.enter(false, 1, true);
    await pass(6_000, other);
    const answer = await other.enter(false, 1, true);
    expect(answer).toMatchObject({ kind: 'joined', resumed: true });
    expect(answer.kind === 'joined' && answer.place).toBeUndefined();
    await one.registry.release(film);
    expect(await other.enter(false, 1, true)).toMatchObject({ place: undefined });
  });

  it('begins where its viewer begins, whoever has made one for a session of that name before', async () => {
    const [one, other] = await two();
    await one.enter(false, 1, true);
    await other.registry.leave({
      ...SESSION,
      connectedAtMs: BEGUN_MS,
      bytesServed: 0,
      segmentsServed: 0,
      lastAccessMs: 0,
    });
    expect(await other.enter(false, 1, true)).toMatchObject({ resumed: false, place: { kind: 'own' } });
    // The worker before gives up what it has: that is not this one any more.
    await one.registry.release(film);
    expect(await one.enter(false, 1, true)).toMatchObject({ place: { kind: 'relay', owner: { incarnation: 'i-w2' } } });
  });
});
