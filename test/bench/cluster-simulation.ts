/** A large cluster as its Redis sees it: 100 workers, 1,000 streams, 50,000 viewers who come and go. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import type { StreamSpec } from '../../services/registry/types.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import type { Bench } from './main.ts';
import { percentile } from './numbers.ts';
import { type Remote, startRemote } from './remote.ts';
import { streamSpec } from './simulated-stream.ts';
import type { SimulationOrder, SimulationReport } from './simulated-workers.ts';
import type { Row } from './table.ts';

const WORKERS = 100;
const STREAMS = 1_000;
const CAP = 10;
const PROCESSES = 2;
/** On a machine that is too slow for more, it is fewer viewers. */
const FILL_SECONDS = 45;
const CHURN_SECONDS = 15;
/** Viewers who come, and as many who leave, in each second. */
const CHURN_PER_SECOND = 500;

export async function simulation({ quick, say }: Bench): Promise<Row[]> {
  const wanted = quick ? 5_000 : 50_000;
  const redis = await startRedis();
  const children = Array.from({ length: PROCESSES }, () => startRemote('simulated-workers.ts'));
  try {
    say(`simulation: ${WORKERS} workers make ${STREAMS} streams`);
    const emptyBytes = await memoryOf(redis);
    const streamIds = await createStreams(redis, STREAMS);
    await Promise.all(
      children.map((child, n) => {
        const workers = Array.from({ length: WORKERS / PROCESSES }, (_, at) => 1 + n + at * PROCESSES);
        return child.call('start', { redisPort: redis.port, workers, streamIds, cap: CAP } satisfies SimulationOrder);
      }),
    );
    say(`simulation: ${wanted} viewers join`);
    const startMs = performance.now();
    const order = { count: wanted / PROCESSES, seconds: FILL_SECONDS };
    const clients = (await every<number>(children, 'fill', order)).reduce((sum, count) => sum + count, 0);
    const filledMs = performance.now() - startMs;
    const fullBytes = await memoryOf(redis);
    say(`simulation: ${CHURN_PER_SECOND} of them leave and others come, each second`);
    const before = await snapshot(redis);
    const reports = await every<SimulationReport>(children, 'churn', {
      perSecond: CHURN_PER_SECOND / PROCESSES,
      seconds: CHURN_SECONDS,
    });
    const after = await snapshot(redis);
    say('simulation: management answers');
    const [first] = children as [Remote];
    const clientsMs = await first.call<number>('ask', 'clients');
    const streamsMs = await first.call<number>('ask', 'streams');
    const ofOneMs = await first.call<number>('ask', 'clients of one stream');
    const of = (measure: 'joinsMs' | 'leavesMs' | 'renewalsMs') => reports.flatMap((report) => report[measure]);
    const seconds = after.atSeconds - before.atSeconds;
    const scripts = after.scripts - before.scripts;
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
    const count = reports.reduce((sum, report) => sum + report.joinsMs.length, 0);
    const part = 'simulation';
    const scale = `${WORKERS} workers, ${STREAMS} streams, ${clients} viewers`;
    const rate = `${Math.round(count / seconds)} joins and as many leaves a second`;
    const row = (what: string, unit: string, ours: number, more: Partial<Row> = {}): Row => ({
      part,
      what,
      unit,
      ours,
      ...more,
    });
    return [
      row(`${scale}: join, p50`, 'ms', percentile(of('joinsMs'), 0.5), { note: rate }),
      row('join, p99', 'ms', percentile(of('joinsMs'), 0.99), {
        note: `leave p99 ${percentile(of('leavesMs'), 0.99).toFixed(1)} ms, renewal p99 ${percentile(of('renewalsMs'), 0.99).toFixed(1)} ms; the ${PROCESSES} simulating processes share the cores with Redis`,
      }),
      row('commands that Redis gets', '/s', scripts / seconds),
      row('CPU of Redis', '% of a core', (cpuSeconds / seconds) * 100, {
        note: `${((cpuSeconds / scripts) * 1e6).toFixed(0)} us a command, renewals with ${clients / WORKERS} viewers' counters included`,
      }),
      row('memory of Redis', 'MB', fullBytes / 1024 ** 2, {
        note: `${((fullBytes - emptyBytes) / clients).toFixed(0)} bytes a viewer, streams and counters included`,
      }),
      row('the joins of all viewers at once', '/s', clients / (filledMs / 1000), {
        note: `${(filledMs / 1000).toFixed(1)} s`,
      }),
      row(
        'joins that were refused',
        '',
        reports.reduce((sum, { refused }) => sum + refused, 0),
        {
          goal: { of: 'ours', max: 0 },
        },
      ),
      row('the list of all viewers', 'ms', clientsMs, {
        note: `of one stream's viewers ${ofOneMs.toFixed(1)} ms, of all streams ${streamsMs.toFixed(0)} ms`,
      }),
    ];
  } finally {
    await Promise.all(children.map((child) => child.end()));
    await redis.stop();
  }
}

interface Snapshot {
  atSeconds: number;
  cpuSeconds: number;
  /** Every command of a worker that only joins, leaves and renews is a script. */
  scripts: number;
}

async function snapshot(redis: RedisServer): Promise<Snapshot> {
  const atSeconds = performance.now() / 1000;
  const [, user] = /^used_cpu_user:([\d.]+)/m.exec(await redis.cli('INFO', 'cpu')) ?? [];
  const [, system] = /^used_cpu_sys:([\d.]+)/m.exec(await redis.cli('INFO', 'cpu')) ?? [];
  const [, calls] = /^cmdstat_evalsha:calls=(\d+)/m.exec(await redis.cli('INFO', 'commandstats')) ?? [];
  return { atSeconds, cpuSeconds: Number(user) + Number(system), scripts: Number(calls) };
}

async function memoryOf(redis: RedisServer): Promise<number> {
  const [, bytes] = /^used_memory:(\d+)/m.exec(await redis.cli('INFO', 'memory')) ?? [];
  return Number(bytes);
}

/** @returns their ids */
export async function createStreams(redis: Pick<RedisServer, 'port'>, count: number): Promise<string[]> {
  const connection = new Redis({ port: redis.port });
  const me = { workerId: 'creator', incarnation: randomUUID(), address: '', zone: undefined };
  const show = (spec: StreamSpec) => ({ url: spec.url, profile: spec.profile?.name ?? '' });
  const registry = new RedisRegistry(connection, me, { leaseMs: 5_000, youngMs: 0, graceMs: 0, show });
  const ids = Array.from({ length: count }, () => randomBytes(16).toString('hex'));
  await Promise.all(ids.map((id, n) => registry.createStream(streamSpec(id, n), count)));
  connection.disconnect();
  return ids;
}

function every<T>(children: readonly Remote[], method: string, argument: unknown): Promise<T[]> {
  return Promise.all(children.map((child) => child.call<T>(method, argument)));
}
