/** What is not the stream's fault is no error of it, and who waits for a stream that ends is told so. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { COPY, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const PATH = '/ch1.ts';

async function errorsOf(worker: Worker, id: string): Promise<number> {
  return (await worker.api.get<{ stream: { error_count: number } }>(`/streams/${id}`)).body.stream.error_count;
}

/** An FFmpeg that is started without a flag of its muxer, which the worker itself would always give it. */
async function ffmpegWithout(flag: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'streampool-ffmpeg-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'ffmpeg');
  const real = process.env.FFMPEG_PATH ?? 'ffmpeg';
  const script = [
    '#!/bin/sh',
    'for given; do',
    '  shift',
    `  case "$given" in *'${flag}'*) given="$(printf %s "$given" | sed 's/${flag}//')";; esac`,
    '  set -- "$@" "$given"',
    'done',
    `exec ${real} "$@"`,
  ];
  await writeFile(path, `${script.join('\n')}\n`);
  await chmod(path, 0o755);
  await chmod(folder, 0o755);
  return path;
}

/** A worker and a stream whose source takes the connection and sends nothing. */
async function waiting(stage: Stage) {
  const source = await stage.source();
  await source.channel(PATH).hang('headers');
  const worker = await stage.worker({ SHARED_STREAM_GRACE: '0' });
  const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
  const viewer = stage.viewer(stream.playUrl);
  await until(async () => (await source.account()).open === 1, { what: 'a connection to the source' });
  return { worker, stream, viewer };
}

describe.concurrent('a viewer who waits for the first picture', () => {
  staged('and leaves is no error', async ({ stage }) => {
    const { worker, stream, viewer } = await waiting(stage);
    await viewer.stop();
    await until(() => worker.ffmpegPids().length === 0, { what: 'nothing to run for nobody' });
    expect(await errorsOf(worker, stream.stream_id)).toBe(0);
  });

  staged('for a stream that is deleted hears that there is none', async ({ stage }) => {
    const { worker, stream, viewer } = await waiting(stage);
    expect((await worker.api.del(`/streams/${stream.stream_id}`)).status).toBe(200);
    expect(await viewer.done).toMatchObject({ status: 404 });
    expect(worker.logged('a bug')).toEqual([]);
  });

  staged('for an output that nobody could join hears what is wrong with it', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ FFMPEG_PATH: await ffmpegWithout('+empty_moov') });
    const stream = await worker.api.createTranscode({
      url: source.url,
      profile: COPY.replace('-f mpegts', '-an -f mp4'),
      output_format: 'mp4',
    });
    const { status, bytes } = await stage.viewer(stream.playUrl).done;
    expect([status, bytes.toString()]).toEqual([502, expect.stringContaining('so no viewer could join it')]);
    expect(await errorsOf(worker, stream.stream_id)).toBe(1);
    expect(worker.logged('a bug')).toEqual([]);
  });

  staged('and is served by a connection of its own, as the source cannot be shared, is no error', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ SHARE_DIRECT_STREAMS: 'true' });
    await source.channel(PATH).answer({ kind: 'finite', bytes: 5_000_000 });
    const stream = await worker.api.createStream({ url: source.url });
    const viewer = stage.viewer(stream.playUrl);
    await until(() => viewer.byteCount > 0, { what: 'bytes' });
    expect(await errorsOf(worker, stream.stream_id)).toBe(0);
  });
});
