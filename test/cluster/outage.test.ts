/** Redis may vanish: viewers notice nothing, new ones play, and afterwards all is counted as it was. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { emptyCluster, ffmpegsOf, spread, startCluster } from '../support/cluster.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { allPlaying, LIGHT, lightAt, staged } from '../support/stage.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** What one test has running beside its stage; taken down in reverse. */
const rigged = staged.extend<{ rig: { later: (stop: () => Promise<void>) => void } }>({
  rig: async ({ onTestFinished }, use) => {
    const stops: (() => Promise<void>)[] = [];
    onTestFinished(async () => {
      for (const stop of stops) await stop();
    });
    await use({ later: (stop) => void stops.unshift(stop) });
  },
});

const CLEAN = { video: true, audio: true, cleanStart: true } as const;
const MANY = { MAX_CLIENTS_PER_SHARED_STREAM: '100' };
const LONG = process.env.STREAMPOOL_LONG === '1';

/** What Redis shows of a stream's clients. */
async function counted(redis: RedisServer, streamId: string): Promise<number> {
  return Number(await redis.cli('HGET', `stream:${streamId}`, 'clients'));
}

/** Within 3 s of now: so many processes over all workers, and everybody counted. */
async function isWhole(
  redis: RedisServer,
  workers: readonly Worker[],
  processes: number,
  clients: Record<string, number>,
) {
  const state = async () => ({
    processes: ffmpegsOf(workers).length,
    clients: Object.fromEntries(
      await Promise.all(Object.keys(clients).map(async (id) => [id, await counted(redis, id)])),
    ),
  });
  const wanted = JSON.stringify({ processes, clients });
  await until(async () => JSON.stringify(await state()) === wanted, {
    timeoutMs: 3_000,
    everyMs: 50,
    what: async () => `${wanted}; it is ${JSON.stringify(await state())}`,
  });
}

/** Without Redis a viewer waits for an answer of another worker, and for no FFmpeg. */
const HEARD_MS = 2_500;

