/** The simulated Redis forgets, expires and starts anew as a real one, and its network decides what reaches it. */

import { beforeEach, describe, expect, it } from 'vitest';
import { isOutage, NoAnswerError } from '../../../../services/registry/outage.ts';
import { RedisRegistry } from '../../../../services/registry/redis/redis-registry.ts';
import { systemClock } from '../../../../services/shared/clock.ts';
import { IDLE } from '../../../support/idle-worker.ts';
import type { Network } from '../../../support/simulation/redis/connection.ts';
import { RedisContents } from '../../../support/simulation/redis/contents.ts';
import { SimulatedRedis } from '../../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../../support/stream-spec.ts';
import { GRACE_MS, registryContract } from '../../registry/contract.ts';

const BEGINS_MS = 1_764_000_000_000;
const FEED = 's:source';
let nowMs = BEGINS_MS;
let redis: SimulatedRedis;
let contents: RedisContents;

beforeEach(() => {
  nowMs = BEGINS_MS;
  redis = new SimulatedRedis({ now: () => nowMs });
  contents = new RedisContents(redis);
});

const clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs - BEGINS_MS };

async function worker(workerId: string, network?: Network, on = redis): Promise<RedisRegistry> {
  const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
  const show = () => ({ url: '', profile: '' });
  const options = { leaseMs: 5_000, youngMs: 2_000, graceMs: GRACE_MS, show, clock };
  const registry = new RedisRegistry(on.connection(network), me, options);
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  return registry;
}

async function owning(network?: Network): Promise<RedisRegistry> {
  const registry = await worker('w1', network);
  nowMs += 2_000;
  expect(await registry.acquire(FEED)).toMatchObject({ kind: 'own' });
  return registry;
}

describe('the registry on a simulated Redis', () => {
  registryContract(async () => {
    const own = new SimulatedRedis({ now: () => nowMs });
    const registry = await worker('contract', undefined, own);
    const age = async (ms: number) => {
      nowMs += ms;
      await registry.renew(IDLE);
    };
    nowMs += 2_000;
    await registry.renew(IDLE);
    const pass = async (ms: number) => {
      nowMs += ms;
    };
    return { registry, age, pass, monotonicMs: clock.monotonicMs };
  });
});

describe('time', () => {
  it('ends a lease after the last of its milliseconds', async () => {
    await worker('w1');
    nowMs += 5_000;
    expect(contents.isAlive('i-w1')).toBe(true);
    nowMs += 1;
    expect(contents.isAlive('i-w1')).toBe(false);
  });
});

describe('what Redis loses', () => {
  it('the last second: what was written in it, and what it replaced is there again', async () => {
    const first = await owning();
    await first.createStream(SPEC, 0);
    const before = redis.dump();
    nowMs += 1_000;
    const second = await worker('w2');
    await first.release(FEED);
    await second.deleteStream(SPEC.id);
    nowMs += 999;
    redis.loseLast(1_000);
    expect(redis.dump()).toEqual(before);
    // Another process: it does not know what it has missed.
    await second.restoring.restore({
      streams: [],
      clients: [],
      feeds: [],
      connections: [],
      deleted: [],
      givenUp: { feeds: [], clients: [], connections: [] },
    });
    expect(await second.acquire('s:other')).toMatchObject({ kind: 'wait' });
  });

  it('everything: the registry is young', async () => {
    const registry = await owning();
    redis.emptied();
    expect(redis.keys()).toEqual([]);
    await registry.renew(IDLE);
    expect(await registry.acquire(FEED)).toEqual({ kind: 'wait', ms: 2_000 });
  });

  it('one key', async () => {
    await owning();
    expect([redis.evict(`sp:owner:${FEED}`), redis.evict(`sp:owner:${FEED}`)]).toEqual([true, false]);
    expect([...contents.owners()]).toEqual([]);
  });
});

describe('the network', () => {
  const lost = new NoAnswerError('lost on the way');

  it('loses a request before it takes effect', async () => {
    let loses = false;
    const registry = await owning(async ({ perform }) => {
      if (loses) throw lost;
      return perform();
    });
    loses = true;
    const error = await registry.release(FEED).catch((thrown: unknown) => thrown);
    expect([isOutage(error), [...contents.owners().keys()]]).toEqual([true, [FEED]]);
  });

  it('loses the answer to a request that has taken effect', async () => {
    let loses = false;
    const registry = await owning(async ({ perform }) => {
      const answer = perform();
      if (loses) throw lost;
      return answer;
    });
    loses = true;
    await expect(registry.release(FEED)).rejects.toBe(lost);
    expect([...contents.owners()]).toEqual([]);
  });

  it('is told what is asked, each request once', async () => {
    const asked: string[] = [];
    const registry = await owning(async ({ name, perform }) => {
      asked.push(name);
      return perform();
    });
    await registry.createStream(SPEC, 0);
    await registry.stream(SPEC.id);
    expect(asked).toEqual(['renew', 'hvals', 'acquire', 'create-stream', 'hgetall zscore']);
  });
});

describe('a planted fault', () => {
  it('changes a script for all who use that Redis', async () => {
    const alter = (name: string, lua: string) => (name === 'release' ? 'return 0' : lua);
    redis = new SimulatedRedis({ now: () => nowMs, alter });
    contents = new RedisContents(redis);
    const registry = await owning();
    await registry.release(FEED);
    expect([...contents.owners()]).toMatchObject([[FEED, { workerId: 'w1', isAlive: true }]]);
  });

  it('that the translation does not know is an error at once', () => {
    redis = new SimulatedRedis({ now: () => nowMs, alter: () => 'return string.gsub("a", "b", "c")' });
    const define = () => redis.connection().defineCommand('x', { numberOfKeys: 0, lua: '' });
    expect(define).toThrow('The translation does not know string.gsub.');
  });
});
