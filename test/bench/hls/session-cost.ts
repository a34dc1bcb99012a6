/** What a session costs beside its media: memory of the worker, and commands to Redis. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HlsViewer } from '../../support/hls-viewer.ts';
import { startRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';
import type { Worker } from '../../support/worker.ts';
import type { Bench } from '../main.ts';
import { RedisLog } from '../redis-log.ts';
import type { Row } from '../table.ts';
import { startStream } from './running.ts';

const HELD = 5_000;
const COUNTED = 40;
/** That come at the same time. */
const AT_ONCE = 20;
/** A session ends three target durations after its last request; that of this source is 4 s. */
const ENDED_MS = 20_000;
const GOAL_BYTES = 4_096;
/** How long playlists are changes nothing here. */
const SEGMENTS = 3;

export async function sessionCost({ quick, say }: Bench): Promise<Row[]> {
  const held = quick ? HELD / 10 : HELD;
  const redis = await startRedis();
  try {
    const bytes = await memoryOf(held, redis.env, say);
    say(`${COUNTED} sessions: commands to Redis`);
    const { count, listed } = await commandsOf(redis.port, redis.env);
    return [
      {
        ...{ part: 'hls', what: `memory of a session, of ${held}`, unit: 'bytes', ours: Math.round(bytes) },
        ...{
          goal: { of: 'ours', max: GOAL_BYTES },
          note: 'what is left after garbage collection; without its connection',
        },
      },
      {
        ...{ part: 'hls', what: `commands to Redis of a session, of ${COUNTED}`, unit: '', ours: count / COUNTED },
        ...{ goal: { of: 'ours', max: 2 }, note: listed },
      },
    ];
  } finally {
    await redis.stop();
  }
}

async function memoryOf(count: number, env: Record<string, string>, say: Bench['say']): Promise<number> {
  const nodeArgs = ['--expose-gc', '--import', join(import.meta.dirname, 'heap.mjs')];
  const stream = await startStream({ ...env, CLIENT_TIMEOUT: '600' }, { nodeArgs, segments: SEGMENTS });
  try {
    // The first ones compile what serves them.
    await come(stream.url, count / 10);
    say(`${count} sessions: memory`);
    const before = await heapOf(stream.worker);
    await come(stream.url, count);
    return ((await heapOf(stream.worker)) - before) / count;
  } finally {
    await stream.stop();
  }
}

/** Bytes that are in use, without garbage. */
async function heapOf(worker: Worker): Promise<number> {
  await sleep(3_000);
  const { length } = worker.logged('heap');
  worker.signal('SIGUSR2');
  const line = await until(() => worker.logged('heap')[length], { timeoutMs: 10_000, what: 'the size of the heap' });
  return Number(line.bytes);
}

/** So many viewers get a playlist each. */
async function come(url: string, count: number): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) await (await HlsViewer.open(url)).playlist();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function commandsOf(port: number, env: Record<string, string>): Promise<{ count: number; listed: string }> {
  // Without the search for what has expired, which comes once a minute.
  const stream = await startStream({ ...env, CLIENT_TIMEOUT: '3', CLEANUP_INTERVAL: '600' }, { segments: SEGMENTS });
  const log = await RedisLog.start(port);
  try {
    await sleep(ENDED_MS);
    log.take();
    await sleep(ENDED_MS / 2);
    const usual = new Set(log.take().keys());
    const viewers = await Promise.all(Array.from({ length: COUNTED }, () => HlsViewer.open(stream.url)));
    for (let look = 0; look < 3; look++) {
      const watch = async (viewer: HlsViewer) => viewer.segment((await viewer.playlist()).numbers.at(-1) ?? 0);
      await Promise.all(viewers.map(watch));
      await sleep(1_000);
    }
    await sleep(ENDED_MS);
    const own = [...log.take()].filter(([name]) => !usual.has(name));
    const listed = own.map(([name, count]) => `${name} ${count}`).join(', ');
    return { count: own.reduce((sum, [, count]) => sum + count, 0), listed };
  } finally {
    log.stop();
    await stream.stop();
  }
}
