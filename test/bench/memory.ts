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
const WARM_UP = 100;
const SETTLE_MS = 3_000;
const SAMPLES = 10;
const SAMPLE_MS = 200;

export async function memory({ quick, say }: Bench): Promise<Row[]> {
  const count = quick ? 200 : 1000;
  say('memory: bare res.write');
  const floor = await measureFloor(count);
  say('memory: the worker');
  const ours = await measureWorker(count);
  const perClient = ({ before, after }: Sizes): number => (after - before) / count / 1024;
  const megabytes = [ours.before, ours.after].map((bytes) => (bytes / 1024 ** 2).toFixed(0)).join(' to ');
  return [
    {
      part: 'memory',
      what: `resident memory a client, of ${count}`,
      unit: 'KB',
      ours: perClient(ours),
      floor: perClient(floor),
      floorIs: 'res.write loop',
      goal: { of: 'ours', max: 40 },
      note: `the worker grew from ${megabytes} MB, garbage included`,
    },
  ];
}

/** Resident bytes with one client, and with all of them. */
interface Sizes {
  before: number;
  after: number;
}

async function measureFloor(count: number): Promise<Sizes> {
  const { path, loopTicks } = await fixture(LOOP);
  const bytesPerSecond = (await stat(path)).size / (loopTicks / 90_000);
  const server = startRemote('floor.ts');
  try {
    const order: FloorOrder = { kind: 'http', file: path, bytesPerSecond, intervalMs: 100 };
    const url = await server.call<string>('start', order);
    return await measure(url, server.pid, count);
  } finally {
    await server.end();
  }
}

async function measureWorker(count: number): Promise<Sizes> {
  const source = await startLiveSourceProcess({ fixture: LOOP, burstSeconds: 1 });
  const worker = await startWorker({ MAX_CLIENTS_PER_SHARED_STREAM: '0' });
  try {
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY_PROFILE });
    return await measure(stream.playUrl, worker.pid, count);
  } finally {
    await worker.stop('SIGINT');
    await source.close();
  }
}

async function measure(url: string, pid: number, count: number): Promise<Sizes> {
  const crowd: Remote = startRemote('crowd.ts');
  const join = (clients: number) => crowd.call('open', { url, count: clients, judged: 0 } satisfies CrowdOrder);
  try {
    // A first crowd that comes and goes brings the process, which was just started, into its usual shape.
    await join(WARM_UP);
    await crowd.call('close');
    await join(1);
    const before = await settled(pid);
    await join(count - 1);
    return { before, after: await settled(pid) };
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
