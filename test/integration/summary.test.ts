/** The summary of the streams says what a recount of the records says, whatever happened to workers, viewers and Redis. */

import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCounters } from '../../services/registry/redis/counters/client-counters.ts';
import { keys } from '../../services/registry/redis/keys.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import { defineScripts } from '../../services/registry/redis/scripts.ts';
import { readSummaries } from '../../services/registry/redis/summary.ts';
import type { StreamSummary } from '../../services/registry/registry.ts';
import { ResilientRegistry } from '../../services/registry/resilient/resilient-registry.ts';
import type { ClientReport, NamedSession } from '../../services/registry/types.ts';
import { IDLE } from '../support/idle-worker.ts';
import { startRedis } from '../support/redis.ts';
import { pick, seeded, TEST_SEED } from '../support/seed.ts';
import { SPEC } from '../support/stream-spec.ts';

const SPECS = ['a', 'b', 'c', 'd'].map((letter) => ({ ...SPEC, id: letter.repeat(32) }));
const STEPS = 400;
/** A session that is not seen for this long may end. */
const SESSION_MS = 20;

let server: Awaited<ReturnType<typeof startRedis>>;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

let count = 0;

/** A worker on a connection of its own, which can be taken from it. */
async function startWorker(workerId: string) {
  const link = new Redis(server.url, { enableOfflineQueue: false, retryStrategy: () => null, lazyConnect: true });
  link.on('error', () => undefined);
  await link.connect();
  const me = { workerId, incarnation: `i${++count}`, address: `${workerId}:9085`, zone: undefined };
  const options = { leaseMs: 600_000, youngMs: 0, graceMs: 600_000, show: () => ({ url: '', profile: '' }) };
  const shared = new RedisRegistry(link, me, options);
  const bugs: unknown[] = [];
  const registry = new ResilientRegistry(shared, me, {
    onOutage: () => undefined,
    onBug: (error) => bugs.push(error),
    onLoss: () => undefined,
    onBadRecord: (error) => bugs.push(error),
    introduce: async () => undefined,
    others: { exist: false, streamReports: async () => [], place: async () => undefined },
    youngMs: 0,
    graceMs: 600_000,
  });
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  // Without the registry, a worker creates a stream that it does not know anew, and its bytes begin at 0.
  for (const { id } of SPECS) await registry.stream(id);
  const viewers: ClientReport[] = [];
  const sessions: NamedSession[] = [];
  return {
    ...{ me, link, registry, viewers, sessions, bugs },
    async renew(): Promise<void> {
      // As a worker does it: what the registry says has ended, ends here.
      const renewed = await registry.renew(IDLE).catch(() => undefined);
      for (const command of renewed?.commands ?? []) {
        if (command.kind === 'renamed') {
          const viewer = viewers.find(({ clientId }) => clientId === command.clientId);
          if (viewer !== undefined) viewer.clientId = command.newId;
        }
        if (command.kind !== 'delete') continue;
        for (const viewer of viewers.filter(({ streamId }) => streamId === command.streamId)) {
          viewers.splice(viewers.indexOf(viewer), 1);
          await registry.leave(viewer);
        }
      }
    },
  };
}

type TestWorker = Awaited<ReturnType<typeof startWorker>>;

/** What the records say of a stream, read one by one. */
async function recounted(id: string): Promise<StreamSummary> {
  const [spec, clients, slots, owner, score] = await Promise.all([
    redis.hgetall(keys.spec(id)),
    redis.hgetall(keys.clients(id)),
    redis.hgetall(keys.slots(id)),
    redis.hgetall(`${keys.ownerPrefix}p:${id}:0`),
    redis.zscore(keys.streamIds, id),
  ]);
  let [bytesServed, segmentsServed] = [Number(spec.bytesServed), Number(spec.segmentsServed)];
  let lastAccessMs = Number(score);
  let viewers = 0;
  for (const [clientId, text] of Object.entries(clients)) {
    const { incarnation } = JSON.parse(text) as { incarnation: string };
    const counters = readCounters((await redis.hget(keys.countersPrefix + incarnation, `${id} ${clientId}`)) ?? '');
    if (counters === undefined) throw new Error(`${clientId} of ${id} has no counters`);
    bytesServed += counters.bytesServed;
    segmentsServed += counters.segmentsServed;
    lastAccessMs = Math.max(lastAccessMs, counters.lastAccessMs);
    // One that has been cleaned up and joins has a living worker, which is about to renew its lease.
    const isKnown = (await redis.sismember(keys.incarnations, incarnation)) === 1;
    if (!isKnown || (await redis.exists(keys.leasePrefix + incarnation)) === 1) viewers++;
  }
  const processes = viewers === 0 ? 0 : Object.keys(slots).length;
  return {
    ...{ viewers, processes, bytesServed, segmentsServed, lastAccessMs },
    watched: spec.watched !== '0',
    owner: owner.worker,
  };
}

