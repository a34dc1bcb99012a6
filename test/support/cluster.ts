/** Several real workers on one real Redis, as the settings page describes it. */

import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis.ts';
import type { FfmpegCensus, Stage } from './stage.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';
import { type LogLine, startWorker, type Worker, type WorkerEnv } from './worker.ts';

export interface TestCluster {
  readonly redis: RedisServer;
  readonly workers: Worker[];
  /** Starts another worker, or one again under a name that has died; `main`: a worker other than the built one. */
  start(workerId: string, env?: WorkerEnv, main?: string): Promise<Worker>;
  stop(): Promise<void>;
}

/** From this level on the log says where each feed is made. */
export const TELLS_PLACES = 'debug';

/**
 * One Redis and no worker yet.
 *
 * @param env for every worker; may point to `redis` through a proxy
 */
export async function emptyCluster(env: WorkerEnv = {}, redis?: RedisServer): Promise<TestCluster> {
  redis ??= await startRedis();
  return clusterOn(redis, env);
}

function clusterOn(redis: RedisServer, env: WorkerEnv): TestCluster {
  const workers: Worker[] = [];
  const start = async (workerId: string, more: WorkerEnv = {}, main?: string) => {
    const relayPort = String(await freePort());
    const all = { ...redis.env, LOG_LEVEL: TELLS_PLACES, WORKER_ID: workerId, RELAY_PORT: relayPort, ...env, ...more };
    const worker = await startWorker(all, main === undefined ? {} : { main });
    workers.push(worker);
    return worker;
  };
  const stop = async () => {
    for (const worker of workers) if (worker.exit === undefined) worker.signal('SIGCONT');
    try {
      await Promise.all(workers.map((worker) => worker.stop(worker.exit === undefined ? 'SIGINT' : 'SIGKILL')));
    } finally {
      await redis.stop();
    }
  };
  return { redis, workers, start, stop };
}

export async function startCluster(count: number, env: WorkerEnv = {}): Promise<TestCluster> {
  const cluster = await emptyCluster(env);
  await startWorkers(cluster, count);
  return cluster;
}

/** Starts `worker-1` to `worker-<count>` at once. They stand in that order, whichever was ready first. */
export async function startWorkers(cluster: TestCluster, count: number): Promise<void> {
  const started = Array.from({ length: count }, (_, n) => cluster.start(`worker-${n + 1}`));
  const workers = await Promise.all(started);
  cluster.workers.sort((a, b) => workers.indexOf(a) - workers.indexOf(b));
}

/** Another worker, known under an address where only a proxy listens. */
export async function behindProxy(
  stage: Stage,
  cluster: TestCluster,
  env: WorkerEnv = {},
): Promise<{ owner: Worker; proxy: TcpProxy }> {
  const port = await freePort();
  const owner = await cluster.start('worker-3', { ...env, WORKER_ADDRESS: '127.0.0.2', RELAY_PORT: String(port) });
  const proxy = await startTcpProxy({ host: '127.0.0.2', port, target: { host: '127.0.0.1', port } });
  stage.closeAfter(() => proxy.close());
  return { owner, proxy };
}

/** Every FFmpeg that runs in a cluster now. */
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

/** The one worker that runs an FFmpeg, and the other workers. */
export function ownerOf(workers: readonly Worker[]): { owner: Worker; others: Worker[] } {
  const owners = workers.filter((worker) => worker.ffmpegPids().length > 0);
  const [owner] = owners;
  if (owner === undefined || owners.length > 1)
    throw new Error(`${owners.length} workers run an FFmpeg instead of one`);
  return { owner, others: workers.filter((worker) => worker !== owner) };
}

/** The number of FFmpegs that these censuses saw. */
export function seenBy(censuses: readonly FfmpegCensus[]): number {
  return censuses.reduce((all, census) => all + census.seen.size, 0);
}

export interface NewPlace {
  readonly atMs: number;
  readonly kind: 'own' | 'relay';
  readonly epoch: number;
}

/** Every change of a feed's place that these workers logged; `feeds` is the beginning of their keys: `p:` or `s:`. */
export function newPlaces(workers: readonly Worker[], feeds: string): NewPlace[] {
  return workers.flatMap((worker) =>
    worker
      .logged('a feed has a new place')
      .filter((line) => String(line.feed).startsWith(feeds))
      .map(({ time, place }) => {
        const { kind, epoch, owner } = place as { kind: 'own' | 'relay'; epoch?: number; owner?: { epoch: number } };
        return { atMs: Date.parse(String(time)), kind, epoch: epoch ?? owner?.epoch ?? 0 };
      }),
  );
}

/** Log lines of trouble, to explain another failure. */
export function troubles(workers: readonly Worker[]): LogLine[] {
  return workers.flatMap((worker) => worker.logs.filter((line) => String(line.level).match(/warn|error|fatal/)));
}

/** What Redis shows people of a cluster: the counted clients of a stream and of all worker records. */
export async function countsInRedis({ redis }: TestCluster, streamId: string) {
  const flat = (await redis.cli('HVALS', 'workers')).split('\n').filter((line) => line !== '');
  const records = flat.map((line) => JSON.parse(line) as { workerId: string; incarnation: string; clients: number });
  return {
    clients: Number(await redis.cli('HGET', `stream:${streamId}`, 'clients')),
    workers: records.map(({ workerId }) => workerId).sort(),
    clientsOfWorkers: records.reduce((all, { clients }) => all + clients, 0),
  };
}

/** Waits until nothing of streams, clients, slots or owners is left in Redis. */
export async function registryIsEmpty({ redis }: TestCluster): Promise<void> {
  const left = async () => {
    const keys = (await redis.cli('KEYS', '*')).split('\n');
    return keys.filter((key) => /^(stream:|sp:(slots|clients|clients-of|owner|feeds-of):)/.test(key));
  };
  await until(async () => (await left()).length === 0, {
    timeoutMs: 8_000,
    everyMs: 100,
    what: async () => `Redis to hold nothing of viewers; it has ${(await left()).join(', ')}`,
  });
}
