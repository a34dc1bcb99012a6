// What is left behind: nothing, however a worker ends, and however a viewer leaves.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { processInfo } from '../support/processes.ts';
import { allPlaying, COPY, connectionCount, ffmpegCount, LIGHT, poolingOf, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const PACKET = 188;

async function clientCount(worker: Worker): Promise<number> {
  return (await poolingOf(worker)).clients;
}

describe.concurrent('kill -9 of the worker leaves no FFmpeg and no connection', () => {
  staged('while it plays', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker();
    const streams = await Promise.all(
      [LIGHT, COPY].map((profile) => worker.api.createTranscode({ url: source.url, profile })),
    );
    const viewers = streams.map(({ playUrl }) => stage.viewer(playUrl));
    await allPlaying(viewers);
    await ffmpegCount(worker, 2);
    await worker.kill();
    await ffmpegCount(worker, 0);
    await connectionCount(source, 0);
    await until(() => viewers.every((viewer) => viewer.ended), { what: 'the responses to end' });
  });

  staged('while FFmpeg waits on a silent source', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker();
    const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    await allPlaying([stage.viewer(stream.playUrl)]);
    await source.stall(60_000, 'freeze');
    await sleep(3_000);
    expect(worker.ffmpegPids()).toHaveLength(1);
    await worker.kill();
    await ffmpegCount(worker, 0);
    await connectionCount(source, 0);
  });

  staged('while FFmpeg hangs', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker();
    const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    await allPlaying([stage.viewer(stream.playUrl)]);
    const [pid = 0] = worker.ffmpegPids();
    process.kill(pid, 'SIGSTOP');
    await until(() => processInfo(pid)?.state === 'T', { what: 'FFmpeg to stand still' });
    await worker.kill();
    await ffmpegCount(worker, 0);
  });

  staged('while the source hangs, before and after its headers', async ({ stage }) => {
    const [before, after] = [await stage.source(), await stage.source()];
    await before.hang('request');
    await after.hang('headers');
    const worker = await stage.worker();
    for (const source of [before, after]) {
      const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
      stage.viewer(stream.playUrl);
    }
    await connectionCount(after, 1);
    await worker.kill();
    await ffmpegCount(worker, 0);
    await connectionCount(after, 0);
  });

  staged('while FFmpeg reads a source that it opened itself', async ({ stage }) => {
    const files = await startFileSource();
    try {
      const worker = await stage.worker();
      const stream = await worker.api.createTranscode({ url: files.url('hls/live.m3u8'), profile: COPY });
      await allPlaying([stage.viewer(stream.playUrl)]);
      expect(worker.ffmpegPids()).toHaveLength(1);
      await worker.kill();
      await ffmpegCount(worker, 0);
    } finally {
      await files.close();
    }
  });
});

