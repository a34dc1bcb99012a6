/** A Redis that loses keys, or says what no worker has written: one record is unavailable at the most, and what is held is written back. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BadRecordError } from '../../services/registry/bad-record.ts';
import { processFeedKey } from '../../services/registry/feed-keys.ts';
import { keys } from '../../services/registry/redis/keys.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import { ResilientRegistry } from '../../services/registry/resilient/resilient-registry.ts';
import type { JoinRequest } from '../../services/registry/types.ts';
import { IDLE } from '../support/idle-worker.ts';
import { startRedis } from '../support/redis.ts';
import { seeded, TEST_SEED } from '../support/seed.ts';
import { SPEC } from '../support/stream-spec.ts';
import { wrongInOnePlace } from '../support/wrong-values.ts';

const OTHER = { ...SPEC, id: 'b'.repeat(32) };
/** What has happened, nobody holds: when it is lost, it is lost. */
const PAST: readonly string[] = [keys.events, keys.clientEvents, keys.eventCounts];

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

async function worker(workerId: string, secret = 'secret') {
  let agreed = secret;
  const me = { workerId, incarnation: `${workerId}-${++count}`, address: `${workerId}:9085`, zone: undefined };
  const options = { leaseMs: 5_000, youngMs: 0, graceMs: 3_000, show: () => ({ url: '', profile: '' }) };
  const losses: string[] = [];
  const outages: unknown[] = [];
  const shared = new RedisRegistry(redis, me, options);
  const registry = new ResilientRegistry(shared, me, {
    onOutage: (error) => outages.push(error),
    onBug: (error) => outages.push(error),
    onLoss: (lost) => losses.push(...lost),
    onBadRecord: () => undefined,
    introduce: async () => {
      agreed = await shared.agreeOnSecret('cluster', agreed);
    },
    others: { exist: false, streamReports: async () => [], place: async () => undefined },
    youngMs: 0,
    graceMs: 3_000,
  });
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  const request = (streamId: string, clientId: string): JoinRequest => ({
    client: {
      ...{ streamId, workerId, userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined },
      ...{ connectedAtMs: 5, lastAccessMs: 5, bytesServed: 0, segmentsServed: 0 },
    },
    clientId,
    cap: 4,
    localSlots: [],
  });
  const renew = () => registry.renew(IDLE);
  return { me, shared, registry, losses, outages, request, renew, secret: () => agreed };
}

/** Two workers, two streams, a client of each on each worker. */
async function set() {
  await redis.flushall();
  const workers = [await worker('w1'), await worker('w2')] as const;
  for (const spec of [SPEC, OTHER]) await workers[0].registry.createStream(spec, 0);
  for (const { registry, request, me } of workers) {
    for (const { id } of [SPEC, OTHER]) await registry.join(request(id, `c-${request(id, '').client.workerId}`));
    await registry.acquire('s:source');
    await registry.takeConnection({ account: 'account', id: `connection-${me.incarnation}` }, 4);
    await registry.renew(IDLE);
  }
  return workers;
}

async function everything(): Promise<Record<string, unknown>> {
  const names = (await redis.keys('*')).sort();
  const passing = /^(sp:(born|lease|members|loads|restores|started|stood|streams|ended)|workers$)/;
  const read = async (key: string): Promise<unknown> => {
    switch (await redis.type(key)) {
      case 'hash': {
        const { playing, ...fields } = await redis.hgetall(key);
        // Nobody holds since when it plays, but that it does.
        return { ...fields, ...(playing === undefined ? {} : { playing: 'since some time' }) };
      }
      case 'set':
        return (await redis.smembers(key)).sort();
      default:
        return redis.get(key);
    }
  };
  const kept = names.filter((key) => !passing.test(key) && !PAST.includes(key));
  return Object.fromEntries(await Promise.all(kept.map(async (key) => [key, await read(key)])));
}

it('a command that comes with a renewal which then fails is carried out with the next', async () => {
  const [one, two] = await set();
  await two.renew();
  const command = { kind: 'failover', streamId: SPEC.id } as const;
  await one.registry.send(command);
  const cut = vi.spyOn(two.shared.restoring, 'missing').mockRejectedValue(new Error('Connection is closed.'));
  await expect(two.renew()).rejects.toThrow('closed');
  cut.mockRestore();
  expect((await two.renew()).commands).toEqual([command]);
  expect((await two.renew()).commands).toEqual([]);
});