describe('Redis is killed', () => {
  rigged.concurrent(
    `Redis is killed under load for ${LONG ? 30 : 4} s and comes back empty`,
    async ({ stage, rig }) => {
      const cluster = await startCluster(3, MANY);
      rig.later(cluster.stop);
      const { workers, redis } = cluster;
      const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {}, '/c.ts': {} } });
      const [first, second] = workers as [Worker, Worker];
      const make = (worker: Worker, path: string) =>
        worker.api.createTranscode({ url: source.channel(path).url, profile: LIGHT });
      const { stream_id } = await make(first, '/a.ts');
      const doomed = await make(first, '/c.ts');
      const viewers = spread(stage, 12, workers, stream_id);
      const cut = spread(stage, 2, [second], doomed.stream_id);
      await allPlaying([...viewers, ...cut]);
      await sleep(1_000);
      await redis.kill();
      await sleep(LONG ? 15_000 : 1_500);
      const late = spread(stage, 3, workers, stream_id);
      const made = await make(second, '/b.ts');
      const others = spread(stage, 2, [second], made.stream_id);
      expect((await first.api.del(`/streams/${doomed.stream_id}`)).status).toBe(200);
      const [leaver] = viewers.splice(0, 1);
      await leaver?.stop();
      await allPlaying([...late, ...others]);
      await sleep(LONG ? 15_000 : 1_500);
      await redis.start();
      await isWhole(redis, workers, 2, { [stream_id]: 14, [made.stream_id]: 2 });
      // What was deleted stays deleted, wherever it was watched; what was created is known to all.
      await until(() => cut.every((viewer) => viewer.ended), { timeoutMs: 3_000, what: 'a deleted stream to end' });
      for (const worker of workers) {
        expect((await worker.api.get(`/streams/${made.stream_id}`)).status).toBe(200);
        // Until every worker has told the new Redis what it has, what is not there is not called unknown.
        const status = async () => (await worker.api.get(`/streams/${doomed.stream_id}`)).status;
        expect([404, 503]).toContain(await status());
        await until(async () => (await status()) === 404, { timeoutMs: 3_000, what: 'a deleted stream to be unknown' });
        expect((await worker.api.get<{ total_clients: number }>('/clients')).body.total_clients).toBe(16);
      }
      expect((await redis.cli('KEYS', 'stream:*')).split('\n').sort()).toEqual(
        [`stream:${stream_id}`, `stream:${made.stream_id}`].sort(),
      );
      expect((await redis.cli('HKEYS', 'workers')).split('\n').sort()).toEqual(['worker-1', 'worker-2', 'worker-3']);
      expect(await source.channel('/a.ts').stats()).toMatchObject({ total: 1, maxConcurrent: 1 });
      for (const viewer of [...viewers, ...late, ...others]) {
        expectClean(judgeTs(await viewer.stop()), { ...CLEAN, maxSignalled: 0 });
      }
    },
  );

  rigged.concurrent(
    'a viewer who comes to a worker that has never met the stream plays while Redis is away',
    async ({ stage, rig }) => {
      const cluster = await startCluster(3, MANY);
      rig.later(cluster.stop);
      const { workers, redis } = cluster;
      const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {}, '/c.ts': {} } });
      const [first, second, third] = workers as [Worker, Worker, Worker];
      const make = async (path: string) =>
        (await first.api.createTranscode({ url: source.channel(path).url, profile: LIGHT })).stream_id;
      const [playing, idle, deleted] = [await make('/a.ts'), await make('/b.ts'), await make('/c.ts')];
      const viewers = spread(stage, 2, [first], playing);
      await allPlaying(viewers);
      const owner = () => redis.cli('HMGET', `sp:owner:p:${playing}:0`, 'worker', 'epoch');
      const before = await owner();
      await sleep(1_500);
      expect((await first.api.del(`/streams/${deleted}`)).status).toBe(200);
      await redis.kill();
      // One of those who could be asked says nothing, and nobody waits for it.
      third.signal('SIGSTOP');
      const sentMs = performance.now();
      const late = spread(stage, 3, [second], playing);
      await allPlaying(late, HEARD_MS);
      console.log(
        `a viewer of a stream that its worker has never met got media ${Math.round(performance.now() - sentMs)} ms after asking`,
      );
      third.signal('SIGCONT');
      expect(ffmpegsOf(workers)).toEqual(first.ffmpegPids());
      // Nobody makes this one yet: it begins where it is asked for.
      const begun = spread(stage, 1, [second], idle);
      await allPlaying(begun);
      expect(second.ffmpegPids()).toHaveLength(1);
      // Nobody knows these, or nobody but those who have not heard of its end.
      for (const id of [deleted, '0'.repeat(32)]) {
        expect((await second.api.get(`/stream/${id}`)).status).toBe(503);
        expect((await second.api.get(`/streams/${id}`)).status).toBe(503);
      }
      // It needs no registry to come to one that others have met since.
      const again = spread(stage, 1, [third], idle);
      await allPlaying(again, HEARD_MS);
      await redis.start();
      await isWhole(redis, workers, 2, { [playing]: 5, [idle]: 2 });
      expect(await owner()).toBe(before);
      await sleep(2_000);
      expect(await owner()).toBe(before);
      expect(first.ffmpegPids()).toHaveLength(1);
      expect(second.ffmpegPids()).toHaveLength(1);
      for (const path of ['/a.ts', '/b.ts']) {
        expect(await source.channel(path).stats()).toMatchObject({ total: 1, maxConcurrent: 1 });
      }
      for (const worker of workers) {
        expect((await worker.api.get(`/streams/${deleted}`)).status).toBe(404);
        expect((await worker.api.get<{ total_clients: number }>('/clients')).body.total_clients).toBe(7);
      }
      for (const viewer of [...viewers, ...late, ...begun, ...again]) {
        expectClean(judgeTs(await viewer.stop()), { ...CLEAN, maxSignalled: 0 });
      }
    },
  );
});

