/** Any worker answers for the cluster, and what is asked of it reaches the workers concerned. */

import { createHash, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type ScriptName, scriptText } from '../../services/registry/redis/scripts.ts';
import { ffmpegsOf, startCluster, type TestCluster } from '../support/cluster.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { monitorRedis } from '../support/redis-monitor.ts';
import { allPlaying, LIGHT, lightAt, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** Within this time an order reaches the viewers of every worker: the next renewal, and what it takes to end them. */
const REACH_MS = 2_000;
const LEASE_MS = 5_000;
const CLEANUP_MS = 1_000;
/** A killed worker's last renewal may be of now, and a cleanup may just be over. */
const FORGOTTEN_MS = LEASE_MS + 2 * CLEANUP_MS;

let cluster: TestCluster;
let one: Worker;
let two: Worker;
let three: Worker;

beforeAll(async () => {
  cluster = await startCluster(3, { SHARED_STREAM_GRACE: '1', CLEANUP_INTERVAL: String(CLEANUP_MS / 1000) });
  const named = (name: string) => cluster.workers.find(({ logs }) => logs.some(({ worker }) => worker === name));
  [one, two, three] = ['worker-1', 'worker-2', 'worker-3'].map(named) as [Worker, Worker, Worker];
});

afterAll(() => cluster?.stop());

type Json = { readonly [name: string]: Json } & readonly Json[];

async function ask(worker: Worker, path: string): Promise<Json> {
  const { status, body } = await worker.api.get<Json>(path);
  expect(status, path).toBe(200);
  return body;
}

/** A viewer of a stream, under an id that tests can name it by. */
function watch(stage: Stage, worker: Worker, streamId: string, clientId: string): RecordingHandle {
  return stage.viewer(`${worker.url}/stream/${streamId}?client_id=${clientId}`);
}

/** By this name Redis calls a script. */
function shaOf(script: ScriptName): string {
  return createHash('sha1').update(scriptText(script)).digest('hex');
}

async function ends(viewers: readonly RecordingHandle[], what: string): Promise<number> {
  const startMs = performance.now();
  await until(() => viewers.every(({ ended }) => ended), { timeoutMs: REACH_MS, what });
  return performance.now() - startMs;
}

/** Has got media since now. */
async function goesOn(viewer: RecordingHandle): Promise<void> {
  const before = viewer.byteCount;
  await until(() => viewer.byteCount > before, { what: 'a viewer to get more' });
  expect(viewer.ended).toBe(false);
}

/** What moves between two questions, or is of the worker that answers alone. What streams consist of: test/cluster/what-workers-tell.test.ts. */
const MOVING =
  /bytes|last_(access|seen)|uptime|media_info|^(input|ffmpeg_lines|timestamp|cpu|this_worker|worker_id|feeds|source_feeds|performance_metrics)$/;

function still(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer, (name, value) => (MOVING.test(name) ? undefined : value)));
}

