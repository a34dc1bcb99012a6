/** Redis may vanish: viewers notice nothing, new ones play, and afterwards all is counted as it was. */

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

staged('Redis is killed under load and comes back empty', async ({ stage }) => {
  cluster = await startCluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: '100' });
  const { workers, redis } = cluster;
  const source = await stage.source();
  const [first] = workers as [Worker];
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  const viewers = spread(stage, 12, workers, stream_id);
  await allPlaying(viewers);
  await sleep(3_000);
  await redis.kill();
  await sleep(8_000);
  const late = spread(stage, 3, workers, stream_id);
  await allPlaying(late);
  await redis.restart();
  await sleep(4_000);
  expect(ffmpegsOf(workers)).toHaveLength(1);
  expect(await source.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
  await until(async () => (await redis.cli('HGET', `stream:${stream_id}`, 'clients')).trim() === '15', {
    timeoutMs: 3_000,
    what: 'every viewer to be counted again',
  });
  for (const viewer of [...viewers, ...late]) {
    expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, cleanStart: true, maxSignalled: 0 });
  }
});
