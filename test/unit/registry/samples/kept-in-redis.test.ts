/** Samples in Redis: they cost no command of their own, outlive their worker, and are written again when Redis has lost them. */

import { expect, it } from 'vitest';
import { keys } from '../../../../services/registry/redis/keys.ts';
import { RedisRegistry } from '../../../../services/registry/redis/redis-registry.ts';
import { KEPT_SAMPLES, MEASURED, SAMPLES_LIVE_MS, type Sample } from '../../../../services/registry/samples/sample.ts';
import { systemClock } from '../../../../services/shared/clock.ts';
import { IDLE } from '../../../support/idle-worker.ts';
import { SimulatedRedis } from '../../../support/simulation/redis/simulated-redis.ts';

const ZERO = Object.fromEntries(MEASURED.map((name) => [name, 0])) as unknown as Omit<Sample, 'n'>;
const sample = (n: number): Sample => ({ ...ZERO, n });

function cluster() {
  let nowMs = 1_764_000_000_000;
  const redis = new SimulatedRedis({ now: () => nowMs });
  const clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs };
  const worker = (workerId: string, incarnation: string) => {
    const me = { workerId, incarnation, address: `${workerId}:9085`, zone: undefined };
    const options = { leaseMs: 5_000, youngMs: 0, graceMs: 0, show: () => ({ url: '', profile: '' }), clock };
    return new RedisRegistry(redis.connection(), me, options);
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { redis, worker, pass };
}

async function read(registry: RedisRegistry): Promise<Record<string, number[]>> {
  const all = await registry.samples.read();
  return Object.fromEntries(all.map(({ workerId, samples }) => [workerId, samples.map(({ n }) => n)]));
}

it('stay when their worker is gone, for two hours', async () => {
  const { worker, pass } = cluster();
  const [one, two] = [worker('one', 'i1'), worker('two', 'i2')];
  one.samples.keep(sample(1));
  two.samples.keep(sample(2));
  await Promise.all([one.renew(IDLE), two.renew(IDLE)]);
  await two.leaveCluster();
  pass(SAMPLES_LIVE_MS - 1);
  one.samples.keep(sample(3));
  await one.renew(IDLE);
  expect(await read(one)).toEqual({ one: [1, 3], two: [2] });
  pass(2);
  one.samples.keep(sample(4));
  await one.renew(IDLE);
  expect(await read(one)).toEqual({ one: [1, 3, 4] });
});

it('of an earlier life of a worker stay beside those of now', async () => {
  const { worker } = cluster();
  const before = worker('one', 'i1');
  before.samples.keep(sample(1));
  await before.renew(IDLE);
  await before.leaveCluster();
  const now = worker('one', 'i2');
  now.samples.keep(sample(5));
  await now.renew(IDLE);
  expect((await now.samples.read()).map(({ workerId, samples }) => [workerId, samples[0]?.n])).toEqual([
    ['one', 1],
    ['one', 5],
  ]);
});

it('are written once, with a renewal, and take less than 32 kB', async () => {
  const { redis, worker } = cluster();
  const one = worker('one', 'i1');
  const connection = redis.connection();
  for (let n = 1; n <= KEPT_SAMPLES; n++) one.samples.keep(sample(n));
  await one.renew(IDLE);
  const text = String(await connection.get(`${keys.samplesPrefix}i1`));
  expect(text.length).toBeLessThan(32 * 1024);
  // Whoever removes it now finds out whether it is written again.
  await connection.del(`${keys.samplesPrefix}i1`);
  await one.renew(IDLE);
  expect(await read(one)).toEqual({});
  one.samples.keep(sample(KEPT_SAMPLES + 1));
  await one.renew(IDLE);
  expect((await read(one)).one).toHaveLength(KEPT_SAMPLES);
});

it('that nobody can have written hide no others', async () => {
  const { redis, worker } = cluster();
  const [one, two] = [worker('one', 'i1'), worker('two', 'i2')];
  for (const registry of [one, two]) {
    registry.samples.keep(sample(1));
    await registry.renew(IDLE);
  }
  await redis.connection().set(`${keys.samplesPrefix}i2`, '{"workerId":7}');
  expect(await read(one)).toEqual({ one: [1] });
});
