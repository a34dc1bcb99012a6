/** HLS viewers on two workers behind a load balancer: counted once, ended once, and what each worker asks of the registry. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Sealer } from '../../../../services/proxy/src/sealer.ts';
import { Joins } from '../../../../services/proxy/src/viewers/joins.ts';
import type { Viewer } from '../../../../services/proxy/src/viewers/seating.ts';
import { Sessions } from '../../../../services/proxy/src/viewers/sessions/sessions.ts';
import { RedisRegistry } from '../../../../services/registry/redis/redis-registry.ts';
import { ResilientRegistry } from '../../../../services/registry/resilient/resilient-registry.ts';
import { type Clock, systemClock } from '../../../../services/shared/clock.ts';
import { IDLE } from '../../../support/idle-worker.ts';
import { SimulatedRedis } from '../../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../../support/stream-spec.ts';
import { LOG } from '../../processes/support.ts';

const CLIENT_TIMEOUT_MS = 10_000;
const TTL_MS = 3_600_000;
let nowMs = 0;
let redis: SimulatedRedis;
let asked: string[];
let secrets: [string, ...string[]];

beforeEach(() => {
  nowMs = 1_764_000_000_000;
  redis = new SimulatedRedis({ now: () => nowMs });
  asked = [];
  secrets = ['a secret'];
});

async function worker(workerId: string) {
  const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
  const ticks = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    setInterval: (tick) => {
      ticks.add(tick);
      return tick as never;
    },
    clearInterval: (tick) => void ticks.delete(tick as never),
  };
  let isCut = false;
  let isDraining = false;
  let isElsewhere = false;
  const connection = redis.connection(async ({ name, perform }) => {
    if (isCut) throw new Error('Connection is closed.');
    if (name !== 'renew' && name !== 'missing') asked.push(`${workerId} ${name}`);
    return perform();
  });
  const times = { youngMs: 0, graceMs: 3_000, clock };
  const fails = (error: unknown) => {
    throw error;
  };
  const shared = new RedisRegistry(connection, me, {
    ...times,
    leaseMs: 5_000,
    show: () => ({ url: '', profile: '' }),
  });
  const registry = new ResilientRegistry(shared, me, {
    ...{ ...times, onOutage: () => undefined, onLoss: () => undefined, onBug: fails, onBadRecord: fails },
    introduce: async () => undefined,
    others: { exist: false, streamReports: async () => [], place: async () => undefined },
  });
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  await registry.createStream(SPEC, 0);
  const tracked = new Set<{ report?: () => unknown; bytesServed: () => number; close: () => void }>();
  const joins = new Joins(clock);
  const sessions = new Sessions({
    ...{ registry, clock, log: LOG, sealer: new Sealer(() => secrets) },
    ...{ ticketTtlMs: TTL_MS, clientTimeoutMs: CLIENT_TIMEOUT_MS, isDraining: () => isDraining },
    ...{ isElsewhere: () => isElsewhere, startOf: () => 'warm', hasOthers: () => true },
    seating: { joinSession: fails as never },
    playback: {
      joins,
      assertRoom: () => undefined,
      track: (session) => {
        tracked.add(session);
        return () => void tracked.delete(session);
      },
    },
  });
  const viewer = (): Viewer => ({
    ...{ streamId: SPEC.id, workerId, userAgent: 'hls.js', ipAddress: '192.0.2.1', username: undefined },
    ...{ connectedAtMs: nowMs, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 },
  });
  return {
    ...{ registry, sessions, tracked, joins },
    cut: (is: boolean) => {
      isCut = is;
    },
    drain: () => {
      isDraining = true;
    },
    /** Another worker gets what its viewers get. */
    isLeft: () => {
      isElsewhere = true;
    },
    die: () => registry.leaveCluster(),
    entry: (clientId?: string, username?: string) => sessions.entry({ ...viewer(), username }, clientId),
    enter: (ticket: string) => sessions.enter(SPEC.id, { ticket }, viewer),
    enterAs: (clientId: string) => sessions.enter(SPEC.id, { clientId }, viewer),
    /** What a worker does once a second. */
    async second(): Promise<void> {
      for (const session of tracked) {
        const report = session.report?.();
        if (report !== undefined) await registry.report([report as never]);
      }
      for (const command of (await registry.renew(IDLE).catch(() => undefined))?.commands ?? []) {
        if (command.kind === 'ended') sessions.ended(command);
        if (command.kind === 'disconnect') await sessions.disconnect(command.clientId, command.streamId, command.atMs);
      }
      for (const tick of ticks) tick();
      // What a sweep has begun asks the registry.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

type TestWorker = Awaited<ReturnType<typeof worker>>;

async function pass(ms: number, ...workers: TestWorker[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    nowMs += 1_000;
    for (const each of workers) await each.second();
  }
}

/** A viewer that gets a playlist and a segment every two seconds, from the workers in turn. */
async function watches(ms: number, ticket: string, ...workers: TestWorker[]): Promise<void> {
  for (let passed = 0, n = 0; passed < ms; passed += 2_000) {
    for (const bytes of [500, 100_000]) {
      const session = await (workers[n++ % workers.length] as TestWorker).enter(ticket);
      session.endures(6_000);
      session.count(bytes);
      if (bytes > 1_000) session.countSegment();
    }
    await pass(2_000, ...workers);
  }
}

const two = () => Promise.all([worker('w1'), worker('w2')]);
const joins = () => asked.filter((each) => each.endsWith(' join'));
const expires = () => asked.filter((each) => each.endsWith(' expire'));

describe('a viewer whose requests go to two workers in turn', () => {
  it('is counted once, from its first media playlist on, and each worker asks once', async () => {
    const [one, other] = await two();
    const ticket = one.entry();
    expect([await one.registry.clients(), joins()]).toEqual([[], []]);
    await watches(300_000, ticket, one, other);
    const [client, ...others] = await one.registry.clients();
    expect(others).toEqual([]);
    expect(client).toMatchObject({ bytesServed: 150 * 100_500, segmentsServed: 150, userAgent: 'hls.js' });
    expect(joins()).toEqual(['w1 join', 'w2 join']);
    expect(expires()).toEqual([]);
  });

  it('has joined when it gets its first byte, once, whichever worker it goes to then', async () => {
    const [a, b] = [await worker('a'), await worker('b')];
    const ticket = a.entry();
    const [here, there] = [await a.enter(ticket), await b.enter(ticket)];
    for (const session of [here, there, here]) session.count(100);
    expect([a, b].map(({ joins }) => joins.counts.get('ok'))).toEqual([1, 0]);
    expect(a.joins.counts.get('failed')).toBe(0);
  });

  it('is counted out once, when neither has seen it for its timeout', async () => {
    const [one, other] = await two();
    await watches(20_000, one.entry(), one, other);
    // The last requests were two seconds ago.
    await pass(CLIENT_TIMEOUT_MS - 2_000, one, other);
    expect(await other.registry.clients()).toHaveLength(1);
    await pass(4_000, one, other);
    expect(await other.registry.clients()).toEqual([]);
    expect([one.sessions.size, other.sessions.size, one.tracked.size, other.tracked.size]).toEqual([0, 0, 0, 0]);
    expect(expires().sort()).toEqual(['w1 expire', 'w2 expire']);
    expect(await one.registry.stream(SPEC.id)).toMatchObject({ bytesServed: 10 * 100_500, segmentsServed: 10 });
  });

  it('keeps its place when one of them sees it no longer', async () => {
    const [one, other] = await two();
    const ticket = one.entry();
    await watches(10_000, ticket, one, other);
    for (let n = 0; n < 10; n++) {
      await other.enter(ticket);
      await pass(2_000, one, other);
    }
    expect([one.sessions.size, other.sessions.size]).toEqual([0, 1]);
    expect(await one.registry.clients()).toHaveLength(1);
    expect(joins()).toHaveLength(2);
  });

  it('goes on when one of them dies, and is the same session', async () => {
    const [one, other] = await two();
    const ticket = one.entry('tv');
    await watches(10_000, ticket, one, other);
    const before = (await other.registry.clients())[0];
    await one.die();
    await watches(20_000, ticket, other);
    expect(await other.registry.clients()).toMatchObject([
      { id: 'tv', connectedAtMs: before?.connectedAtMs, segmentsServed: 15 },
    ]);
    expect(joins()).toHaveLength(2);
  });

  it('may pause for 30 s, and joins again unnoticed', async () => {
    const [one, other] = await two();
    const ticket = one.entry('tv');
    await watches(10_000, ticket, one, other);
    await pass(30_000, one, other);
    expect(await one.registry.clients()).toEqual([]);
    await watches(10_000, ticket, one, other);
    expect(await one.registry.clients()).toMatchObject([{ id: 'tv' }]);
    expect((await one.registry.stream(SPEC.id))?.segmentsServed).toBe(5);
  });

  it('is counted again when it comes back in the moment after its time, which a cleanup has used', async () => {
    const [one, other] = await two();
    const ticket = one.entry('tv');
    await one.enter(ticket);
    await pass(CLIENT_TIMEOUT_MS, one, other);
    nowMs += 500;
    expect((await other.registry.cleanup(1e9)).expiredSessions).toHaveLength(1);
    expect(await one.enter(ticket)).toMatchObject({ client: { id: 'tv' } });
    expect(await other.registry.clients()).toMatchObject([{ id: 'tv' }]);
    expect([one.sessions.size, one.tracked.size]).toEqual([1, 1]);
  });

  it('has one session in two players with a drawn id each', async () => {
    const [one, other] = await two();
    await watches(4_000, one.entry(), one, other);
    await watches(4_000, other.entry(), one, other);
    expect(await one.registry.clients()).toHaveLength(2);
  });
});

describe('how long a session may be silent', () => {
  it.each<[string, number, number]>([
    ['CLIENT_TIMEOUT, whatever the target duration', 6_000, CLIENT_TIMEOUT_MS],
    ['three target durations, if they are longer', 18_000, 18_000],
    ['minutes at the end of a film', 120_000, 120_000],
  ])('%s', async (_, enduresMs, lastsMs) => {
    const one = await worker('w1');
    const session = await one.enter(one.entry());
    session.endures(enduresMs);
    await pass(lastsMs, one);
    expect(await one.registry.clients()).toHaveLength(1);
    await pass(3_000, one);
    expect(await one.registry.clients()).toEqual([]);
  });

  it('does not count while a response is under way', async () => {
    const one = await worker('w1');
    const done = (await one.enter(one.entry())).sending();
    await pass(60_000, one);
    expect(await one.registry.clients()).toHaveLength(1);
    done();
    done();
    await pass(CLIENT_TIMEOUT_MS, one);
    expect(await one.registry.clients()).toHaveLength(1);
    await pass(3_000, one);
    expect(await one.registry.clients()).toEqual([]);
  });
});

describe('a session that was disconnected', () => {
  const gone = { status: 410 };

  it('stays away on every worker for as long as its player asks, and for a minute more', async () => {
    const [one, other] = await two();
    const ticket = one.entry('tv');
    await watches(4_000, ticket, one, other);
    await one.sessions.disconnect('tv', undefined, nowMs);
    await one.registry.send({ kind: 'disconnect', clientId: 'tv', atMs: nowMs }, 'w2');
    expect(await one.registry.clients()).toEqual([]);
    await pass(1_000, one, other);
    for (let n = 0; n < 60; n++) {
      for (const each of [one, other]) await expect(each.enter(ticket)).rejects.toMatchObject(gone);
      await pass(2_000, one, other);
    }
    expect([await one.registry.clients(), one.sessions.size, other.sessions.size]).toEqual([[], 0, 0]);
    await pass(61_000, one, other);
    expect(await one.enter(ticket)).toMatchObject({ client: { id: 'tv' } });
  });

  it('does not keep its player from opening the stream anew, with the same client id', async () => {
    const [one, other] = await two();
    await one.enter(one.entry('tv'));
    await one.sessions.disconnect('tv', SPEC.id, nowMs);
    nowMs += 500;
    const again = one.entry('tv');
    await one.enter(again);
    // The command comes late.
    await other.sessions.disconnect('tv', SPEC.id, nowMs - 500);
    expect(await other.enter(again)).toMatchObject({ client: { id: 'tv' } });
    expect(await one.registry.clients()).toHaveLength(1);
  });

  it('is refused by its bare client id, and by no other stream', async () => {
    const one = await worker('w1');
    await one.registry.createStream({ ...SPEC, id: 'b'.repeat(32), url: 'http://provider/2.ts' }, 0);
    await one.enterAs('tv');
    await one.sessions.disconnect('tv', SPEC.id, nowMs);
    await expect(one.enterAs('tv')).rejects.toMatchObject(gone);
    await one.sessions.disconnect('radio', 'b'.repeat(32), nowMs);
    expect(await one.enterAs('radio')).toMatchObject({ client: { id: 'radio' } });
  });

  it('is found by the long id that its player has', async () => {
    const one = await worker('w1');
    const ticket = one.entry('x'.repeat(128));
    await one.enter(ticket);
    await one.sessions.disconnect('x'.repeat(128), undefined, nowMs);
    await expect(one.enter(ticket)).rejects.toMatchObject(gone);
    expect(await one.registry.clients()).toEqual([]);
  });
});

describe('a ticket', () => {
  it('says who plays, whatever later requests say', async () => {
    const [one, other] = await two();
    const ticket = one.entry('tv', 'joe');
    expect(await other.enter(ticket)).toMatchObject({ client: { id: 'tv', username: 'joe' } });
  });

  it('that is forged, or of another stream, is refused', async () => {
    const one = await worker('w1');
    const other = one.sessions.entry({ streamId: 'b'.repeat(32) } as Viewer, 'tv');
    for (const text of ['', '00', 'zz', other]) await expect(one.enter(text)).rejects.toMatchObject({ status: 403 });
    expect(asked.filter((each) => each.endsWith('join'))).toEqual([]);
  });

  it('begins nothing after its time, and goes on with what lives', async () => {
    const [one, other] = await two();
    const ticket = one.entry('tv');
    await one.enter(ticket);
    for (let passed = 0; passed < TTL_MS + 5_000; passed += 5_000) {
      await one.enter(ticket);
      await pass(5_000, one, other);
    }
    expect(await other.enter(ticket)).toMatchObject({ client: { id: 'tv' } });
    await pass(20_000, one, other);
    await expect(other.enter(ticket)).rejects.toMatchObject({ status: 403 });
    expect(await one.registry.clients()).toEqual([]);
  });

  it('plays on when the secret of the cluster changes in mid-play', async () => {
    const [one, other] = await two();
    const ticket = one.entry('tv');
    await watches(4_000, ticket, one);
    secrets = ['a new secret', 'a secret'];
    expect(await other.enter(ticket)).toMatchObject({ client: { id: 'tv' } });
    expect(await one.registry.clients()).toHaveLength(1);
  });

  it('of a stream that is deleted is worth nothing', async () => {
    const one = await worker('w1');
    const ticket = one.entry();
    await one.enter(ticket);
    await one.registry.deleteStream(SPEC.id);
    for (const session of one.tracked) session.close();
    await expect(one.enter(ticket)).rejects.toMatchObject({ status: 404 });
  });
});

describe('while Redis is away', () => {
  it('sessions go on and begin, and are one on two workers when it is back', async () => {
    const [one, other] = await two();
    const [old, young] = [one.entry('old'), one.entry('young')];
    await watches(4_000, old, one, other);
    for (const each of [one, other]) each.cut(true);
    await watches(20_000, old, one, other);
    await watches(4_000, young, one, other);
    for (const each of [one, other]) each.cut(false);
    await pass(3_000, one, other);
    expect((await one.registry.clients()).map(({ id }) => id).sort()).toEqual(['old', 'young']);
    await watches(30_000, young, one, other);
    expect(await one.registry.clients()).toMatchObject([{ id: 'young', segmentsServed: 17 }]);
    await one.registry.cleanup(1e9);
    expect(await other.registry.clients()).toHaveLength(1);
  });
});

it('a worker that drains waits for nobody who may go on with another one, and counts nobody out', async () => {
  const [one, other] = await two();
  const ticket = one.entry('tv');
  (await one.enter(ticket)).endures(120_000);
  one.drain();
  await pass(CLIENT_TIMEOUT_MS + 3_000, one, other);
  expect([one.sessions.size, (await other.registry.clients()).length]).toEqual([0, 1]);
  expect(await other.enter(ticket)).toMatchObject({ client: { id: 'tv' } });
  expect(joins()).toHaveLength(2);
});

it('a worker that drains waits two seconds for a session whose source is asked by another one, and for what it sends', async () => {
  const [one, other] = await two();
  for (const id of ['tv', 'phone']) (await one.enter(one.entry(id))).endures(120_000);
  const sending = (await one.enter(one.entry('phone'))).sending();
  one.isLeft();
  await pass(6_000, one, other);
  // Without a drain it stays.
  expect(one.sessions.size).toBe(2);
  one.drain();
  await pass(2_000, one, other);
  expect(one.sessions.size).toBe(1);
  sending();
  await pass(1_000, one, other);
  expect(one.sessions.size).toBe(1);
  await pass(4_000, one, other);
  expect([one.sessions.size, (await other.registry.clients()).length]).toEqual([0, 2]);
});

it('a worker that ends leaves its sessions to the others', async () => {
  const [one, other] = await two();
  const ticket = one.entry('tv');
  await one.enter(ticket);
  one.sessions.close();
  await one.die();
  expect([one.sessions.size, one.tracked.size]).toEqual([0, 0]);
  expect(await other.enter(ticket)).toMatchObject({ client: { id: 'tv' } });
  expect(joins()).toHaveLength(2);
  expect(await other.registry.clients()).toHaveLength(1);
});
