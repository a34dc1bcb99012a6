/** A worker that is killed and started again under its name leaves no ghost; two living ones under one name there are not. */

import { afterEach, expect } from 'vitest';
import { countsInRedis, spread, startCluster, type TestCluster } from '../support/cluster.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { runWorkerToExit, type Worker } from '../support/worker.ts';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

staged(
  'kill -9 of the owner and a start under its name at once: no ghost counts, no ghost owner',
  async ({ stage }) => {
    cluster = await startCluster(2, { MAX_CLIENTS_PER_SHARED_STREAM: '100' });
    const { redis } = cluster;
    const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {} } });
    const [one, two] = cluster.workers as [Worker, Worker];
    const name = (await one.api.get<{ worker: { worker_id: string } }>('/info')).body.worker.worker_id;
    const made = await one.api.createTranscode({ url: source.channel('/a.ts').url, profile: COPY });
    const left = await one.api.createTranscode({ url: source.channel('/b.ts').url, profile: COPY });
    const own = spread(stage, 3, [one], made.stream_id);
    const gone = spread(stage, 2, [one], left.stream_id);
    await allPlaying([...own, ...gone]);
    const elsewhere = spread(stage, 2, [two], made.stream_id);
    await allPlaying(elsewhere);
    expect((await countsInRedis(cluster, made.stream_id)).clients).toBe(5);
    const killed = JSON.parse(await redis.cli('HGET', 'workers', name)) as { incarnation: string };
    await one.kill();
    const again = await cluster.start(name);
    // At once: nobody waits for the lease of the dead one.
    expect((await again.api.get<{ total_clients: number }>('/clients')).body.total_clients).toBe(2);
    expect((await two.api.get<{ total_clients: number }>('/clients')).body.total_clients).toBe(2);
    expect((await countsInRedis(cluster, made.stream_id)).clients).toBe(2);
    expect(await redis.cli('EXISTS', `stream:${left.stream_id}`)).toBe('0');
    const remaining = (await redis.cli('KEYS', `*${killed.incarnation}*`))
      .split('\n')
      .filter((key) => key.trim() !== '');
    // That it has died, and what its viewers had got, is remembered for a while: it might live after all. People see its last hour.
    expect(remaining.filter((key) => !/^sp:(credited-to|ended|samples):/.test(key))).toEqual([]);
    await until(async () => (await redis.cli('HGET', `stream:${made.stream_id}`, 'owner')) !== name, {
      timeoutMs: 2_000,
      what: 'the living worker to own what it took over',
    });
    expect((await redis.cli('HVALS', 'workers')).includes(killed.incarnation)).toBe(false);
    await allPlaying([stage.viewer(`${again.url}/stream/${left.stream_id}`)]);
    const second = await runWorkerToExit({ ...redis.env, WORKER_ID: name, RELAY_PORT: '0' });
    expect(second.code).toBe(1);
    expect(second.output).toContain(`Another process runs as ${name}`);
    expect(again.exit).toBeUndefined();
  },
);
