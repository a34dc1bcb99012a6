/** A provider allows so many connections to an account, whichever worker opens them. */

import { afterEach, expect } from 'vitest';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { record } from '../support/recorder.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

staged('one connection over two workers: refused while it is watched, passed on when it is not', async ({ stage }) => {
  cluster = await startCluster(2, { SOURCE_MAX_CONNECTIONS: '1', SHARED_STREAM_GRACE: '30' });
  const { redis } = cluster;
  const [one, two] = cluster.workers as [Worker, Worker];
  const source = await stage.source({
    channels: { '/a.ts': {}, '/b.ts': {} },
    accountLimit: { limit: 1, mode: 'refuse' },
  });
  const a = await one.api.createTranscode({ url: source.channel('/a.ts').url, profile: COPY });
  const b = await one.api.createTranscode({ url: source.channel('/b.ts').url, profile: COPY });
  const viewer = stage.viewer(`${one.url}/stream/${a.stream_id}`);
  await allPlaying([viewer]);
  const refused = await record(`${two.url}/stream/${b.stream_id}`, { untilBytes: 1 });
  expect(refused.status).toBe(503);
  // The same channel needs no further connection.
  const relayed = stage.viewer(`${two.url}/stream/${a.stream_id}`);
  await allPlaying([relayed]);
  expect(await source.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
  await viewer.stop();
  await relayed.stop();
  // In its grace on the first worker, which is asked to end it; a first failure is remembered for 2 s.
  await until(async () => (await record(`${two.url}/stream/${b.stream_id}`, { untilBytes: 1 })).status === 200, {
    timeoutMs: 5_000,
    everyMs: 250,
    what: 'the connection to be passed on',
  });
  expect(await source.account()).toMatchObject({ maxConcurrent: 1 });
  // The provider never had to refuse anything.
  expect(await source.channel('/b.ts').stats()).toMatchObject({ refused: 0 });
  const held = (await redis.cli('KEYS', 'sp:connections:*')).split('\n');
  expect(held).toHaveLength(1);
  expect(held[0]).toMatch(/^sp:connections:[0-9a-f]{32}$/);
});

staged(
  'a viewer that changes channels and workers waits for the connection that it is about to close',
  async ({ stage }) => {
    cluster = await startCluster(2, { SOURCE_MAX_CONNECTIONS: '1', SHARED_STREAM_GRACE: '0' });
    const [one, two] = cluster.workers as [Worker, Worker];
    const source = await stage.source({
      channels: { '/a.ts': {}, '/b.ts': {}, '/c.ts': {} },
      accountLimit: { limit: 1, mode: 'refuse' },
    });
    const a = await one.api.createTranscode({ url: source.channel('/a.ts').url, profile: COPY });
    const b = await one.api.createTranscode({ url: source.channel('/b.ts').url, profile: COPY });
    const c = await one.api.createStream({ url: source.channel('/c.ts').url });
    let viewer = stage.viewer(`${one.url}/stream/${a.stream_id}`);
    await allPlaying([viewer]);
    for (const [worker, { stream_id }] of [
      [two, b],
      [one, c],
    ] as const) {
      const next = stage.viewer(`${worker.url}/stream/${stream_id}`);
      const last = viewer;
      setTimeout(() => void last.stop(), 700);
      await allPlaying([next]);
      viewer = next;
    }
    expect(await source.account()).toMatchObject({ maxConcurrent: 1 });
  },
);

staged('what the killed worker had does not count', async ({ stage }) => {
  cluster = await startCluster(2, { SOURCE_MAX_CONNECTIONS: '1' });
  const [one, two] = cluster.workers as [Worker, Worker];
  const source = await stage.source({ channels: { '/a.ts': {} } });
  const { stream_id } = await one.api.createTranscode({ url: source.channel('/a.ts').url, profile: COPY });
  await allPlaying([stage.viewer(`${one.url}/stream/${stream_id}`)]);
  const viewer = stage.viewer(`${two.url}/stream/${stream_id}`);
  await allPlaying([viewer]);
  await one.kill();
  await until(() => two.ffmpegPids().length === 1, { timeoutMs: 3_000, what: 'the other worker to take over' });
  const before = viewer.byteCount;
  await until(() => viewer.byteCount > before, { timeoutMs: 4_000, what: 'its viewer to go on' });
  expect(viewer.ended).toBe(false);
});