rigged.concurrent(
  'two workers start without Redis and make the same stream; when it comes, one does',
  async ({ stage, rig }) => {
    const redis = await startRedis();
    await redis.kill();
    const cluster = await emptyCluster(MANY, redis);
    rig.later(cluster.stop);
    const workers = await Promise.all(['worker-1', 'worker-2'].map((id) => cluster.start(id)));
    const source = await stage.source();
    for (const worker of workers) {
      expect((await worker.api.get('/readyz')).status).toBe(200);
      expect(
        worker.logged('Redis does not answer; starting without it, and joining the cluster when it answers'),
      ).toHaveLength(1);
    }
    const body = { url: source.url, profile: LIGHT };
    const ids = await Promise.all(workers.map(async (worker) => (await worker.api.createTranscode(body)).stream_id));
    const streamId = ids[0] as string;
    expect(ids[1]).toBe(streamId);
    const viewers = spread(stage, 6, workers, streamId);
    await allPlaying(viewers);
    expect(ffmpegsOf(workers)).toHaveLength(2);
    await sleep(1_000);
    await redis.start();
    await isWhole(redis, workers, 1, { [streamId]: 6 });
    await until(async () => (await source.account()).open === 1, {
      timeoutMs: 3_000,
      what: 'one connection to be left',
    });
    // Their addresses and the secret of one of them hold for a third.
    const third = await cluster.start('worker-3');
    const more = stage.viewer(`${third.url}/stream/${streamId}`);
    await allPlaying([more]);
    await sleep(2_000);
    // The record says that they were without it.
    for (const type of ['redis_lost', 'redis_back']) {
      const { body } = await third.api.get<{ events: { data: { worker_id: string } }[] }>(`/events?type=${type}`);
      expect(body.events.map(({ data }) => data.worker_id).sort()).toEqual(['worker-1', 'worker-2']);
    }
    expect(ffmpegsOf([...workers, third])).toHaveLength(1);
    expect(await counted(redis, streamId)).toBe(7);
    for (const viewer of [...viewers, more]) {
      expect(viewer.ended).toBe(false);
      expectClean(judgeTs(await viewer.stop()), { ...CLEAN, maxStallMs: 3_000 });
    }
  },
);

rigged.concurrent(
  'Redis takes 2 s for every command: running streams and joins do not care',
  async ({ stage, rig }) => {
    const redis = await startRedis();
    const proxy = await startTcpProxy({ target: redis });
    rig.later(() => proxy.close());
    const cluster = await emptyCluster({ ...MANY, REDIS_SERVER_PORT: String(proxy.port) }, redis);
    rig.later(cluster.stop);
    const workers = await Promise.all(['worker-1', 'worker-2'].map((id) => cluster.start(id)));
    const [first, second] = workers as [Worker, Worker];
    const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {} } });
    const { stream_id } = await first.api.createTranscode({ url: source.channel('/a.ts').url, profile: LIGHT });
    const beganMs = performance.now();
    const viewers = spread(stage, 4, workers, stream_id);
    await allPlaying(viewers);
    const usualMs = performance.now() - beganMs;
    await sleep(1_000);
    proxy.delay(2_000);
    await sleep(3_500);
    const joining = workers.map((worker) => stage.viewer(`${worker.url}/stream/${stream_id}`));
    await allPlaying(joining, 1_000);
    const startMs = performance.now();
    const made = await second.api.createTranscode({ url: source.channel('/b.ts').url, profile: lightAt(210) });
    const alone = stage.viewer(made.playUrl);
    await allPlaying([alone]);
    // An FFmpeg's start, and one answer of Redis at most.
    expect(performance.now() - startMs).toBeLessThan(usualMs + 3_000);
    await sleep(2_500);
    for (const worker of workers) {
      expect(worker.logged('Redis does not answer')).toHaveLength(1);
      expect(worker.logged('the registry does not answer; streams go on')).toEqual([]);
    }
    proxy.delay(0);
    await sleep(1_000);
    await isWhole(redis, workers, 2, { [stream_id]: 6, [made.stream_id]: 1 });
    for (const viewer of [...viewers, ...joining, alone]) {
      expectClean(judgeTs(await viewer.stop()), { ...CLEAN, maxSignalled: 0 });
    }
  },
);