describe.sequential('three workers', () => {
  staged('give the same answer to every question', async ({ stage }) => {
    const source = await stage.source();
    const transcoded = await two.api.createTranscode({ url: source.url, profile: LIGHT, metadata: { group: 'g' } });
    const direct = await three.api.createStream({ url: source.url, metadata: { group: 'g' } });
    const idle = await one.api.createTranscode({ url: source.url, profile: lightAt(150), metadata: { group: 'g' } });
    const viewers = [
      watch(stage, one, transcoded.stream_id, 'a'),
      watch(stage, two, transcoded.stream_id, 'b'),
      watch(stage, two, transcoded.stream_id, 'c'),
      watch(stage, three, direct.stream_id, 'd'),
    ];
    await allPlaying(viewers);
    const [owner] = [one, two].filter((worker) => worker.ffmpegPids().length === 1) as [Worker];
    expect(ffmpegsOf(cluster.workers)).toHaveLength(1);
    // Others' numbers are as old as their last renewal.
    const known = async () => {
      const pools = await Promise.all(
        cluster.workers.map(async (worker) => (await ask(worker, '/stats/performance')).connection_pool),
      );
      return pools.every((pool) => pool?.ffmpeg_processes === (1 as unknown) && pool?.clients === (4 as unknown));
    };
    await until(known, { timeoutMs: REACH_MS, what: 'the process and the viewers to be known to every worker' });
    const paths = [
      ...[
        '/',
        '/health',
        '/stats',
        '/stats/detailed',
        '/stats/performance',
        '/stats/streams',
        '/stats/clients',
        '/clients',
        '/streams',
        '/workers',
      ],
      ...[transcoded, direct, idle].map(({ stream_id }) => `/streams/${stream_id}`),
      '/streams/by-metadata?field=group&value=g',
      '/streams/by-metadata?field=group&value=g&active_only=false',
      '/streams/counts-by-metadata?field=group&values=g,h',
    ];
    for (const path of paths) {
      const answers = await Promise.all(cluster.workers.map((worker) => ask(worker, path)));
      const [first, ...others] = answers.map((answer) => sorted(still(answer)));
      for (const other of others) expect(other, path).toEqual(first);
    }
    expect(await ask(three, '/streams/by-metadata?field=group&value=g')).toMatchObject({
      total_matching: 2,
      total_clients: 4,
    });
    await statsAreRight(owner, transcoded.stream_id);

    // When nothing moves any more, bytes are the same everywhere, and what viewers got is in them.
    const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
    const received = recordings.reduce((sum, { byteCount }) => sum + byteCount, 0);
    await until(async () => (await ask(one, '/clients')).total_clients === (0 as unknown), {
      what: 'everybody to leave',
    });
    const served = await Promise.all(
      cluster.workers.map(async (worker) => Number((await ask(worker, '/health')).total_bytes_served)),
    );
    expect(new Set(served).size).toBe(1);
    expect(served[0]).toBeGreaterThanOrEqual(received);
  });

  async function statsAreRight(owner: Worker, streamId: string): Promise<void> {
    for (const worker of cluster.workers) {
      const { pooling } = await ask(worker, '/stats');
      expect(pooling).toMatchObject({ clients: 3, processes: 1, clients_per_process: 3, processes_saved: 2 });
      const ran = [one, two, three].map((each) => (each === owner ? 1 : 0));
      expect(pooling?.workers).toMatchObject([
        { worker_id: 'worker-1', clients: 1, processes: ran[0], buffered_bytes: expect.any(Number) },
        { worker_id: 'worker-2', clients: 2, processes: ran[1] },
        { worker_id: 'worker-3', clients: 0, processes: 0, buffered_bytes: 0 },
      ]);
    }
    const relaying = owner === one ? two : one;
    const here = (await ask(owner, '/stats')).pooling as Json;
    const there = (await ask(relaying, '/stats')).pooling as Json;
    const [made] = here.feeds as unknown as [Json];
    expect(made).toMatchObject({ stream_id: streamId, slot: 0, input: 'ffmpeg', owner: null, pid: expect.any(Number) });
    expect(there.feeds).toMatchObject([{ input: 'relay', owner: here.worker_id, epoch: made.epoch, pid: null }]);
    expect(here.source_feeds).toMatchObject([{ input: 'upstream', owner: null, clients: 1 }]);
    expect(there.source_feeds).toEqual([]);
    // Source feeds are memory too.
    const [opened] = here.source_feeds as unknown as [{ buffered_bytes: number }];
    expect(opened.buffered_bytes).toBeGreaterThan(0);
    const own = (here.workers as unknown as { worker_id: unknown; buffered_bytes: number }[]).find(
      ({ worker_id }) => worker_id === here.worker_id,
    );
    expect(own?.buffered_bytes).toBeGreaterThan(opened.buffered_bytes);
  }

  staged('end the viewers of a stream that another one deletes, and none of it created anew', async ({ stage }) => {
    const source = await stage.source();
    const body = { url: source.url, profile: LIGHT };
    const { stream_id: id } = await one.api.createTranscode(body);
    const viewers = [watch(stage, one, id, 'a'), watch(stage, two, id, 'a2')];
    await allPlaying(viewers);
    expect((await three.api.del(`/streams/${id}`)).status).toBe(200);
    expect((await three.api.del(`/streams/${id}`)).status).toBe(404);
    expect((await ask(one, '/clients')).total_clients).toBe(0);
    // The order to end it is still on its way to worker-1, which knows the stream and has its feed.
    expect((await one.api.get(`/stream/${id}`)).status).toBe(404);
    await three.api.createTranscode(body);
    const again = watch(stage, one, id, 'a');
    await ends(viewers, 'the viewers of a deleted stream to be gone from both workers');
    await allPlaying([again]);
    await until(async () => (await source.account()).open === 1, { what: 'one connection' });
    await goesOn(again);
    expect(await ask(two, `/streams/${id}`)).toMatchObject({ client_count: 1, clients: [{ client_id: 'a' }] });
  });

  staged('end what is found by its metadata, wherever its viewers are', async ({ stage }) => {
    const source = await stage.source();
    const make = (kbits: number) =>
      one.api.createTranscode({ url: source.url, profile: lightAt(kbits), metadata: { list: 'm' } });
    const streams = [await make(210), await make(220)] as const;
    const [older, newer] = streams.map(({ stream_id }) => stream_id) as [string, string];
    const first = watch(stage, one, older, 'x');
    const [leaving, staying] = [watch(stage, two, newer, 'y'), watch(stage, two, newer, 'z')];
    await allPlaying([first, leaving, staying]);
    const oldest = await three.api.del('/streams/oldest-by-metadata?field=list&value=m');
    expect(oldest.body).toMatchObject({ deleted_stream: older, deleted_count: 1 });
    const spared = await three.api.del('/streams/by-metadata?field=list&value=m&force=false&client_id=y');
    expect(spared.body).toMatchObject({
      deleted_count: 0,
      skipped_streams: [{ stream_id: newer, reason: 'has_active_clients', active_clients: 1 }],
    });
    await ends([first, leaving], 'the viewers of the oldest stream, and the client that was named');
    await goesOn(staying);
    const forced = await three.api.del('/streams/by-metadata?field=list&value=m');
    expect(forced.body).toMatchObject({ deleted_streams: [newer] });
    await ends([staying], 'the last viewer');
  });

  staged('disconnect a client wherever it is, and move a stream wherever it is watched', async ({ stage }) => {
    const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {} } });
    const urls = { url: `${source.origin}/a.ts`, failover_urls: [`${source.origin}/b.ts`] };
    const [a, b] = [source.channel('/a.ts'), source.channel('/b.ts')];
    const { stream_id: id } = await one.api.createTranscode({ ...urls, profile: LIGHT });
    const { stream_id: direct } = await one.api.createStream(urls);
    const viewers = [watch(stage, one, id, 'p'), watch(stage, two, id, 'q'), watch(stage, two, direct, 'r')];
    await allPlaying(viewers);
    // Both have the same sources, so they move together.
    const moved = await three.api.post(`/streams/${id}/failover`);
    expect(moved).toMatchObject({ status: 200, body: { failover_index: 0, failover_attempts: 1 } });
    expect((moved.body as { moved_streams: string[] }).moved_streams.sort()).toEqual([id, direct].sort());
    for (const worker of [one, two, three]) {
      const { stream } = await ask(worker, `/streams/${direct}`);
      expect(stream).toMatchObject({ current_failover_index: 0, failover_attempts: 1 });
    }
    await until(async () => (await b.stats()).open === 2, {
      timeoutMs: REACH_MS,
      what: async () => `two connections to the second source; it has ${(await b.stats()).open}`,
    });
    // The old one is read until the new one plays.
    await until(async () => (await a.stats()).open === 0, { what: 'the first source to be left' });
    await Promise.all(viewers.map(goesOn));
    const [p, q, r] = viewers as [RecordingHandle, RecordingHandle, RecordingHandle];
    for (const [client, viewer] of [
      ['q', q],
      ['r', r],
    ] as const) {
      expect((await three.api.del(`/hls/any/clients/${client}`)).status).toBe(200);
      await ends([viewer], `${client} to be disconnected`);
    }
    await goesOn(p);
    expect((await ask(three, '/clients')).clients).toMatchObject([{ client_id: 'p' }]);
  });

  staged('cost Redis one command a join and one a leave', async ({ stage }) => {
    const source = await stage.source();
    const { stream_id: id } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
    const pilot = watch(stage, one, id, 'pilot');
    const leaver = watch(stage, one, id, 'leaver');
    await allPlaying([pilot, leaver]);
    // A script costs a second command when it is used for the first time.
    await leaver.stop();
    const clients = async () => (await cluster.redis.cli('HGET', `stream:${id}`, 'clients')).trim();
    await until(async () => (await clients()) === '1', { what: 'the first viewer to have left' });
    const redis = new Redis(cluster.redis.url);
    await redis.ping();
    const monitor = await monitorRedis(cluster.redis.port);
    const { seen } = monitor;
    const joined = stage.viewers(20, `${one.url}/stream/${id}`);
    await allPlaying(joined);
    await Promise.all(joined.map((viewer) => viewer.stop()));
    await until(async () => (await clients()) === '1', { what: 'everybody to have left' });
    // What it tells comes a while after the command, in order.
    const last = randomUUID();
    await redis.echo(last);
    await until(() => seen.some((args) => args.includes(last)), { what: 'the monitor to have told everything' });
    monitor.close();
    redis.disconnect();
    // EVALSHA, script, number of keys, key names, and then the stream: what renews leases has none.
    const ours = seen.filter((args) => args.includes(id));
    // Each cleanup looks at every stream, and every 10 s a worker asks how many watch those that it has.
    const counting = ['hmget', 'zmscore'];
    const perViewer = ours.filter(
      ([command = '', script]) => script !== shaOf('summarize') && !counting.includes(command.toLowerCase()),
    );
    const calls: Record<string, number> = {};
    for (const [command = '', script = ''] of perViewer) {
      calls[`${command} ${script}`] = (calls[`${command} ${script}`] ?? 0) + 1;
    }
    expect(calls).toEqual({ [`evalsha ${shaOf('join')}`]: 20, [`evalsha ${shaOf('leave')}`]: 20 });
    // The rest is what goes on anyway: renewals, cleanups, and this test's questions.
    const others = seen.filter((args) => !args.includes(id)).map(([command = '']) => command.toLowerCase());
    const cleanup = ['smembers', 'zrange', 'zrangebyscore', 'hkeys', 'hgetall', 'exists', 'scan', 'time', 'xtrim'];
    const usual = [...cleanup, ...counting, 'mget', 'evalsha', 'hget', 'info', 'command', 'echo'];
    expect(others.filter((command) => !usual.includes(command))).toEqual([]);
  });

  staged('drain on request, and are forgotten when they die', async ({ stage }) => {
    const source = await stage.source();
    const { stream_id: id } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
    const viewers = [watch(stage, one, id, 's'), watch(stage, three, id, 't')];
    await allPlaying(viewers);
    const answer = await one.api.post('/workers/worker-2/drain');
    expect(answer).toMatchObject({ status: 202, body: { worker_id: 'worker-2' } });
    expect((await one.api.post('/workers/worker-9/drain')).status).toBe(404);
    const draining = async () => {
      const workers = (await ask(three, '/workers')).workers as unknown as { worker_id: string; draining: boolean }[];
      return workers.filter((worker) => worker.draining).map(({ worker_id }) => worker_id);
    };
    await until(async () => (await draining()).length > 0, { timeoutMs: 2_500, what: 'worker-2 to be seen draining' });
    expect(await draining()).toEqual(['worker-2']);
    expect((await two.api.get('/readyz')).status).toBe(503);

    await three.kill();
    const killedMs = performance.now();
    await until(async () => (await ask(one, '/workers')).total === (2 as unknown), {
      timeoutMs: LEASE_MS + 500,
      what: 'a killed worker to be gone from /workers',
    });
    expect((await ask(one, '/clients')).clients).toMatchObject([{ client_id: 's' }]);
    const unlistedMs = performance.now() - killedMs;
    await until(async () => (await cluster.redis.cli('HKEYS', 'workers')).split('\n').length === 2, {
      timeoutMs: FORGOTTEN_MS,
      what: 'its record to be cleaned up',
    });
    expect((await cluster.redis.cli('HGET', `stream:${id}`, 'clients')).trim()).toBe('1');
    const cleanedMs = performance.now() - killedMs;
    console.info(`a killed worker: unlisted after ${seconds(unlistedMs)}, cleaned up after ${seconds(cleanedMs)}`);
    const [s] = viewers as [RecordingHandle];
    await goesOn(s);
  });
});

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Lists in any order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, sorted(item)]));
}
