/** Who may drain, who takes viewers again, and what the registry knows of it, against a real Redis. */

import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isOutage } from '../../services/registry/outage.ts';
import { keys } from '../../services/registry/redis/keys.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import type { DrainReason, WorkerLoad } from '../../services/registry/types.ts';
import { IDLE } from '../support/idle-worker.ts';
import { startRedis } from '../support/redis.ts';
import { SPEC } from '../support/stream-spec.ts';

const LEASE_MS = 5_000;
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
beforeEach(async () => {
  await redis.flushall();
});

/** A worker as its registry sees it. It carries commands out only when a test says so. */
class FakeWorker {
  readonly registry: RedisRegistry;
  readonly id: string;
  readonly incarnation: string;
  reason: DrainReason | undefined;

  constructor(id: string) {
    this.id = id;
    this.incarnation = `i${++count}`;
    const me = { workerId: id, incarnation: this.incarnation, address: `${id}:9085`, zone: undefined };
    const show = () => ({ url: '', profile: '' });
    this.registry = new RedisRegistry(redis, me, { leaseMs: LEASE_MS, youngMs: 0, graceMs: 0, show });
  }

  get #load(): WorkerLoad {
    const draining = this.reason !== undefined;
    return { ...IDLE, draining, drainReason: this.reason, capacity: draining ? 'full' : IDLE.capacity };
  }

  /** A renewal whose answer is lost. */
  async renewInVain(): Promise<string[]> {
    return (await this.registry.renew(this.#load)).commands.map(({ kind }) => kind);
  }

  /** A renewal, and its commands carried out. */
  async renew(): Promise<string[]> {
    const commands = await this.renewInVain();
    for (const kind of commands) {
      if (kind === 'drain') this.reason ??= 'told';
      if (kind === 'undrain' && this.reason === 'told') this.reason = undefined;
    }
    return commands;
  }
}

async function workers<Names extends string[]>(...ids: Names): Promise<{ [At in keyof Names]: FakeWorker }> {
  const all = ids.map((id) => new FakeWorker(id));
  for (const { registry } of all) {
    const { capacity: _, ...numbers } = IDLE;
    await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  }
  for (const worker of all) await worker.renew();
  return all as { [At in keyof Names]: FakeWorker };
}

const order = (workerId: string, force = false) => ({ workerId, force });

describe('the last worker that takes viewers', () => {
  it('is not drained, unless by force', async () => {
    const [one, two] = await workers('w1', 'w2');
    expect(await one.registry.drain(order('w2'))).toBe('begun');
    expect(await one.registry.drain(order('w1'))).toBe('last');
    expect(await two.renew()).toEqual(['drain']);
    await two.renew();
    expect(await two.registry.drain(order('w1'))).toBe('last');
    expect(await one.renew()).toEqual([]);
    expect(await two.registry.drain(order('w1', true))).toBe('begun');
    expect(await one.renew()).toEqual(['drain']);
  });

  it('is the same for all who drain two workers at once', async () => {
    for (let round = 0; round < 20; round++) {
      await redis.flushall();
      const [one, two] = await workers('w1', 'w2');
      const answers = await Promise.all([one.registry.drain(order('w2')), two.registry.drain(order('w1'))]);
      expect(answers.toSorted()).toEqual(['begun', 'last']);
    }
  });

  it('does not leave for a deployment either, whoever is drained at the same time', async () => {
    const [one, two] = await workers('w1', 'w2');
    const answers = await Promise.all([one.registry.mayLeave(), one.registry.drain(order('w2'))]);
    expect(answers).toEqual([true, 'last']);
    expect(await two.registry.mayLeave()).toBe(false);
  });

  it('is not one whose lease has run out, nor one that stops', async () => {
    const [one, two, three] = await workers('w1', 'w2', 'w3');
    await redis.del(keys.leasePrefix + two.incarnation);
    three.reason = 'stopping';
    await three.renew();
    expect(await one.registry.drain(order('w1'))).toBe('last');
    expect(await one.registry.drain(order('w2'))).toBe('gone');
    expect(await one.registry.drain(order('w9'))).toBe('unknown');
  });

  it('is known to others as soon as it is told to take viewers again', async () => {
    const [one, two] = await workers('w1', 'w2');
    await one.registry.drain(order('w2'));
    await two.renew();
    await two.renew();
    expect(await one.registry.undrain('w2')).toBe('sent');
    // Its record still says that it drains.
    expect(await one.registry.drain(order('w1'))).toBe('begun');
    expect(await two.renew()).toEqual(['undrain']);
    expect(two.reason).toBe(undefined);
  });
});

describe('a drain', () => {
  it('is repeated without harm, and sent again in case the first command was lost', async () => {
    const [one, two] = await workers('w1', 'w2');
    expect(await one.registry.drain(order('w2'))).toBe('begun');
    expect(await one.registry.drain(order('w2'))).toBe('draining');
    expect(await two.renewInVain()).toEqual(['drain', 'drain']);
    expect(await one.registry.drain(order('w2'))).toBe('draining');
    expect(await two.renew()).toEqual(['drain']);
  });

  it('does not count when its command was lost', async () => {
    const [one, two] = await workers('w1', 'w2');
    await one.registry.drain(order('w2'));
    await two.renewInVain();
    await two.renew();
    expect(await one.registry.drain(order('w1'))).toBe('begun');
  });

  it('and its end reach the worker in the order in which they were asked for', async () => {
    const [one, two] = await workers('w1', 'w2');
    await one.registry.drain(order('w2'));
    await one.registry.undrain('w2');
    await one.registry.drain(order('w2'));
    expect(await two.renew()).toEqual(['drain', 'undrain', 'drain']);
    expect(two.reason).toBe('told');
    expect(await one.registry.undrain('w2')).toBe('sent');
    expect(await one.registry.drain(order('w2'))).toBe('begun');
    expect(await one.registry.undrain('w2')).toBe('sent');
    await two.renew();
    expect(two.reason).toBe(undefined);
    expect(await one.registry.undrain('w2')).toBe('taking');
    expect(await one.registry.undrain('w9')).toBe('unknown');
  });

  it.each<DrainReason>(['deployment', 'stopping'])('for the reason %s is not taken back', async (reason) => {
    const [one, two] = await workers('w1', 'w2');
    two.reason = reason;
    await two.renew();
    expect(await one.registry.undrain('w2')).toBe(reason);
    expect(await one.registry.drain(order('w2'))).toBe('draining');
    expect(await two.renew()).toEqual([]);
    // A Redis that drops keys has lost it; the worker's record still says it, and the next renewal writes it again.
    await redis.del(keys.drains);
    expect(await one.registry.undrain('w2')).toBe(reason);
    await two.renew();
    expect(await redis.hget(keys.drains, two.incarnation)).toBe(reason);
  });

  it('that is made final and one that is taken back: one of them comes first, for both sides', async () => {
    const [one, two] = await workers('w1', 'w2');
    await one.registry.drain(order('w2'));
    await two.renew();
    // Taken back first: the worker hears of it with the answer that would make it final.
    expect(await one.registry.undrain('w2')).toBe('sent');
    two.reason = 'stopping';
    expect(await two.renewInVain()).toEqual(['undrain']);
    two.reason = undefined;
    await two.renew();
    expect(await redis.hexists(keys.drains, two.incarnation)).toBe(0);
    // Final first: it is refused.
    two.reason = 'stopping';
    await two.renew();
    expect(await one.registry.undrain('w2')).toBe('stopping');
  });

  it('of a worker that ends leaves nothing behind', async () => {
    const [one, two] = await workers('w1', 'w2');
    await one.registry.drain(order('w2'));
    // What a worker of an earlier version has left of another one.
    await redis.hset(keys.drains, 'left', 'told');
    await two.registry.leaveCluster();
    expect(await redis.hgetall(keys.drains)).toEqual({});
    expect(Object.keys(await redis.hgetall(keys.started))).toEqual([one.incarnation]);
    expect(await one.registry.drain(order('w2'))).toBe('unknown');
  });
});

describe('a viewer for whom no process may start', () => {
  const join = async (worker: FakeWorker) => {
    await worker.registry.createStream(SPEC, 0);
    const client = {
      streamId: SPEC.id,
      workerId: worker.id,
      userAgent: '',
      ipAddress: '',
      username: undefined,
      connectedAtMs: 0,
      lastAccessMs: 0,
      bytesServed: 0,
      segmentsServed: 0,
    };
    return worker.registry.join({ client, clientId: 'c', cap: 0, localSlots: [], capacity: 'full' });
  };

  it('is told that every worker drains', async () => {
    const [one, two] = await workers('w1', 'w2');
    for (const worker of [one, two]) {
      worker.reason = 'told';
      await worker.renew();
    }
    expect(await join(one)).toEqual({ kind: 'full', draining: true });
  });

  it('is told of the limit when a worker takes viewers but no process', async () => {
    const [one, two] = await workers('w1', 'w2');
    two.reason = 'told';
    await two.renew();
    expect(await join(one)).toEqual({ kind: 'full', draining: false });
  });
});

describe('deployments', () => {
  it('are told apart by starts that the clock of Redis gives, whatever the clocks of the workers say', async () => {
    const [one] = await workers('w1');
    const [record] = await one.registry.workers();
    expect(Math.abs(Number(record?.startedAtMs) - Date.now())).toBeLessThan(60_000);
    await redis.del(keys.started);
    expect((await one.registry.workers())[0]?.startedAtMs).toBe(1);
  });

  it('are as ECS has said, until nobody has asked it for a while', async () => {
    const [one] = await workers('w1');
    expect(await one.registry.deployment()).toBe(undefined);
    const deployment = { revision: 7, createdAtMs: 5_000, desiredCount: 3 };
    await one.registry.noteDeployment(deployment, 1_000);
    const seen = await one.registry.deployment();
    expect(seen).toMatchObject(deployment);
    const [seconds] = await redis.time();
    expect(Math.abs(Number(seconds) * 1_000 - 1_000 - Number(seen?.seenAtMs))).toBeLessThan(5_000);
    const leftMs = await redis.pttl(keys.deployment);
    expect(leftMs).toBeGreaterThan(60_000);
    expect(leftMs).toBeLessThanOrEqual(180_000);
  });
});

describe('an order of which its caller was told that there was no answer', () => {
  const told = async ({ incarnation }: FakeWorker) => [
    await redis.hget(keys.drains, incarnation),
    await redis.llen(keys.commandsPrefix + incarnation),
  ];

  it.each(['before it is asked the time', 'before it is given the order'])(
    'is not carried out: Redis hangs %s',
    async (when) => {
      const [one, two] = await workers('w1', 'w2');
      const time = redis.time.bind(redis);
      const hang = async () => {
        await server.pause();
        setTimeout(() => server.resume(), 1_200);
      };
      redis.time = async () => {
        if (when === 'before it is asked the time') await hang();
        const now = await time();
        if (when !== 'before it is asked the time') await hang();
        return now;
      };
      try {
        for (const give of [() => one.registry.drain(order('w2', true)), () => one.registry.undrain('w2')]) {
          expect(await give().catch((error: Error) => (isOutage(error) ? 'no_answer' : error))).toBe('no_answer');
          expect(await told(two)).toEqual([null, 0]);
        }
      } finally {
        redis.time = time;
      }
    },
  );
});