async function expectTrue(what: string): Promise<Map<string, StreamSummary>> {
  const fields = await redis.hgetall(keys.summary);
  const ids: string[] = [];
  // Nobody may have the record of a listed stream any more.
  for (const id of await redis.zrange(keys.streamIds, '0', '-1')) {
    if ((await redis.exists(keys.spec(id))) === 1) ids.push(id);
  }
  const own = ids.filter((id) => fields[id] !== undefined);
  expect(own.sort(), `${what}: whose summaries there are`).toEqual(ids.sort());
  const summaries = await readSummaries(redis, defineScripts(redis));
  expect(await redis.hgetall(keys.summary), `${what}: the reading mends nothing`).toEqual(fields);
  for (const [id, summary] of summaries) {
    // The last access in sums of the current viewers may be that of a viewer who has left; it is never too old.
    const { lastAccessMs, ...recount } = await recounted(id);
    const { lastAccessMs: summedMs, ...summed } = summary;
    expect(summed, `${what}: ${id}`).toEqual(recount);
    expect(summedMs, `${what}: last access of ${id}`).toBeGreaterThanOrEqual(lastAccessMs);
  }
  return summaries;
}

/** What is done to a cluster at random. */
class Play {
  readonly workers: TestWorker[] = [];
  readonly #random: () => number;
  #viewers = 0;
  /** Workers without Redis. */
  readonly #away = new Set<TestWorker>();

  constructor(random: () => number) {
    this.#random = random;
  }

  async begin(): Promise<void> {
    await redis.flushall();
    const first = await startWorker('w1');
    for (const spec of SPECS) await first.registry.createStream(spec, 0);
    this.workers.push(first, await startWorker('w2'), await startWorker('w3'));
  }

  end(): void {
    for (const { link } of this.workers) link.disconnect();
  }

  #any(): TestWorker {
    return pick(this.#random, this.workers);
  }

