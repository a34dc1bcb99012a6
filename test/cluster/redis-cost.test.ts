/** What Redis is asked: once per join and leave, about once per worker and second, and nothing for a process that runs. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect } from 'vitest';
import { spread, startCluster, type TestCluster } from '../support/cluster.ts';
import type { RedisServer } from '../support/redis.ts';
import { allPlaying, COPY, lightAt, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** Scripts run since the start, however they were sent. What one does inside does not count. */
async function scripts(redis: RedisServer): Promise<number> {
  const stats = await redis.cli('INFO', 'commandstats');
  return [...stats.matchAll(/cmdstat_(?:eval|evalsha):calls=(\d+)/g)].reduce(
    (all, [, calls]) => all + Number(calls),
    0,
  );
}

/** A renewal each second, and a look at what Redis has lost with every other one. */
const PER_WORKER = 1.5;

staged(
  'a join and a leave are one script each, a worker is three in two seconds, a process none',
  async ({ stage }) => {
    cluster = await startCluster(2, { MAX_CLIENTS_PER_SHARED_STREAM: '100', SHARED_STREAM_GRACE: '30' });
    const { redis } = cluster;
    const workers = cluster.workers as [Worker, Worker];
    const source = await stage.source();
    const first = await workers[0].api.createTranscode({ url: source.url, profile: COPY });
    const pilots = spread(stage, 2, workers, first.stream_id);
    await allPlaying(pilots);
    const measure = async (seconds: number) => {
      const from = await scripts(redis);
      const startMs = performance.now();
      await sleep(seconds * 1_000);
      return { calls: (await scripts(redis)) - from, seconds: (performance.now() - startMs) / 1_000 };
    };
    const idle = await measure(3);
    expect(idle.calls).toBeLessThanOrEqual(2 * PER_WORKER * (idle.seconds + 1));
    expect(idle.calls).toBeGreaterThanOrEqual(2 * (idle.seconds - 1));

    const startMs = performance.now();
    const from = await scripts(redis);
    const viewers = spread(stage, 20, workers, first.stream_id);
    await allPlaying(viewers);
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    await until(async () => (await redis.cli('HGET', `stream:${first.stream_id}`, 'clients')) === '2', {
      what: 'everybody to be counted out',
    });
    const renewals = 2 * PER_WORKER * ((performance.now() - startMs) / 1_000 + 1);
    const calls = (await scripts(redis)) - from;
    expect(calls).toBeGreaterThanOrEqual(40);
    expect(calls).toBeLessThanOrEqual(40 + renewals);

    const more = await Promise.all(
      [60, 70, 80].map((kbits) => workers[0].api.createTranscode({ url: source.url, profile: lightAt(kbits) })),
    );
    await allPlaying(more.map(({ playUrl }) => stage.viewer(playUrl)));
    await sleep(1_000);
    const busy = await measure(3);
    expect(busy.calls).toBeLessThanOrEqual(2 * PER_WORKER * (busy.seconds + 1));
  },
);
