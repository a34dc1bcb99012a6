/** Any worker serves any stream with one process and one connection, and streams outlive the worker that makes them. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect } from 'vitest';
import { ffmpegsOf, spread, startCluster, type TestCluster } from '../support/cluster.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

const CLEAN = { video: true, audio: true, cleanStart: true } as const;

function only(workers: readonly Worker[], test: (worker: Worker) => boolean): Worker {
  const found = workers.filter(test);
  const [worker] = found;
  if (worker === undefined || found.length !== 1) throw new Error(`${found.length} workers instead of one`);
  return worker;
}

staged.for([
  { cap: '100', ffmpegs: 1 },
  { cap: '10', ffmpegs: 3 },
])('30 first viewers over 3 workers with a cap of $cap: $ffmpegs FFmpeg, one connection', async (row, { stage }) => {
  cluster = await startCluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: row.cap, SHARED_STREAM_GRACE: '1' });
  const source = await stage.source();
  const [first] = cluster.workers as [Worker];
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  const viewers = spread(stage, 30, cluster.workers, stream_id);
  await allPlaying(viewers);
  await sleep(5_000);
  expect(ffmpegsOf(cluster.workers)).toHaveLength(row.ffmpegs);
  expect(await source.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
  for (const viewer of viewers) expectClean(judgeTs(await viewer.stop()), { ...CLEAN, maxSignalled: 0 });
  const { workers } = cluster;
  await until(() => ffmpegsOf(workers).length === 0, { timeoutMs: 8_000, what: 'every FFmpeg to end' });
});

staged('the owner is killed under viewers elsewhere: none is disconnected, one new FFmpeg', async ({ stage }) => {
  cluster = await startCluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: '100' });
  const source = await stage.source();
  const [first] = cluster.workers as [Worker];
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  const pilot = stage.viewer(`${first.url}/stream/${stream_id}`);
  await allPlaying([pilot]);
  const owner = only(cluster.workers, (worker) => worker.ffmpegPids().length > 0);
  const others = cluster.workers.filter((worker) => worker !== owner);
  const viewers = spread(stage, 20, others, stream_id);
  await allPlaying(viewers);
  await sleep(4_000);
  owner.kill();
  await sleep(8_000);
  expect(ffmpegsOf(others)).toHaveLength(1);
  for (const viewer of viewers) {
    const recording = await viewer.stop();
    expect(recording.error).toBeUndefined();
    expectClean(judgeTs(recording), { ...CLEAN, minSeconds: 8, maxGapMs: 6_000 });
  }
  const stats = (await others[0]?.api.get('/clients')) as { body: { total_clients: number } } | undefined;
  expect(stats).toBeDefined();
});