describe.concurrent('SIGTERM', () => {
  staged('lets viewers go on until DRAIN_TIMEOUT, then ends them at a packet and exits with 0', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ DRAIN_TIMEOUT: '4' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const viewers = stage.viewers(3, stream.playUrl);
    await allPlaying(viewers);
    expect(await worker.api.get('/readyz')).toMatchObject({ status: 200 });
    worker.signal('SIGTERM');
    await until(async () => (await worker.api.get('/readyz')).status === 503, { what: 'readyz to say 503' });
    expect(await worker.api.get('/livez')).toMatchObject({ status: 200 });
    const late = await worker.api.get(new URL(stream.playUrl).pathname);
    expect(late.status).toBe(503);
    expect(late.headers.get('retry-after')).not.toBeNull();

    const atSignal = viewers.map((viewer) => viewer.byteCount);
    await sleep(2_000);
    expect(worker.exit).toBeUndefined();
    for (const [index, viewer] of viewers.entries()) {
      expect(viewer.ended).toBe(false);
      expect(viewer.byteCount).toBeGreaterThan(atSignal[index] ?? 0);
    }
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    for (const viewer of viewers) {
      const recording = await viewer.done;
      expect(recording).toMatchObject({ endedBy: 'end', error: undefined });
      expect(recording.byteCount % PACKET).toBe(0);
      expectClean(judgeTs(recording), { video: true, audio: true, minSeconds: 4, frameTicks: 3600, maxSignalled: 0 });
    }
    await ffmpegCount(worker, 0);
    await connectionCount(source, 0);
  });

  staged('ends the worker as soon as its last viewer has left', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ DRAIN_TIMEOUT: '100' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    const viewer = stage.viewer(stream.playUrl);
    await allPlaying([viewer]);
    worker.signal('SIGTERM');
    await sleep(1_000);
    expect(viewer.ended).toBe(false);
    expect(worker.exit).toBeUndefined();
    await viewer.stop();
    await until(() => worker.exit !== undefined, { what: 'the worker to exit', timeoutMs: 10_000 });
    expect(worker.exit).toEqual({ code: 0, signal: null });
    await ffmpegCount(worker, 0);
    await connectionCount(source, 0);
  });

  staged('waits for a viewer whose stream is about to begin', async ({ stage }) => {
    const source = await stage.source({ answer: { kind: 'hang', after: 'headers' } });
    await source.answer({ kind: 'hang', after: 'request' }, 1);
    const worker = await stage.worker({ DRAIN_TIMEOUT: '8', DEFAULT_READ_TIMEOUT: '2', STREAM_RETRY_DELAY: '0' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    const viewer = stage.viewer(stream.playUrl);
    await until(async () => (await clientCount(worker)) === 1, { what: 'the viewer to wait' });
    worker.signal('SIGTERM');
    await allPlaying([viewer]);
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(await viewer.done).toMatchObject({ status: 200, endedBy: 'end' });
  });
});

describe.concurrent('SIGINT', () => {
  staged('ends the worker at once, viewers or not, and with whole packets', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ DRAIN_TIMEOUT: '100' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const viewer = stage.viewer(stream.playUrl);
    const stuck = stage.viewer(stream.playUrl, { pauseAt: { atSeconds: 0 } });
    await allPlaying([viewer]);
    await sleep(1_000);
    worker.signal('SIGINT');
    await until(() => worker.exit !== undefined, { what: 'the worker to exit', timeoutMs: 8_000 });
    expect(worker.exit).toEqual({ code: 0, signal: null });
    const recording = await viewer.done;
    expect(recording.endedBy).toBe('end');
    expect(recording.byteCount % PACKET).toBe(0);
    await stuck.stop();
    await ffmpegCount(worker, 0);
    await connectionCount(source, 0);
  });
});

describe.concurrent('viewers who leave while their stream still starts leave nothing', () => {
  staged.for([
    ['a source that never answers', 'request'],
    ['a source that answers and sends nothing', 'headers'],
  ] as const)('%s', async ([, after], { stage }) => {
    const source = await stage.source();
    await source.hang(after);
    const worker = await stage.worker({ SHARED_STREAM_GRACE: '1', MAX_CLIENTS_PER_SHARED_STREAM: '3' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const viewers = stage.viewers(10, stream.playUrl);
    await until(async () => (await clientCount(worker)) === 10, { what: 'all viewers to wait' });
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    await until(async () => (await clientCount(worker)) === 0, { what: 'no viewer to be counted' });
    await until(async () => (await poolingOf(worker)).feeds.length === 0, { what: 'the start to be given up' });
    await connectionCount(source, 0);
    await ffmpegCount(worker, 0);
    // And the stream is not the worse for it.
    await source.play();
    await allPlaying([stage.viewer(stream.playUrl)]);
    expect((await source.account()).maxConcurrent).toBe(1);
  });

  staged('at every moment of a normal start', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ SHARED_STREAM_GRACE: '0', ENABLE_TRANSCODING_POOLING: 'false' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    for (let round = 0; round < 12; round++) {
      const viewer = stage.viewer(stream.playUrl);
      await sleep(round * 120);
      await viewer.stop();
    }
    await until(async () => (await clientCount(worker)) === 0, { what: 'no viewer to be counted' });
    await ffmpegCount(worker, 0, 5_000);
    await connectionCount(source, 0, 5_000);
    expect((await source.account()).maxConcurrent).toBe(1);
  });
});
