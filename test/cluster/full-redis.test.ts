/**
 * A Redis that is full refuses writes, and answers everything else. To workers that is an outage: viewers keep watching and new
 * ones play, and when there is room again all is counted as it was.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { countsInRedis, emptyCluster, ffmpegsOf, spread } from '../support/cluster.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { startRedis } from '../support/redis.ts';
import { allPlaying, LIGHT, lightAt, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const MEGABYTE = 1024 * 1024;
/** So much of other people's data is in Redis. */
const BALLAST_MB = 16;
/** How the log begins that an error is no outage. */
const FAULT = 'a fault of this program, not of Redis; please report it';

staged(
  'Redis is full for longer than a lease: viewers keep watching, new ones play, then all is counted',
  async ({ stage }) => {
    const redis = await startRedis({
      args: ['--maxmemory', `${2 * BALLAST_MB}mb`, '--maxmemory-policy', 'noeviction'],
    });
    await redis.cli('SETRANGE', 'ballast', String(BALLAST_MB * MEGABYTE - 1), 'x');
    const cluster = await emptyCluster({ MAX_CLIENTS_PER_SHARED_STREAM: '100' }, redis);
    stage.closeAfter(cluster.stop);
    const workers = await Promise.all(['worker-1', 'worker-2'].map((id) => cluster.start(id)));
    const [first, second] = workers as [Worker, Worker];
    const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {} } });
    const { stream_id } = await first.api.createTranscode({ url: source.channel('/a.ts').url, profile: LIGHT });
    const viewers = spread(stage, 4, workers, stream_id);
    await allPlaying(viewers);
    await sleep(1_000);

    // Full from one moment to the next, so that viewers find out and not renewals.
    await redis.cli('CONFIG', 'SET', 'maxmemory', `${BALLAST_MB}mb`);
    const late = spread(stage, 2, workers, stream_id);
    const made = await second.api.createTranscode({ url: source.channel('/b.ts').url, profile: lightAt(210) });
    const others = spread(stage, 2, [second], made.stream_id);
    const [leaver] = viewers.splice(0, 1);
    await leaver?.stop();
    await allPlaying([...late, ...others]);
    const noticed = (worker: Worker) => worker.logged('Redis does not answer').map(({ err }) => JSON.stringify(err));
    await until(() => workers.every((worker) => noticed(worker).length > 0), { what: 'both workers to notice' });
    for (const worker of workers) {
      expect(noticed(worker).join()).toContain('OOM');
      expect(worker.logged(FAULT)).toEqual([]);
      // A full Redis is no reason to send viewers elsewhere: the others have the same one.
      expect((await worker.api.get('/readyz')).status).toBe(200);
    }
    // Longer than a lease of 5 s: in Redis, which lets keys expire, both workers seem to be dead.
    await sleep(7_000);
    expect(await redis.cli('SET', 'another', 'x')).toMatch(/^OOM/);

    await redis.cli('DEL', 'ballast');
    const state = async () => ({
      ffmpegs: ffmpegsOf(workers).length,
      ...(await countsInRedis(cluster, stream_id)),
      ofTheOther: Number(await redis.cli('HGET', `stream:${made.stream_id}`, 'clients')),
    });
    const whole = { ffmpegs: 2, clients: 5, workers: ['worker-1', 'worker-2'], clientsOfWorkers: 7, ofTheOther: 2 };
    await until(async () => JSON.stringify(await state()) === JSON.stringify(whole), {
      timeoutMs: 5_000,
      everyMs: 100,
      what: async () => `${JSON.stringify(whole)}; it is ${JSON.stringify(await state())}`,
    });
    for (const path of ['/a.ts', '/b.ts']) {
      expect(await source.channel(path).stats()).toMatchObject({ total: 1, maxConcurrent: 1 });
    }
    for (const viewer of [...viewers, ...late, ...others]) {
      expect(viewer.ended).toBe(false);
      expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, cleanStart: true, maxSignalled: 0 });
    }
  },
);
