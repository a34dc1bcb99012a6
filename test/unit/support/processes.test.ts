// The helpers that start and watch processes: recorder, worker, Redis, waiting.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { expectClean } from '../../support/judge/index.ts';
import { leakCheck } from '../../support/leaks.ts';
import { startLiveSource } from '../../support/live-source.ts';
import { processInfo } from '../../support/processes.ts';
import { record } from '../../support/recorder.ts';
import { bytesOf, startRecordingProcess } from '../../support/recorder-process.ts';
import { startRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';
import { runWorkerToExit, startWorker, type Worker } from '../../support/worker.ts';

/** A stand-in for the worker: listens, logs, starts an FFmpeg that waits for input for ever, answers every path. */
const STAND_IN = `
import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
if (process.env.PORT === 'x') { console.error('PORT: "x" is not a port'); process.exit(1); }
spawn('ffmpeg', ['-v', 'quiet', '-i', 'pipe:0', '-f', 'null', '-'], { stdio: ['pipe', 'ignore', 'ignore'], env: {} });
const server = createServer((request, response) => {
  response.writeHead(request.url === '/missing' ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ stream_id: 'a', stream_endpoint: '/stream/a', token: request.headers['x-api-token'] }));
}).listen(0, '127.0.0.1', () => {
  const address = 'http://127.0.0.1:' + server.address().port;
  console.log(JSON.stringify({ level: 30, msg: 'listening', address }));
});
process.on('SIGTERM', () => process.exit(0));
`;

function standIn(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'streampool-stand-in-')), 'main.mjs');
  writeFileSync(path, STAND_IN);
  return path;
}

const workers: Worker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop('SIGKILL')));
});

describe('a worker', () => {
  it('is started, asked, measured and ended', async () => {
    const worker = await startWorker({ API_TOKEN: 'secret' }, { main: standIn() });
    workers.push(worker);
    expect(worker.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await worker.api.createTranscode({ url: 'http://x/' })).toMatchObject({
      playUrl: `${worker.url}/stream/a`,
      token: 'secret',
    });
    expect((await worker.api.get('/missing')).status).toBe(404);
    expect(worker.rssBytes()).toBeGreaterThan(10e6);
    expect(worker.cpuSeconds()).toBeGreaterThan(0);
    expect(worker.logged('listening')).toHaveLength(1);
    expect(worker.ffmpegPids()).toHaveLength(1);
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
  });

  it('leaves an FFmpeg behind that is found, though its parent is dead', async () => {
    const worker = await startWorker({}, { main: standIn() });
    workers.push(worker);
    const [ffmpeg = 0] = worker.ffmpegPids();
    process.kill(ffmpeg, 'SIGSTOP');
    expect(await worker.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(worker.ffmpegPids()).toEqual([ffmpeg]);
    await expect(leakCheck({ workers: [worker], timeoutMs: 200 })).rejects.toThrow(`FFmpeg ${ffmpeg}`);
    worker.killSession();
    await leakCheck({ workers: [worker] });
  });

  it('may refuse to start', async () => {
    const exit = await runWorkerToExit({ PORT: 'x' }, { main: standIn() });
    expect(exit).toMatchObject({ code: 1, output: expect.stringContaining('is not a port') });
    await expect(startWorker({ PORT: 'x' }, { main: standIn() })).rejects.toThrow('is not a port');
  });
});

describe('a recorder', () => {
  it('reads slowly, pauses, and stops at a size', async () => {
    const source = await startLiveSource({ fixture: 'heavy', join: 'frame' });
    const slow = await record(source.url, { seconds: 1, readRate: 50_000 });
    expect(slow.byteCount).toBeLessThan(250_000);
    const paused = await record(source.url, { seconds: 2, pauseAt: { atSeconds: 0.5, forSeconds: 1 } });
    const longest = Math.max(...paused.arrivals.map(({ atMs }, i) => atMs - (paused.arrivals[i - 1]?.atMs ?? 0)));
    expect(longest).toBeGreaterThan(900);
    expect((await record(source.url, { untilBytes: 100_000 })).endedBy).toBe('limit');
    const counted = await record(source.url, { seconds: 0.5, keep: false });
    expect(counted.bytes.length).toBe(0);
    expect(counted.byteCount).toBeGreaterThan(0);
    await source.close();
  });

  it('records and judges many clients in another process', async () => {
    const source = await startLiveSource({ fixture: 'bframes', join: 'frame', clockStarts: 'first-connection' });
    const urls = Array.from({ length: 5 }, () => source.url);
    const clients = await startRecordingProcess({ urls, options: { seconds: 2 }, files: true });
    const { recordings, cpuSeconds } = await clients.done;
    expect(recordings).toHaveLength(5);
    for (const recording of recordings) {
      if (recording.verdict === undefined) throw new Error('not judged');
      expectClean(recording.verdict, { cleanStart: false, minSeconds: 1 });
      expect((await bytesOf(recording)).length).toBe(recording.byteCount);
    }
    expect(cpuSeconds).toBeLessThan(2);
    await clients.cleanUp();
    expect(processInfo(clients.pid)).toBeUndefined();
    await leakCheck({ sources: [source] });
    await source.close();
  });
});

describe('Redis', () => {
  it('starts, freezes, restarts empty, follows a primary', async () => {
    const redis = await startRedis({ password: 's p' });
    expect(await redis.cli('set', 'a', '1')).toBe('OK');
    const replica = await startRedis({ password: 's p', replicaOf: redis.port });
    await until(async () => (await replica.cli('get', 'a')) === '1', { what: 'the replica to follow' });
    const before = await redis.commandsProcessed();
    await redis.cli('ping');
    expect(await redis.commandsProcessed()).toBeGreaterThan(before);
    await redis.pause();
    expect(processInfo(redis.pid)?.state).toBe('T');
    redis.resume();
    await redis.restart();
    expect(await redis.cli('get', 'a')).toBe('');
    await Promise.all([redis.stop(), replica.stop()]);
  });
});

it('until says what it waited for', async () => {
  await expect(until(() => false, { timeoutMs: 30, what: 'pigs to fly' })).rejects.toThrow(
    'waited 30 ms for pigs to fly',
  );
  expect(await until(() => 7, { what: 'seven' })).toBe(7);
});
