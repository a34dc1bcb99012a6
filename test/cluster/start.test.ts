/** What a worker finds out at its start: its address and zone from ECS, and whether Redis lets it in. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { START_LIMIT_MS } from '../../services/proxy/src/worker/start.ts';
import { startRedis } from '../support/redis.ts';
import { TaskAgent } from '../support/task-agent.ts';
import { until } from '../support/until.ts';
import { runWorkerToExit, startWorker, type WorkerEnv } from '../support/worker.ts';

/** A Redis that does not run, and what a task of ECS is told that shall use it. */
async function taskWithoutRedis() {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  await redis.kill();
  const agent = await TaskAgent.start('127.0.0.1', 1);
  onTestFinished(() => agent.close());
  return { redis, env: { ...redis.env, RELAY_PORT: '0', ...agent.env } };
}

it('on ECS a worker lives without Redis, and takes viewers when that has answered once', async () => {
  const { redis, env } = await taskWithoutRedis();
  const worker = await startWorker(env);
  onTestFinished(async () => void (await worker.stop('SIGINT')));
  const ready = () => worker.api.get<{ status?: string; detail?: string }>('/readyz');
  expect((await worker.api.get('/livez')).status).toBe(200);
  const { status, body, headers } = await ready();
  expect([status, headers.get('retry-after')]).toEqual([503, '5']);
  expect(body.detail).toMatch(/^Redis has not answered this worker since its start.* Check REDIS_HOST/);
  await redis.start();
  await until(async () => (await ready()).status === 200, { what: 'the worker to be ready' });
  // Once is enough: a Redis that goes away again harms no viewer.
  await redis.kill();
  const unknown = async () => (await worker.api.get(`/streams/${'0'.repeat(32)}`)).status;
  await until(async () => (await unknown()) === 503, { what: 'the worker to notice' });
  expect((await ready()).status).toBe(200);
});

/** Node's arguments with which the limit of a worker's start is over after a second, or when the worker gets SIGUSR2. */
async function shortStart(end: 'second' | 'signal'): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'streampool-start-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'short.cjs');
  const then = end === 'signal' ? "process.on('SIGUSR2', f)" : 'set(f, 1000)';
  await writeFile(
    file,
    `const set = setTimeout; globalThis.setTimeout = (f, ms, ...a) => ms === ${START_LIMIT_MS} ? ${then} : set(f, ms, ...a);\n`,
  );
  return ['--require', file];
}

it('a worker that has not been ready within its time ends with 1 and says why; one that has been stays', async () => {
  const { redis, env } = await taskWithoutRedis();
  const nodeArgs = await shortStart('signal');
  const late = await startWorker(env, { nodeArgs });
  onTestFinished(async () => void (await late.stop('SIGKILL')));
  late.signal('SIGUSR2');
  expect(await late.exited).toEqual({ code: 1, signal: null });
  const [last] = late.logs.slice(-1);
  expect(last).toMatchObject({ level: 'fatal' });
  expect(last?.msg).toMatch(/^This worker is not ready 5 minutes after its start, so it ends. Redis has not answered/);
  // Elsewhere without Redis, and on ECS with it.
  await redis.start();
  const elsewhere: WorkerEnv = { REDIS_ENABLED: 'true', REDIS_SERVER_PORT: '1', RELAY_PORT: '0' };
  for (const good of [elsewhere, env]) {
    const worker = await startWorker(good, { nodeArgs });
    onTestFinished(async () => void (await worker.stop('SIGINT')));
    await until(async () => (await worker.api.get('/readyz')).status === 200, { what: 'the worker to be ready' });
    worker.signal('SIGUSR2');
    expect((await worker.api.get('/readyz')).status).toBe(200);
    expect(worker.exit).toBeUndefined();
  }
});

it('a worker that still looks for its FFmpeg after that time ends with 1, too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'streampool-ffmpeg-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'ffmpeg'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  const nodeArgs = await shortStart('second');
  const { code, output } = await runWorkerToExit({ FFMPEG_PATH: join(folder, 'ffmpeg') }, { nodeArgs });
  expect(output).toMatch(/"level":"fatal".*This worker is not ready 5 minutes after.*not come so far as to listen/);
  expect(code).toBe(1);
});

it('a task on ECS is reached at the address, and is in the zone, that its metadata says', async () => {
  const task = { AvailabilityZone: 'eu-west-1b', Containers: [{ Networks: [{ IPv4Addresses: ['127.0.0.9'] }] }] };
  const metadata = createServer((_, response) => void response.end(JSON.stringify(task)));
  await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve));
  const redis = await startRedis();
  const uri = `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/v4/abc`;
  const worker = await startWorker({
    ...redis.env,
    WORKER_ID: 'w',
    RELAY_PORT: '0',
    ECS_CONTAINER_METADATA_URI_V4: uri,
  });
  try {
    const record = JSON.parse(await redis.cli('HGET', 'workers', 'w')) as Record<string, unknown>;
    expect(record).toMatchObject({ workerId: 'w', zone: 'eu-west-1b', processes: 0, clients: 0, draining: false });
    expect(record.address).toMatch(/^127\.0\.0\.9:\d+$/);
    expect(Object.keys(record)).toEqual(expect.arrayContaining(['startedAtMs', 'lastSeenMs', 'cpu']));
  } finally {
    await worker.stop('SIGINT');
    await redis.stop();
    metadata.close();
  }
});

it('a Redis that refuses the password or the database stops the start, with what to check', async () => {
  const redis = await startRedis({ password: 'right' });
  try {
    for (const env of [{ REDIS_PASSWORD: 'wrong' }, { REDIS_PASSWORD: undefined }, { REDIS_DB: '99' }]) {
      const { code, output } = await runWorkerToExit({ ...redis.env, RELAY_PORT: '0', ...env });
      expect(output).toContain('Redis refuses this worker');
      expect(output).toContain('REDIS_PASSWORD');
      expect(output).not.toMatch(/wrong|right/);
      expect(code).toBe(1);
    }
  } finally {
    await redis.stop();
  }
});
