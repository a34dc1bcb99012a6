/** What a server takes that nobody uses. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../../support/redis.ts';
import { startWorker } from '../../support/worker.ts';
import { type Measure, OURS } from './results.ts';
import { startIdle } from './servers/debian.ts';
import { startM3uProxy } from './servers/given.ts';
import { end, start } from './servers/programs.ts';
import { type Order, Sheet } from './sheet.ts';
import { countCpu, megabytesOf } from './usage.ts';

const NODE = 'Node that does nothing';

export const IDLE_TIMES = {
  whole: { settleMs: 20_000, windowMs: 40_000 },
  quick: { settleMs: 4_000, windowMs: 6_000 },
};

interface Idle {
  pids(): number[];
  stop(): Promise<unknown>;
}

export async function idle(m3uProxy: string | undefined, { quick, rounds, say }: Order): Promise<Measure[]> {
  const { settleMs, windowMs } = quick ? IDLE_TIMES.quick : IDLE_TIMES.whole;
  const sheet = new Sheet(rounds, [
    { id: 'idle-cpu', what: 'an idle server', unit: '% of a core', resolution: 0.02 },
    { id: 'idle-memory', what: 'memory of an idle server', unit: 'MB', beside: NODE, resolution: 1 },
  ]);
  for (let round = 0; round < rounds; round++) {
    say(`idle, round ${round + 1}`);
    const servers = await startAll(m3uProxy, say);
    try {
      await sleep(settleMs);
      const counts = [...servers.values()].map((server) => countCpu(server.pids()));
      const startMs = performance.now();
      await sleep(windowMs);
      const seconds = (performance.now() - startMs) / 1000;
      for (const [n, [name, server]] of [...servers].entries()) {
        sheet.add('idle-cpu', name, ((counts[n]?.() ?? 0) / seconds) * 100);
        sheet.add('idle-memory', name, megabytesOf(server.pids()));
      }
    } finally {
      for (const server of servers.values()) await server.stop();
    }
  }
  return sheet.measures();
}

/** All at the same time: they hardly do anything. */
async function startAll(m3uProxy: string | undefined, say: Order['say']): Promise<Map<string, Idle>> {
  const starts: [string, () => Promise<Idle | undefined>][] = [
    [NODE, bareNode],
    [`${OURS}, alone`, () => worker({})],
    [`${OURS}, with Redis`, withRedis],
    ['Icecast', () => startIdle('Icecast')],
    ['nginx', () => startIdle('nginx')],
    ['m3u-proxy', async () => (m3uProxy === undefined ? undefined : startM3uProxy(m3uProxy))],
  ];
  const servers = new Map<string, Idle>();
  for (const [name, begin] of starts) {
    try {
      const server = await begin();
      if (server !== undefined) servers.set(name, server);
    } catch (error) {
      say(`${name} has failed: ${error}`);
    }
  }
  return servers;
}

async function bareNode(): Promise<Idle> {
  const child = start(process.execPath, ['-e', 'setInterval(() => undefined, 2 ** 30)']);
  return { pids: () => [child.pid ?? 0], stop: () => end(child) };
}

async function worker(env: Record<string, string>): Promise<Idle> {
  const started = await startWorker(env, { timeoutMs: 60_000 });
  return { pids: () => [started.pid], stop: () => started.stop('SIGINT') };
}

/** Redis itself is not counted. */
async function withRedis(): Promise<Idle> {
  const redis = await startRedis();
  const { pids, stop } = await worker(redis.env);
  return { pids, stop: () => stop().finally(() => redis.stop()) };
}
