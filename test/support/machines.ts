/** A cluster over several machines (namespaces); `startCluster` makes one on a single machine. */

import { TELLS_PLACES, type TestCluster } from './cluster.ts';
import type { Network } from './netns.ts';
import { startRedis } from './redis.ts';
import { startWorker, type Worker, type WorkerEnv } from './worker.ts';

export interface MachinesOptions {
  /** One worker for each name, on the machine of that name. */
  readonly workers: readonly string[];
  /** The machine of Redis, which may also run a worker. */
  readonly redis: string;
  readonly env?: WorkerEnv;
}

/** Each machine has its own ports. */
const RELAY_PORT = '9085';

/** Workers reach each other and Redis over `back`, sources and viewers over `front`. */
export async function startClusterOn(network: Network, options: MachinesOptions): Promise<TestCluster> {
  const redis = await startRedis({ on: network.host(options.redis) });
  const workers: Worker[] = [];
  const start = async (name: string, more: WorkerEnv = {}) => {
    const host = network.host(name);
    const env: WorkerEnv = {
      ...redis.env,
      LOG_LEVEL: TELLS_PLACES,
      WORKER_ID: name,
      WORKER_ADDRESS: host.back,
      HOST: '0.0.0.0',
      RELAY_PORT,
      ALLOW_PRIVATE_SOURCES: network.gateway,
      ...options.env,
      ...more,
    };
    const worker = await startWorker(env, { prefix: host.prefix, host: host.front });
    workers.push(worker);
    return worker;
  };
  const stop = async () => {
    await Promise.all(workers.map((worker) => worker.stop('SIGKILL')));
    await redis.stop();
  };
  try {
    for (const name of options.workers) await start(name);
  } catch (error) {
    await stop();
    throw error;
  }
  return { redis, workers, start, stop };
}
