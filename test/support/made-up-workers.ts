/** Workers that are only records in Redis, as the registry of a real worker writes them: for pages that show many of them. */

import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { LEASE_MS, RENEW_MS } from '../../services/proxy/src/timing.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import type { WorkerNumbers } from '../../services/registry/types.ts';
import { IDLE_NUMBERS } from './idle-worker.ts';

export interface MadeUpWorker extends Partial<WorkerNumbers> {
  readonly workerId: string;
  /** Cores in use. */
  readonly cpu?: number;
}

/** They renew their leases until they leave. Nothing listens at their addresses. */
export async function startMadeUpWorkers(
  redisUrl: string,
  workers: readonly MadeUpWorker[],
): Promise<{ leave(): Promise<void> }> {
  const redis = new Redis(redisUrl);
  const startedAtMs = Date.now();
  const all = workers.map(({ workerId, cpu = 0, ...more }) => {
    const me = { workerId, incarnation: randomUUID(), address: '127.0.0.1:9', zone: undefined };
    const show = () => ({ url: '', profile: '' });
    const registry = new RedisRegistry(redis, me, { leaseMs: LEASE_MS, youngMs: 0, graceMs: 1_000, show });
    const numbers: WorkerNumbers = { ...IDLE_NUMBERS, ...more };
    return { registry, numbers, beat: { startedAtMs, lastSeenMs: startedAtMs, cpu, ...numbers } };
  });
  const renew = () =>
    Promise.all(all.map(({ registry, numbers }) => registry.renew({ capacity: 'free' as const, ...numbers })));
  await Promise.all(all.map(({ registry, beat }) => registry.heartbeat(beat)));
  await renew();
  let renewal: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    renewal = renew();
  }, RENEW_MS);
  return {
    async leave() {
      clearInterval(timer);
      await renewal;
      await Promise.all(all.map(({ registry }) => registry.leaveCluster()));
      redis.disconnect();
    },
  };
}
