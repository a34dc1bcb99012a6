/** The metrics of real workers with real viewers: the numbers are what happened. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { METRICS, PUBLISHED } from '../../services/shared/metric-names.ts';
import { startCluster } from '../support/cluster.ts';
import { metricsIn } from '../support/emf.ts';
import { type MetricName, parseMetrics } from '../support/metrics.ts';
import { allPlaying, ffmpegCount, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

async function metricsOf(worker: Worker): Promise<Record<MetricName, number>> {
  return parseMetrics((await worker.api.get<string>('/metrics')).body);
}

function metric(worker: Worker, name: MetricName, isRight: (value: number) => boolean): Promise<unknown> {
  return until(async () => isRight((await metricsOf(worker))[name]), {
    timeoutMs: 10_000,
    what: async () => `${name}; it is ${(await metricsOf(worker))[name]}`,
  });
}

staged('count viewers, processes, bytes, CPU, restarts and errors', async ({ stage }) => {
  const worker = await stage.worker({ SHARED_STREAM_GRACE: '0', STREAM_RETRY_ATTEMPTS: '1' });
  expect(await metricsOf(worker)).toMatchObject({
    streampool_clients: 0,
    streampool_processes: 0,
    streampool_egress_bytes_total: 0,
    streampool_ring_bytes: 0,
    streampool_lease_held: 1,
    streampool_draining: 0,
  });
  const source = await stage.source();
  const { playUrl } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
  const direct = await worker.api.createStream({ url: source.url });
  const shared = stage.viewers(3, playUrl);
  const viewers = [...shared, stage.viewer(direct.playUrl)];
  await allPlaying(viewers);
  const before = await metricsOf(worker);
  expect(before).toMatchObject({
    streampool_clients: 4,
    streampool_processes: 1,
    streampool_process_feeds: 1,
    streampool_source_feeds: 1,
    streampool_relays: 0,
    streampool_errors_total: 0,
    streampool_ffmpeg_restarts_total: 0,
  });
  expect(before.streampool_ring_bytes).toBeGreaterThan(0);
  expect(before.streampool_resident_bytes).toBeGreaterThan(worker.rssBytes() / 2);

  const [pid = 0] = await ffmpegCount(worker, 1);
  process.kill(pid, 'SIGKILL');
  await metric(worker, 'streampool_ffmpeg_restarts_total', (restarts) => restarts === 1);

  // What viewers have got has been sent; what has been sent they have got, but for what is on its way.
  const got = () => viewers.reduce((sum, { byteCount }) => sum + byteCount, 0);
  const bytes = got();
  const { streampool_egress_bytes_total: sent } = await metricsOf(worker);
  expect(sent).toBeGreaterThanOrEqual(bytes);
  await until(() => got() >= sent, { what: `${sent} bytes to arrive` });

  const after = await metricsOf(worker);
  await sleep(1_000);
  const later = await metricsOf(worker);
  const cpu = later.streampool_cpu_seconds_total - after.streampool_cpu_seconds_total;
  expect(cpu).toBeGreaterThan(0);
  expect(cpu).toBeLessThan(2.5);
  // It encodes: the children are counted, and those that have ended stay counted.
  expect(later.streampool_cpu_seconds_total).toBeGreaterThan(worker.cpuSeconds());
  expect(later.streampool_cpu_seconds_total).toBeGreaterThan(before.streampool_cpu_seconds_total);

  const received = (await Promise.all(viewers.map((viewer) => viewer.stop()))).map(({ byteCount }) => byteCount);
  await metric(worker, 'streampool_clients', (clients) => clients === 0);
  await ffmpegCount(worker, 0);
  const end = await metricsOf(worker);
  expect(end).toMatchObject({ streampool_processes: 0, streampool_ffmpeg_restarts_total: 1 });
  expect(end.streampool_egress_bytes_total).toBeGreaterThanOrEqual(received.reduce((sum, count) => sum + count, 0));
  expect(end.streampool_egress_bytes_total).toBeGreaterThanOrEqual(later.streampool_egress_bytes_total);

  const broken = await worker.api.createTranscode({ url: `${source.url.replace(/\d+(?=\/)/, '9')}`, profile: LIGHT });
  expect((await fetch(broken.playUrl)).status).toBeGreaterThanOrEqual(500);
  expect((await metricsOf(worker)).streampool_errors_total).toBe(1);
  expect((await fetch(`${worker.url}/stream/${'0'.repeat(32)}`)).status).toBe(404);
  expect((await metricsOf(worker)).streampool_errors_total).toBe(1);
});

staged('tell relays and their bytes, a lease that Redis does not confirm, and draining', async ({ stage }) => {
  const cluster = await startCluster(2, { SHARED_STREAM_GRACE: '0' });
  const [first, second] = cluster.workers as [Worker, Worker];
  try {
    const source = await stage.source();
    const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
    const here = stage.viewer(`${first.url}/stream/${stream_id}`);
    await allPlaying([here]);
    const there = stage.viewer(`${second.url}/stream/${stream_id}`);
    await allPlaying([there]);
    const [owner, follower] = [await metricsOf(first), await metricsOf(second)];
    expect(owner).toMatchObject({ streampool_processes: 1, streampool_relays: 1, streampool_process_feeds: 1 });
    expect(owner.streampool_relay_bytes_total).toBeGreaterThan(0);
    expect(follower).toMatchObject({ streampool_processes: 0, streampool_relays: 0, streampool_process_feeds: 1 });
    expect(follower.streampool_relay_bytes_total).toBe(0);

    await there.stop();
    await metric(first, 'streampool_relays', (relays) => relays === 0);
    const relayed = (await metricsOf(first)).streampool_relay_bytes_total;
    expect(relayed).toBeGreaterThanOrEqual(owner.streampool_relay_bytes_total);

    await cluster.redis.pause();
    await metric(first, 'streampool_lease_held', (held) => held === 0);
    cluster.redis.resume();
    await metric(first, 'streampool_lease_held', (held) => held === 1);

    first.signal('SIGTERM');
    await metric(first, 'streampool_draining', (draining) => draining === 1);
    await here.stop();
    expect((await first.exited).code).toBe(0);
  } finally {
    await cluster.stop();
  }
});

staged('stand in the log of a worker with METRICS_STAGE, as CloudWatch reads them', async ({ stage }) => {
  const worker = await stage.worker({ METRICS_STAGE: 'prod' });
  const source = await stage.source();
  const { playUrl } = await worker.api.createStream({ url: source.url });
  const viewer = stage.viewer(playUrl);
  await allPlaying([viewer]);
  await worker.stop('SIGINT');
  const lines = worker.output.split('\n').filter((line) => line.includes('_aws'));
  const written = lines.map(metricsIn);
  const published = Object.entries(PUBLISHED).map(([name, unit]) => [METRICS[name as keyof typeof PUBLISHED], unit]);
  expect(written[0]?.map(({ name, unit }) => [name, unit])).toEqual(published);
  for (const { namespace, dimensions } of written.flat())
    expect([namespace, dimensions]).toEqual(['Streampool', { Stage: 'prod' }]);
  const bytes = written.flat().filter(({ name }) => name === METRICS.egressBytes);
  expect(bytes[0]?.value).toBe(0);
  // All of it, to the last line: each has what came since the line before.
  expect(bytes.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThanOrEqual(viewer.byteCount);
});