/** Everything that people and their tools ask a worker while Redis hangs, and what it may say: 503 where only Redis knows. */
const questionsAbout = (known: string, elsewhere: string): [string, string, number[]][] => [
  ['GET', '/', [200]],
  ['GET', '/health', [200]],
  ['GET', '/metrics', [200]],
  ['GET', '/readyz', [200]],
  ['GET', '/stats', [200]],
  ['GET', '/stats/detailed', [200]],
  ['GET', '/stats/performance', [200]],
  ['GET', '/stats/streams', [200]],
  ['GET', '/clients', [200]],
  ['GET', '/workers', [200]],
  ['GET', '/streams', [200]],
  ['GET', `/streams/${known}`, [200]],
  ['GET', '/streams/by-metadata?field=a&value=b', [200]],
  ['GET', '/streams/counts-by-metadata?field=a&values=b', [200]],
  ['DELETE', '/streams/by-metadata?field=a&value=b', [200]],
  ['DELETE', '/streams/oldest-by-metadata?field=a&value=b', [200]],
  ['DELETE', `/hls/${known}/clients/nobody`, [200]],
  ['GET', `/streams/${elsewhere}`, [503]],
  ['DELETE', `/streams/${'0'.repeat(32)}`, [503]],
  ['POST', `/streams/${elsewhere}/failover`, [503]],
  ['GET', `/stream/${elsewhere}`, [503]],
  ['GET', `/hls/${elsewhere}/playlist.m3u8`, [503]],
  ['POST', '/workers/worker-9/drain', [503]],
  ['POST', '/workers/worker-1/drain?force=true', [503]],
  ['POST', '/workers/worker-1/undrain', [503]],
  ['POST', '/workers/worker-2/drain', [503]],
];
const HANG_MS = 10_000;
const ANSWER_MS = 3_000;

rigged.concurrent(
  'Redis hangs for 10 s: nobody notices, calls answer in time, and then all is counted',
  async ({ stage, rig }) => {
    const cluster = await startCluster(2, MANY);
    rig.later(cluster.stop);
    const { workers, redis } = cluster;
    const [first, second] = workers as [Worker, Worker];
    const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {}, '/c.ts': {} } });
    const make = (worker: Worker, path: string, profile = LIGHT) =>
      worker.api.createTranscode({ url: source.channel(path).url, profile });
    const { stream_id } = await make(first, '/a.ts');
    // Nobody but Redis knows this one: the worker on which it was made is gone.
    const third = await cluster.start('worker-3');
    const unmet = await make(third, '/c.ts');
    expect((await third.stop('SIGTERM')).code).toBe(0);
    workers.splice(workers.indexOf(third), 1);
    const viewers = spread(stage, 6, workers, stream_id);
    await allPlaying(viewers);
    await sleep(1_000);
    const hungAtMs = performance.now();
    await redis.pause();
    rig.later(async () => redis.resume());

    // The first that is asked is the one that finds out, so all are asked at once.
    const ask = async (method: string, path: string, wanted: readonly number[]) => {
      const startMs = performance.now();
      const answer = await second.api.request<{ detail?: string }>(method, path);
      const tookMs = performance.now() - startMs;
      const why = answer.status === 503 ? (answer.body.detail ?? '') : '';
      const retry = answer.status === 503 ? Number(answer.headers.get('retry-after')) : 1;
      const isRight = wanted.includes(answer.status) && tookMs < ANSWER_MS && retry > 0;
      return isRight && (answer.status !== 503 || why.includes('Redis')) ? [] : [{ method, path, ...answer, tookMs }];
    };
    const questions = questionsAbout(stream_id, unmet.stream_id);
    const askAll = async () => (await Promise.all(questions.map((question) => ask(...question)))).flat();
    expect(await askAll()).toEqual([]);
    const joining = spread(stage, 2, workers, stream_id);
    // The other worker finds out by them, which takes a second once.
    await allPlaying(joining, 2_500);
    const made = await make(second, '/b.ts', lightAt(210));
    const alone = stage.viewer(made.playUrl);
    await allPlaying([alone]);
    const [leaver] = viewers.splice(0, 1);
    await leaver?.stop();
    await sleep(Math.max(0, hungAtMs + HANG_MS / 2 - performance.now()));
    expect(await askAll()).toEqual([]);
    const late = spread(stage, 2, workers, stream_id);
    await allPlaying(late, 1_000);
    await sleep(Math.max(0, hungAtMs + HANG_MS - performance.now()));
    redis.resume();
    await isWhole(redis, workers, 2, { [stream_id]: 9, [made.stream_id]: 1 });
    for (const worker of workers) {
      await until(async () => (await worker.api.get(`/streams/${unmet.stream_id}`)).status === 200, {
        timeoutMs: 3_000,
        what: 'a stream that only Redis knew',
      });
      expect((await worker.api.get<{ total_clients: number }>('/clients')).body.total_clients).toBe(10);
    }
    await sleep(1_000);
    // What was answered with 503 was not done later.
    const { workers: rows } = (await second.api.get<{ workers: { draining: boolean }[] }>('/workers')).body;
    expect(rows.map(({ draining }) => draining)).toEqual([false, false]);
    expect(await source.account()).toMatchObject({ total: 2, open: 2 });
    for (const viewer of [...viewers, ...joining, ...late, alone]) {
      expectClean(judgeTs(await viewer.stop()), { ...CLEAN, maxSignalled: 0 });
    }
  },
);

