/** Several real workers on one real Redis, as the settings page describes it. */

import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis.ts';
import type { Stage } from './stage.ts';
import { startWorker, type Worker, type WorkerEnv } from './worker.ts';

export interface TestCluster {
  readonly redis: RedisServer;
  readonly workers: Worker[];
  /** Starts one more, or one again under a name that has died. */
  start(workerId: string, env?: WorkerEnv): Promise<Worker>;
  stop(): Promise<void>;
}

export async function startCluster(count: number, env: WorkerEnv = {}): Promise<TestCluster> {
  const redis = await startRedis();
  const workers: Worker[] = [];
  const start = async (workerId: string, more: WorkerEnv = {}) => {
    const relayPort = String(await freePort());
    const worker = await startWorker({ ...redis.env, WORKER_ID: workerId, RELAY_PORT: relayPort, ...env, ...more });
    workers.push(worker);
    return worker;
  };
  await Promise.all(Array.from({ length: count }, (_, n) => start(`worker-${n + 1}`)));
  workers.sort((a, b) => (a.url < b.url ? -1 : 1));
  const stop = async () => {
    await Promise.all(
      workers.map((worker) => worker.stop(worker.exit === undefined ? 'SIGINT' : 'SIGKILL').catch(() => undefined)),
    );
    await redis.stop();
  };
  return { redis, workers, start, stop };
}

/** Every FFmpeg of a cluster that is running now. */
export function ffmpegsOf(workers: readonly Worker[]): number[] {
  return workers.flatMap((worker) => worker.ffmpegPids());
}

/** `count` viewers of a stream, spread over the workers. */
export function spread(stage: Stage, count: number, workers: readonly Worker[], streamId: string) {
  return Array.from({ length: count }, (_, n) => {
    const worker = workers[n % workers.length];
    if (worker === undefined) throw new Error('a cluster has workers');
    return stage.viewer(`${worker.url}/stream/${streamId}`);
  });
}
