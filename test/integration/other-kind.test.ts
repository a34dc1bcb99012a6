/** A failover from MPEG-TS to HLS: whoever watches goes on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileSource } from '../support/file-source.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { leakCheck } from '../support/leaks.ts';
import { type LiveSource, startLiveSource } from '../support/live-source.ts';
import { startRecording } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { startWorker, type Worker } from '../support/worker.ts';

let files: FileSource;
let source: LiveSource;
let worker: Worker;

beforeAll(async () => {
  files = await FileSource.start();
  source = await startLiveSource({ channels: { '/shared.ts': {}, '/alone.ts': {}, '/third.ts': {} } });
  worker = await startWorker({ SHARED_STREAM_GRACE: '1' });
});

afterAll(async () => {
  await leakCheck({ workers: [worker], sources: [source] });
  await worker.stop();
  await Promise.all([files.close(), source.close()]);
});

describe('the source breaks for good, and its backup is HLS', () => {
  it('a shared direct stream goes on with what FFmpeg makes of it', async () => {
    const channel = source.channel('/shared.ts');
    const body = { url: channel.url, failover_urls: [files.url('hls/live.m3u8')], share: true };
    const { playUrl } = await worker.api.createStream(body);
    const viewer = startRecording(playUrl);
    await until(() => viewer.byteCount > 50_000, { what: 'the first picture' });
    await channel.status(404);
    await channel.cutConnections();
    const before = viewer.byteCount;
    await until(() => viewer.byteCount > before + 200_000, { what: 'media of the backup', timeoutMs: 30_000 });
    expect(worker.ffmpegPids()).toHaveLength(1);
    const recording = await viewer.stop();
    expect(recording.endedBy).toBe('limit');
    expectClean(judgeTs(recording), { video: true, audio: true, maxGapMs: 20_000 });
  });

  it('a direct stream of one viewer skips it', async () => {
    const channel = source.channel('/alone.ts');
    const third = source.channel('/third.ts');
    const failovers = [files.url('hls/live.m3u8'), third.url];
    const { playUrl } = await worker.api.createStream({ url: channel.url, failover_urls: failovers, share: false });
    const viewer = startRecording(playUrl);
    await until(() => viewer.byteCount > 50_000, { what: 'the first picture' });
    await channel.status(404);
    await channel.cutConnections();
    await until(async () => (await third.stats()).open === 1, { what: 'the third source', timeoutMs: 20_000 });
    const before = viewer.byteCount;
    await until(() => viewer.byteCount > before + 100_000, { what: 'its media', timeoutMs: 10_000 });
    expect((await viewer.stop()).endedBy).toBe('limit');
  });
});