rigged.concurrent('Redis fails over to a replica that lost the last seconds', async ({ stage, rig }) => {
  const primary = await startRedis();
  rig.later(() => primary.stop());
  const replication = await startTcpProxy({ target: primary });
  rig.later(() => replication.close());
  const replica = await startRedis({ replicaOf: replication.port });
  const address = await startTcpProxy({ target: primary });
  rig.later(() => address.close());
  const cluster = await emptyCluster({ ...MANY, REDIS_SERVER_PORT: String(address.port) }, replica);
  rig.later(cluster.stop);
  const workers = await Promise.all(['worker-1', 'worker-2', 'worker-3'].map((id) => cluster.start(id)));
  const [first, second] = workers as [Worker, Worker];
  const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {} } });
  const { stream_id } = await first.api.createTranscode({ url: source.channel('/a.ts').url, profile: LIGHT });
  const viewers = spread(stage, 6, workers, stream_id);
  await allPlaying(viewers);
  await until(async () => (await counted(replica, stream_id)) === 6, { what: 'the replica to follow' });
  await sleep(1_000);
  // From here on the replica hears nothing: a viewer leaves, others come, a stream is made and another deleted.
  replication.hold(true);
  await viewers.pop()?.stop();
  const late = spread(stage, 2, workers, stream_id);
  const made = await second.api.createTranscode({ url: source.channel('/b.ts').url, profile: lightAt(210) });
  const others = spread(stage, 3, workers, made.stream_id);
  await allPlaying([...late, ...others]);
  expect(await counted(primary, made.stream_id)).toBe(3);
  const processes = ffmpegsOf(workers).sort();
  // The address leads to the replica before that is a primary: it answers READONLY.
  address.switchTo(replica);
  await primary.kill();
  await sleep(1_000);
  expect(await counted(replica, stream_id)).toBe(6);
  await replica.cli('REPLICAOF', 'NO', 'ONE');
  await isWhole(replica, workers, 2, { [stream_id]: 7, [made.stream_id]: 3 });
  await sleep(2_000);
  expect(ffmpegsOf(workers).sort()).toEqual(processes);
  expect(await source.account()).toMatchObject({ total: 2 });
  for (const worker of workers) {
    expect((await worker.api.get<{ total_clients: number }>('/clients')).body.total_clients).toBe(10);
  }
  for (const viewer of [...viewers, ...late, ...others]) {
    expectClean(judgeTs(await viewer.stop()), { ...CLEAN, maxSignalled: 0 });
  }
});
