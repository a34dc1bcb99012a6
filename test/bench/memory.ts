/** Memory: what one more viewer adds to the worker, beside what it adds to a loop that only writes. */
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fixture } from '../support/fixtures.ts';
import { startLiveSourceProcess } from '../support/live-source.ts';
import { memoryOf } from '../support/processes.ts';
import { startWorker } from '../support/worker.ts';
import type { CrowdOrder } from './crowd.ts';
import type { FloorOrder } from './floor.ts';
import type { Bench } from './main.ts';
import { median } from './numbers.ts';
import { COPY_PROFILE } from './profiles.ts';
import { type Remote, startRemote } from './remote.ts';
import type { Row } from './table.ts';

/** A small stream: the memory of a viewer does not depend on it, and its delivery does not disturb. */
const LOOP = 'plain';
const SETTLE_MS = 4_000;
const SAMPLES = 10;
const SAMPLE_MS = 200;

export async function memory({ quick, say }: Bench): Promise<Row[]> {
  const counts = quick ? [100] : [100, 1000];
  say('memory: bare res.write');
  const floor = await measureFloor(counts);
  say('memory: the worker');
  const ours = await measureWorker(counts);
  return counts.map((count, n) => {
    const perClient = ([none = 0, ...rest]: number[]): number => ((rest[n] ?? 0) - none) / count / 1024;
    const megabytes = [ours[0], ours[n + 1]].map((bytes) => ((bytes ?? 0) / 1024 ** 2).toFixed(0)).join(' to ');
    return {
      part: 'memory',
      what: `resident memory a client, of ${count}`,
      unit: 'KB',
      ours: perClient(ours),
      floor: perClient(floor),
      floorIs: 'res.write loop',
      goal: { of: 'ours', max: 40 },
      note: `the worker grew from ${megabytes} MB, garbage included`,
    };
  });
}

async function measureFloor(counts: readonly number[]): Promise<number[]> {
  const { path, loopTicks } = await fixture(LOOP);
  const bytesPerSecond = (await stat(path)).size / (loopTicks / 90_000);
  const server = startRemote('floor.ts');
  try {
    const order: FloorOrder = { kind: 'http', file: path, bytesPerSecond, intervalMs: 100 };
    const url = await server.call<string>('start', order);
    return await measure(url, server.pid, counts);
  } finally {
    await server.end();
  }
}

async function measureWorker(counts: readonly number[]): Promise<number[]> {
  const source = await startLiveSourceProcess({ fixture: LOOP, burstSeconds: 1 });
  const worker = await startWorker({ MAX_CLIENTS_PER_SHARED_STREAM: '0' });
  try {
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY_PROFILE });
    return await measure(stream.playUrl, worker.pid, counts);
  } finally {
    await worker.stop('SIGINT');
    await source.close();
  }
}

/** Resident bytes with one client, and with so many more. */
async function measure(url: string, pid: number, counts: readonly number[]): Promise<number[]> {
  const crowd: Remote = startRemote('crowd.ts');
  const join = (count: number) => crowd.call('open', { url, count, judged: 0 } satisfies CrowdOrder);
  try {
    await join(1);
    const sizes = [await settled(pid)];
    let open = 0;
    for (const count of counts) {
      await join(count - open);
      open = count;
      sizes.push(await settled(pid));
    }
    return sizes;
  } finally {
    await crowd.end();
  }
}

async function settled(pid: number): Promise<number> {
  await sleep(SETTLE_MS);
  const samples: number[] = [];
  for (let n = 0; n < SAMPLES; n++) {
    samples.push(memoryOf(pid));
    await sleep(SAMPLE_MS);
  }
  return median(samples);
}