it('the record of an owner goes with it, although Redis has dropped the list of its feeds', async () => {
  const [one, two] = await set();
  await redis.del(keys.feedsOfPrefix + one.me.incarnation, keys.leasePrefix + one.me.incarnation);
  const owners = () => redis.keys(`${keys.ownerPrefix}*`);
  expect(await owners()).toContain(`${keys.ownerPrefix}s:source`);
  await two.registry.cleanup(0);
  const left = await Promise.all((await owners()).map((key) => redis.hget(key, 'incarnation')));
  expect(left).not.toContain(one.me.incarnation);
});

it('counts a session again whose counters are gone, although no worker reports it', async () => {
  const [one] = await set();
  const session = { timeoutMs: 60_000, onlyLive: false };
  await one.registry.join({ ...one.request(SPEC.id, 'session'), session });
  const counters = `${keys.countersPrefix}sessions`;
  const before = await redis.hgetall(counters);
  expect(Object.keys(before)).toEqual([`${SPEC.id} session`]);
  await redis.del(counters);
  await one.registry.cleanup(0);
  expect(await redis.hgetall(counters)).toEqual(before);
});

describe('a key that is gone', () => {
  it('is written back by whoever holds it, whichever it is', { timeout: 60_000 }, async () => {
    const [one, two] = await set();
    const before = await everything();
    for (const key of (await redis.keys('*')).filter((each) => !PAST.includes(each))) {
      await redis.del(key);
      for (let renewals = 0; renewals < 4; renewals++) await Promise.all([one.renew(), two.renew()]);
      expect([key, await redis.exists(key)]).toEqual([key, 1]);
      expect(await everything()).toEqual(before);
    }
    expect([one.outages, two.outages]).toEqual([[], []]);
    expect(one.losses.length).toBeGreaterThan(5);
  });

  it('among many at random is written back, and everybody is counted once', { timeout: 60_000 }, async () => {
    const random = seeded(TEST_SEED);
    const [one, two] = await set();
    const before = await everything();
    for (let round = 0; round < 20; round++) {
      for (const key of await redis.keys('*')) if (random() < 0.3) await redis.del(key);
      const late = await one.registry.join(one.request(SPEC.id, `late-${round}`));
      if (late.kind !== 'joined') throw new Error(`not joined: ${late.kind}`);
      for (let renewals = 0; renewals < 4; renewals++) await Promise.all([one.renew(), two.renew()]);
      expect(await redis.hgetall(keys.slots(SPEC.id))).toEqual({ 0: '3' });
      expect(await two.registry.clients(SPEC.id)).toHaveLength(3);
      await one.registry.leave({ ...late.client, clientId: late.client.id });
    }
    expect(Object.keys(await everything())).toEqual(Object.keys(before));
  });

  it.each([
    ['later', 1, 'relay'],
    ['earlier', -1, 'own'],
  ] as const)('an owner who got a feed %s without a word to the other: there is one', async (_, step, kind) => {
    const [one, two] = await set();
    const feed = 'p:a/7';
    const made = await one.registry.acquire(feed);
    if (made.kind !== 'own') throw new Error(`not own: ${made.kind}`);
    const { workerId: worker, incarnation, address } = two.me;
    await redis.hset(keys.ownerPrefix + feed, { worker, incarnation, address, epoch: made.epoch + step });
    const moved: string[] = [];
    for (let renewals = 0; renewals < 4; renewals++) {
      moved.push(...(await one.renew()).moved.map(({ place }) => place.kind));
      await two.renew();
    }
    expect(await one.registry.acquire(feed)).toMatchObject({ kind });
    if (kind === 'relay') expect(moved).toContain(kind);
    expect([one.outages, two.outages]).toEqual([[], []]);
  });

  it('a viewer who comes finds out first that another worker makes the feed: this one is told too', async () => {
    const [one, two] = await set();
    const feed = processFeedKey(SPEC.id, 0);
    const made = await one.registry.acquire(feed);
    if (made.kind !== 'own') throw new Error(`not own: ${made.kind}`);
    await redis.del(keys.ownerPrefix + feed, keys.feedsOfPrefix + one.me.incarnation);
    await two.registry.acquire(feed);
    await one.registry.join({ ...one.request(SPEC.id, 'late'), localSlots: [0] });
    const moved = (await one.renew()).moved.filter((each) => each.feed === feed);
    expect(moved).toMatchObject([{ place: { kind: 'relay', owner: { workerId: 'w2' } } }]);
    expect((await one.renew()).moved).toEqual([]);
  });

  it('a worker that starts while the secret is gone takes on that of the others', async () => {
    await redis.flushall();
    const one = await worker('w1', 'a: the older');
    await redis.del(keys.secret('cluster'));
    const two = await worker('w2', 'b: the younger');
    expect([one.secret(), two.secret()]).toEqual(['a: the older', 'b: the younger']);
    for (let renewals = 0; renewals < 4; renewals++) await one.renew();
    for (let renewals = 0; renewals < 4; renewals++) await two.renew();
    expect([one.secret(), two.secret()]).toEqual(['a: the older', 'a: the older']);
    expect([one.losses, two.losses]).toEqual([
      [`secret ${keys.secret('cluster')}`],
      [`secret ${keys.secret('cluster')}`],
    ]);
  });

  it('a viewer who comes while the counts are gone gets no place in a full slot', async () => {
    const [one] = await set();
    const slots: unknown[] = [];
    for (const name of ['a', 'b', 'c']) {
      if (name === 'c') await redis.del(keys.slots(SPEC.id));
      const answer = await one.registry.join(one.request(SPEC.id, name));
      slots.push(answer.kind === 'joined' ? answer.slot : answer.kind);
    }
    expect(slots).toEqual([0, 0, 1]);
    expect(await redis.hgetall(keys.slots(SPEC.id))).toEqual({ 0: '4', 1: '1' });
  });

  it('a viewer who comes while the clients are gone gets no id that another one here has', async () => {
    const [one] = await set();
    const join = async () => {
      const request = one.request(SPEC.id, 'same');
      const client = { ...request.client, connectedAtMs: Date.now() + 1 };
      const answer = await one.registry.join({ ...request, client });
      return answer.kind === 'joined' ? answer.client.id : answer.kind;
    };
    const ids = [await join(), await join()];
    await redis.del(keys.clients(SPEC.id));
    ids.push(await join(), await join());
    expect(new Set(ids).size).toBe(4);
    for (let renewals = 0; renewals < 4; renewals++) await one.renew();
    expect(Object.keys(await redis.hgetall(keys.clients(SPEC.id))).filter((id) => id.startsWith('same'))).toHaveLength(
      4,
    );
  });

  it.each(['index', 'list of incarnations'])(
    'the %s of a dead worker: its clients are counted out all the same',
    async (what) => {
      const [one, two] = await set();
      const dead = two.me.incarnation;
      await redis.del(keys.leasePrefix + dead);
      if (what === 'index') await redis.del(keys.clientsOfPrefix + dead);
      else await redis.srem(keys.incarnations, dead);
      for (let renewals = 0; renewals < 4; renewals++) await one.renew();
      expect(await redis.hgetall(keys.slots(SPEC.id))).toEqual({ 0: '2' });
      const { deadIncarnations } = await one.registry.cleanup(1_000_000_000);
      expect(deadIncarnations).toEqual([dead]);
      expect(await redis.hgetall(keys.slots(SPEC.id))).toEqual({ 0: '1' });
      expect(await one.registry.clients()).toHaveLength(2);
      expect((await redis.keys('*')).filter((key) => key.includes(dead))).toEqual([keys.endedPrefix + dead]);
    },
  );

  it('does not bring a stream back that was deleted', async () => {
    const [one, two] = await set();
    await one.registry.deleteStream(SPEC.id);
    await redis.del(keys.commandsPrefix + two.me.incarnation);
    const answers = [];
    for (let renewals = 0; renewals < 4; renewals++) answers.push(await two.renew());
    expect(answers.flatMap(({ commands }) => commands)).toEqual([{ kind: 'delete', streamId: SPEC.id }]);
    expect(await two.registry.stream(SPEC.id)).toBeUndefined();
    expect(await redis.exists(keys.spec(SPEC.id))).toBe(0);
  });
});

