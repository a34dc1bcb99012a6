/** What is recorded decodes, whatever it comes from. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { BroadcastClient, expectWhole, RECORDING } from '../support/broadcast-client.ts';
import { startFileSource } from '../support/file-source.ts';
import { decodeErrors } from '../support/judge/index.ts';
import { pictureWidths } from '../support/picture-widths.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

async function record(worker: Worker, url: string, count: number, more: object = {}, id = 'rec') {
  const recording = new BroadcastClient(id);
  await recording.start(worker, { ...RECORDING, segment_duration: 2, stream_url: url, ...more });
  await recording.listed(worker, count, 40_000);
  await recording.stop(worker);
  const segments = await recording.download(worker);
  await expectWhole(segments);
  return segments;
}

const workerOf = (stage: Stage) => stage.worker({ SHARE_DIRECT_STREAMS: 'true', SHARED_STREAM_GRACE: '1' });

staged.for(['plain', 'bframes', 'hevc', 'ac3', 'mp2', 'numbered-open-gop'] as const)(
  'of a source of %s',
  async (fixture, { stage }) => {
    const worker = await workerOf(stage);
    const source = await stage.source({ fixture, join: 'keyframe', burstSeconds: 3 });
    const segments = await record(worker, source.url, 4);
    expect((await source.stats()).maxConcurrent).toBe(1);
    // The first pictures of an open GOP need those of the segment before.
    const alone = fixture === 'numbered-open-gop' ? [] : segments;
    for (const { n, bytes } of alone) expect([n, await decodeErrors(bytes)]).toEqual([n, []]);
  },
);

staged('of a transcoded stream that is watched too, over its one connection', async ({ stage }) => {
  const worker = await workerOf(stage);
  const source = await stage.source({ accountLimit: { limit: 1, mode: 'refuse' } });
  const { stream_id: id, playUrl } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
  const viewer = stage.viewer(playUrl);
  await allPlaying([viewer]);
  await record(worker, `https://tv.example/m3u-proxy/stream/${id}`, 4);
  expect(viewer.ended).toBe(false);
  expect((await source.account()).maxConcurrent).toBe(1);
});

staged(
  'of a stream that is copied for its viewers and encoded for the recording, over one connection',
  async ({ stage }) => {
    const worker = await workerOf(stage);
    const source = await stage.source({ accountLimit: { limit: 1, mode: 'refuse' } });
    const { stream_id: id, playUrl } = await worker.api.createStream({ url: source.url });
    const viewer = stage.viewer(playUrl);
    await allPlaying([viewer]);
    const segments = await record(worker, `https://tv.example/m3u-proxy/stream/${id}`, 4, {
      ...{ transcode: true, video_bitrate: '300', video_resolution: '160x90', preset: 'ultrafast', deinterlace: true },
    });
    expect(new Set(await pictureWidths(segments[0]?.bytes ?? Buffer.alloc(0)))).toEqual(new Set([160]));
    expect(viewer.ended).toBe(false);
    expect((await source.account()).maxConcurrent).toBe(1);
  },
);

staged(
  'of HLS: named as that, behind a name that does not say it, and of a stream that somebody plays',
  async ({ stage }) => {
    const worker = await workerOf(stage);
    const files = await startFileSource();
    stage.closeAfter(() => files.close());
    const playlist = files.url('hls/live.m3u8');
    expect((await record(worker, playlist, 3)).length).toBeGreaterThanOrEqual(3);

    const front = createServer((_, response) => response.writeHead(302, { location: playlist }).end());
    await once(front.listen(0, '127.0.0.1'), 'listening');
    stage.closeAfter(async () => void front.close());
    const unnamed = `http://127.0.0.1:${(front.address() as AddressInfo).port}/channel/7`;
    expect((await record(worker, unnamed, 3, {}, 'unnamed')).length).toBeGreaterThanOrEqual(3);

    const { stream_id: id } = await worker.api.createStream({ url: `${playlist}?of=viewers` });
    const viewer = await stage.hlsViewer(`${worker.url}/hls/${id}/playlist.m3u8`);
    await viewer.playlist();
    const recorded = record(worker, `https://tv.example/stream/${id}`, 3, {}, 'watched');
    const isRecorded = async () => {
      const { streams } = (await worker.api.get<{ streams: { stream_id: string; is_active: boolean }[] }>('/streams'))
        .body;
      return streams.find((each) => each.stream_id === id)?.is_active === true;
    };
    await until(isRecorded, { what: 'the stream itself to be in use', timeoutMs: 10_000 });
    expect((await recorded).length).toBeGreaterThanOrEqual(3);
  },
);

staged('of a stream whose profile makes another container: its source, over one connection', async ({ stage }) => {
  const worker = await workerOf(stage);
  const source = await stage.source({ accountLimit: { limit: 1, mode: 'refuse' } });
  const { stream_id: id, playUrl } = await worker.api.createTranscode({
    ...{ url: source.url, profile: LIGHT.replace('-f mpegts', '-f {format}'), output_format: 'mp4' },
  });
  const viewer = stage.viewer(playUrl);
  await allPlaying([viewer]);
  await record(worker, `https://tv.example/stream/${id}`, 4);
  expect(viewer.ended).toBe(false);
  expect((await source.account()).maxConcurrent).toBe(1);
});