  readonly does: Record<string, () => Promise<void>> = {
    create: async () => void (await this.#any().registry.createStream(pick(this.#random, SPECS), 0)),
    join: async () => {
      const { me, registry, viewers } = this.#any();
      const { id: streamId } = pick(this.#random, SPECS);
      const connectedAtMs = Date.now();
      const answer = await registry.join({
        client: {
          ...{ streamId, workerId: me.workerId, userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined },
          ...{ connectedAtMs, lastAccessMs: connectedAtMs, bytesServed: 0, segmentsServed: 0 },
        },
        clientId: `c${this.#viewers++ % 20}`,
        cap: 2,
        localSlots: [],
      });
      if (answer.kind !== 'joined') return;
      const { id: clientId } = answer.client;
      const report = { streamId, clientId, connectedAtMs, bytesServed: 0, segmentsServed: 0 };
      viewers.push({ ...report, lastAccessMs: connectedAtMs });
    },
    leave: async () => {
      const { registry, viewers } = this.#any();
      const [viewer] = viewers.splice(Math.floor(this.#random() * viewers.length), 1);
      if (viewer !== undefined) await registry.leave(viewer);
    },
    report: async () => {
      const { registry, viewers } = this.#any();
      for (const viewer of viewers) {
        viewer.bytesServed += Math.floor(this.#random() * 1e6);
        if (viewer.bytesServed % 3 === 0) viewer.skips = (viewer.skips ?? 0) + 1;
        viewer.segmentsServed += 1;
        viewer.lastAccessMs = Date.now();
      }
      await registry.report(viewers.map((viewer) => ({ ...viewer })));
    },
    renew: () => this.#any().renew(),
    'join a session': async () => {
      const { me, registry, sessions } = this.#any();
      const { id: streamId } = pick(this.#random, SPECS);
      const connectedAtMs = Date.now();
      const answer = await registry.join({
        client: {
          ...{ streamId, workerId: me.workerId, userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined },
          ...{ connectedAtMs, lastAccessMs: connectedAtMs, bytesServed: 0, segmentsServed: 0 },
        },
        clientId: `s${this.#viewers++ % 5}`,
        ...{ cap: 2, localSlots: [], session: { timeoutMs: SESSION_MS, onlyLive: false } },
      });
      if (answer.kind === 'joined') sessions.push({ streamId, clientId: answer.client.id });
    },
    'report sessions': async () => {
      const { registry, sessions } = this.#any();
      const seen = { atMs: performance.now(), timeoutMs: SESSION_MS };
      const got = { connectedAtMs: 0, bytesServed: 1000, segmentsServed: 1, lastAccessMs: Date.now(), seen };
      await registry.report(sessions.map((session) => ({ ...session, ...got })));
    },
    'end a session': async () => {
      const { registry, sessions } = this.#any();
      const [session] = sessions.splice(Math.floor(this.#random() * sessions.length), 1);
      if (session !== undefined) await registry.expire(session);
    },
    'release a slot': async () => {
      const { id } = pick(this.#random, SPECS);
      await this.#any().registry.releaseSlot(id, Math.floor(this.#random() * 2));
    },
    'hand over': async () => {
      const from = this.#any();
      const feed = `p:${pick(this.#random, SPECS).id}:0`;
      const { incarnation, epoch } = await redis.hgetall(keys.ownerPrefix + feed);
      if (incarnation !== from.me.incarnation || this.#away.has(from)) return;
      await from.registry.transfer(feed, Number(epoch), this.#any().me).catch(() => undefined);
    },
    'take for dead': async () => {
      const { me } = this.#any();
      await redis.del(keys.leasePrefix + me.incarnation);
      await this.does['clean up']?.();
    },
    die: async () => {
      const at = Math.floor(this.#random() * this.workers.length);
      const [dead] = this.workers.splice(at, 1);
      if (dead === undefined) return;
      dead.link.disconnect();
      this.#away.delete(dead);
      await redis.del(keys.leasePrefix + dead.me.incarnation);
      this.workers.push(await startWorker(`later-${count}`));
    },
    'clean up': async () => void (await this.#any().registry.cleanup(3_600_000)),
    'lose Redis': async () => {
      const worker = this.#any();
      if (this.#away.has(worker)) return;
      const closed = once(worker.link, 'end');
      worker.link.disconnect();
      await closed;
      this.#away.add(worker);
    },
    'find Redis again': async () => {
      for (const worker of this.#away) await this.#reconnect(worker);
    },
  };

  /** What makes Redis forget. */
  readonly harms: Record<string, () => Promise<void>> = {
    'delete a stream': async () => void (await this.#any().registry.deleteStream(pick(this.#random, SPECS).id)),
    'drop keys': async () => {
      for (const key of await redis.keys('*')) if (this.#random() < 0.2) await redis.del(key);
    },
    'drop everything': async () => void (await redis.flushall()),
    'drop the summary': async () => void (await redis.del(keys.summary)),
    'change the summary': async () => {
      const field = pick(this.#random, SPECS).id + pick(this.#random, ['', ':current']);
      await redis.hset(keys.summary, field, pick(this.#random, ['', '1 2', 'x y z']));
    },
  };

  /** Everybody is back, and has written back what it holds. */
  async settle(): Promise<void> {
    await this.does['find Redis again']?.();
    for (let round = 0; round < 5; round++) for (const worker of this.workers) await worker.renew();
    await this.does['clean up']?.();
  }

  async #reconnect(worker: TestWorker): Promise<void> {
    this.#away.delete(worker);
    await worker.link.connect();
    await worker.renew();
  }
}

it(`is true after each of ${STEPS} steps, and no death takes bytes from a stream`, { timeout: 60_000 }, async () => {
  const random = seeded(TEST_SEED);
  const play = new Play(random);
  await play.begin();
  let served = new Map<string, number>();
  const done: string[] = [];
  try {
    for (let step = 0; step < STEPS; step++) {
      const name = pick(random, [...Object.keys(play.does), ...Array<string>(3).fill('join'), 'report', 'renew']);
      await play.does[name]?.();
      done.push(name);
      const what = `seed ${TEST_SEED}, step ${step}, after ${done.slice(-4).join(', ')}`;
      const summaries = await expectTrue(what);
      for (const [id, { bytesServed }] of summaries) {
        expect(bytesServed, `${what}: bytes of ${id}`).toBeGreaterThanOrEqual(served.get(id) ?? 0);
      }
      served = new Map([...summaries].map(([id, { bytesServed }]) => [id, bytesServed]));
    }
    expect([...served.values()].reduce((sum, bytes) => sum + bytes)).toBeGreaterThan(1e6);
    expect(play.workers.flatMap(({ bugs }) => bugs)).toEqual([]);
  } finally {
    play.end();
  }
});

it('is true again when the workers have written back what Redis has lost', { timeout: 60_000 }, async () => {
  const random = seeded(TEST_SEED + 1);
  const play = new Play(random);
  await play.begin();
  try {
    for (let round = 0; round < 25; round++) {
      const done: string[] = [];
      for (let step = 0; step < 12; step++) {
        const harm = random() < 0.15;
        const from = harm ? play.harms : play.does;
        const name = pick(random, [...Object.keys(from), ...(harm ? [] : ['join', 'join', 'report', 'renew'])]);
        await from[name]?.();
        done.push(name);
      }
      await play.settle();
      await expectTrue(`seed ${TEST_SEED}, round ${round}, after ${done.join(', ')}`);
    }
  } finally {
    play.end();
  }
});