/** Every field of every hash, every member of every set, every string; JSON in them wrong in one place, or the whole. */
async function places(): Promise<{ key: string; field: string | undefined; value: string }[]> {
  const all = [];
  for (const key of (await redis.keys('*')).sort()) {
    const type = await redis.type(key);
    if (type === 'string') all.push({ key, field: undefined, value: String(await redis.get(key)) });
    if (type !== 'hash') continue;
    for (const [field, value] of Object.entries(await redis.hgetall(key)).sort()) all.push({ key, field, value });
  }
  return all;
}

function wrongText(value: string): fc.Arbitrary<string> {
  const whole = fc.oneof(fc.constantFrom('', 'nil', '{', 'NaN', '-1', '1e999', 'null', '[]'), fc.string());
  try {
    return fc.oneof(
      whole,
      wrongInOnePlace(JSON.parse(value)).map((each) => JSON.stringify(each) ?? ''),
    );
  } catch {
    return whole;
  }
}

describe('a record that says what nobody has written', () => {
  it('makes nothing unavailable but itself', { timeout: 90_000 }, async () => {
    const random = seeded(TEST_SEED);
    const own = /^sp:(spec:|clients:|slots:|stream:|owner:|deleted:|counters-of:|summary)/;
    for (let round = 0; round < 60; round++) {
      const [one, two] = await set();
      const all = (await places()).filter(({ key }) => own.test(key) || key === keys.workers);
      const place = all[Math.floor(random() * all.length)];
      if (place === undefined) throw new Error('nothing to damage');
      const [wrong = ''] = fc.sample(wrongText(place.value), { seed: Math.floor(random() * 2 ** 31), numRuns: 1 });
      if (place.field === undefined) await redis.set(place.key, wrong);
      else await redis.hset(place.key, place.field, wrong);
      const what = `${place.key} ${place.field ?? ''} = ${wrong}`;
      const isOther = !place.key.includes(OTHER.id);
      for (const { registry, request, renew } of [one, two]) {
        await expect(registry.streams(), what).resolves.toBeInstanceOf(Array);
        await expect(registry.clients(), what).resolves.toBeInstanceOf(Array);
        await expect(registry.workers(), what).resolves.toBeInstanceOf(Array);
        const joining = registry.join(request(SPEC.id, 'new')).catch((error: unknown) => error);
        const answer = (await joining) as { kind?: string };
        if (!(answer instanceof BadRecordError)) expect(['joined', 'wait', 'full'], what).toContain(answer.kind);
        if (isOther) expect((await registry.join(request(OTHER.id, 'new'))).kind, what).toMatch(/joined|wait/);
        await expect(registry.cleanup(0, true), what).resolves.toBeDefined();
        await registry.countError(SPEC.id);
        await renew();
      }
      const streams = (await one.registry.streams()).map(({ id }) => id);
      if (isOther) expect(streams, what).toContain(OTHER.id);
      const { stream } = (await one.registry.createStream(SPEC, 0)) as { stream: { url: string } };
      expect(stream.url, what).toBe(typeof stream.url === 'string' ? stream.url : SPEC.url);
      await expect(one.registry.deleteStream(SPEC.id), what).resolves.toBe(true);
      expect([one.outages, two.outages], what).toEqual([[], []]);
    }
  });

  it('among commands does not hide the others', async () => {
    const [one] = await set();
    const list = keys.commandsPrefix + one.me.incarnation;
    await redis.rpush(list, '{', '{"kind":"dance"}', '{"kind":"lost","feed":"p:a:0"}', '{"kind":"drain"}');
    expect((await one.renew()).commands).toEqual([{ kind: 'drain' }]);
  });

  it('of another type concerns its stream alone', async () => {
    const [one] = await set();
    await redis.del(keys.spec(SPEC.id));
    await redis.set(keys.spec(SPEC.id), 'x');
    expect((await one.registry.streams()).map(({ id }) => id)).toEqual([OTHER.id]);
    await expect(one.registry.join(one.request(SPEC.id, 'n'))).rejects.toBeInstanceOf(BadRecordError);
    expect((await one.registry.join(one.request(OTHER.id, 'n'))).kind).toBe('joined');
    await sleep(0);
    expect(one.outages).toEqual([]);
  });
});
