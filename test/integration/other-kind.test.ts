/** A failover from MPEG-TS to HLS, or back: whoever watches goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, type types } from 'hls-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileSource } from '../support/file-source.ts';
import { HlsViewer } from '../support/hls-viewer.ts';
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
  source = await startLiveSource({
    channels: { '/shared.ts': {}, '/alone.ts': {}, '/third.ts': {}, '/backup.ts': {} },
  });
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
    const player = await HlsViewer.open(playUrl.replace('/stream/', '/hls/').concat('/playlist.m3u8'));
    const { numbers } = await player.playlist();
    await channel.status(404);
    await channel.cutConnections();
    const before = viewer.byteCount;
    await until(() => viewer.byteCount > before + 200_000, { what: 'media of the backup', timeoutMs: 30_000 });
    await until(() => worker.ffmpegPids().length === 1, { what: 'one FFmpeg' });
    await player.playlistWith((numbers.at(-1) ?? 0) + 4);
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

it('an HLS source breaks for good, and its backup is MPEG-TS: the playlist goes on under its address', async () => {
  const provider = await FileSource.start();
  const body = { url: provider.url('hls/live.m3u8'), failover_urls: [source.channel('/backup.ts').url] };
  const { stream_id: id } = await worker.api.createStream(body);
  const entry = `${worker.url}/hls/${id}/playlist.m3u8`;
  const [path = ''] = (parse(await (await fetch(entry)).text()) as types.MasterPlaylist).variants.map(({ uri }) => uri);
  const address = new URL(path, entry);
  let bytes = 0;
  const playlist = async () => {
    const answer = await fetch(address);
    const text = await answer.text();
    bytes += Buffer.byteLength(text);
    expect([answer.status, text.split(/\r?\n/)[0]]).toEqual([200, '#EXTM3U']);
    return parse(text) as types.MediaPlaylist;
  };
  const numberOf = ({ mediaSequenceBase = 0, segments }: types.MediaPlaylist) => mediaSequenceBase + segments.length;
  const first = await playlist();
  await provider.close();
  const seen = [first];
  const endMs = performance.now() + 30_000;
  for (let own = 0; own < 4 && performance.now() < endMs; await sleep(500)) {
    const next = await playlist();
    own = next.segments.filter(({ uri }) => uri.includes('?n=')).length;
    seen.push(next);
  }
  for (const [at, next] of seen.entries()) {
    expect(numberOf(next)).toBeGreaterThanOrEqual(numberOf(seen[at - 1] ?? first));
  }
  const last = seen.at(-1) ?? first;
  const own = last.segments.filter(({ uri }) => uri.includes('?n='));
  expect(own.length).toBeGreaterThanOrEqual(4);
  // The first of the new source, unless it has left the playlist.
  const jumps = seen.flatMap(({ segments }) => segments.filter(({ discontinuity }) => discontinuity));
  expect(jumps.some(({ uri }) => uri.includes('?n='))).toBe(true);
  const whole = Buffer.concat(
    await Promise.all(
      own.map(async ({ uri }) => Buffer.from(await (await fetch(new URL(uri, address))).arrayBuffer())),
    ),
  );
  expectClean(judgeTs(whole), { video: true, audio: true });
  const { body: record } = await worker.api.get<{ client_count: number }>(`/streams/${id}`);
  expect(record.client_count).toBe(1);
  // Also of the playlist with which the session got a feed.
  const counted = async () => (await worker.api.get<{ clients: { bytes_served: number }[] }>('/clients')).body.clients;
  await until(async () => (await counted())[0]?.bytes_served === bytes + whole.length, {
    what: async () => `${bytes + whole.length} bytes of the viewer; there are ${JSON.stringify(await counted())}`,
  });
  await worker.api.request('DELETE', `/streams/${id}`);
});
