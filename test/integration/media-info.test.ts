/** What a real worker says of real streams: what comes in, what goes out, and what its FFmpeg has said. */

import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

interface Shown {
  readonly stream: {
    readonly media_info: Readonly<Record<string, unknown>> | null;
    readonly output_media_info: Readonly<Record<string, unknown>> | null;
    readonly input: Readonly<Record<string, unknown>> | null;
  };
  readonly worker_id: string | null;
  readonly ffmpeg_lines: readonly string[] | null;
}

const ENV = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '2', API_TOKEN: undefined };
/** Of the `plain` loop, which all of these play. */
const PICTURES = { resolution: '320x180', video_codec: 'h264', fps: 25 };
const SOUND = { audio_codec: 'aac', audio_channels: 'mono' };

async function look(worker: Worker, streamId: string): Promise<Shown> {
  const { status, body } = await worker.api.get<Shown>(`/streams/${streamId}`);
  expect(status).toBe(200);
  return body;
}

/**
 * What is shown once it is known at which rate the stream is made, and its source comes.
 * @param isRead the worker reads the source itself, so it knows that rate
 */
function measured(worker: Worker, streamId: string, isRead = true): Promise<Shown> {
  return until(
    async () => {
      const shown = await look(worker, streamId);
      const { media_info: input, output_media_info: output } = shown.stream;
      const isKnown = output !== null && output.bitrate_kbps !== null && output.fps !== null;
      return isKnown && !(isRead && input?.bitrate_kbps === null) && shown;
    },
    { timeoutMs: 15_000, what: 'the stream to be measured' },
  );
}

/** @param bytesPerSecond so slow that a film of 1 MB is still read when it is looked at */
async function files(stage: Stage, bytesPerSecond?: number) {
  const source = await startFileSource(bytesPerSecond === undefined ? {} : { bytesPerSecond });
  stage.closeAfter(() => source.close());
  return source;
}

staged.concurrent('of a transcoded stream: its source, its output and its FFmpeg', async ({ stage }) => {
  const source = await stage.source({ fixture: 'plain', burstSeconds: 2 });
  const worker = await stage.worker(ENV);
  const profile = LIGHT.replace('-preset', '-vf scale=160:90 -preset');
  const { stream_id: id, playUrl } = await worker.api.createTranscode({ url: source.url, profile });
  // Nobody watches it.
  expect((await look(worker, id)).stream).toMatchObject({ media_info: null, output_media_info: null, input: null });
  await allPlaying([stage.viewer(playUrl)]);
  const { stream, worker_id, ffmpeg_lines } = await measured(worker, id);
  expect(stream.media_info).toMatchObject({ ...PICTURES, ...SOUND, bitrate_kbps: expect.any(Number) });
  expect(stream.output_media_info).toMatchObject({
    ...{ resolution: '160x90', video_codec: 'h264', fps: 25, audio_codec: 'aac', audio_channels: 'stereo' },
    ...{ container: 'mpegts', bitrate_kbps: expect.any(Number), speed: expect.any(Number) },
  });
  expect(stream.input).toMatchObject({ repairs: 0, buffer_seconds: expect.any(Number) });
  expect(stream.input?.last_byte_ago_ms).toBeLessThan(2_000);
  expect(worker_id).not.toBeNull();
  expect(ffmpeg_lines?.length).toBeGreaterThan(5);
  expect(ffmpeg_lines?.length).toBeLessThanOrEqual(20);
  expect(ffmpeg_lines?.join('\n')).toContain('Output #0, mpegts');
  // Lists have it too.
  const { body } = await worker.api.get<{ streams: Shown['stream'][] }>('/streams');
  expect(body.streams[0]?.media_info).toMatchObject(PICTURES);
});

staged.concurrent('of a shared direct stream, where nothing has an FFmpeg, and its clock jumps', async ({ stage }) => {
  const source = await stage.source({ fixture: 'plain', burstSeconds: 2 });
  const worker = await stage.worker(ENV);
  const { stream_id: id, playUrl } = await worker.api.createStream({ url: source.url, share: true });
  await allPlaying([stage.viewer(playUrl)]);
  const { stream, ffmpeg_lines } = await measured(worker, id);
  expect(stream.media_info).toMatchObject({ ...PICTURES, ...SOUND });
  expect(stream.output_media_info).toMatchObject({ ...PICTURES, ...SOUND, container: 'mpegts' });
  expect(ffmpeg_lines).toBeNull();
  expect(stream.input?.repairs).toBe(0);
  await source.jump(-4);
  await until(async () => Number((await look(worker, id)).stream.input?.repairs) > 0, {
    what: 'the jump to be counted',
  });
});

staged.concurrent('of a direct stream whose viewers have a connection each', async ({ stage }) => {
  const source = await stage.source({ fixture: 'plain', burstSeconds: 2 });
  const worker = await stage.worker(ENV);
  const { stream_id: id, playUrl } = await worker.api.createStream({ url: source.url });
  await allPlaying(stage.viewers(2, playUrl));
  const { stream, ffmpeg_lines } = await measured(worker, id);
  expect(stream.media_info).toMatchObject({ ...PICTURES, ...SOUND, bitrate_kbps: expect.any(Number) });
  expect(stream.output_media_info).toMatchObject({ ...PICTURES, ...SOUND, speed: null });
  expect(stream.input).toMatchObject({ buffer_seconds: null, repairs: null });
  expect(ffmpeg_lines).toBeNull();
});

staged.concurrent('of a container that only FFmpeg reads', async ({ stage }) => {
  const source = await stage.source({ fixture: 'plain', burstSeconds: 2 });
  const worker = await stage.worker(ENV);
  const profile = LIGHT.replace('-f mpegts', '-f mp4');
  const { stream_id: id, playUrl } = await worker.api.createTranscode({
    url: source.url,
    profile,
    output_format: 'mp4',
  });
  await allPlaying([stage.viewer(playUrl)]);
  const { stream } = await measured(worker, id);
  expect(stream.output_media_info).toMatchObject({
    ...{ ...PICTURES, audio_codec: 'aac', audio_channels: 'stereo' },
    container: 'mp4',
  });
});

staged.concurrent('of HLS, which FFmpeg opens itself', async ({ stage }) => {
  const { origin } = await files(stage);
  const worker = await stage.worker(ENV);
  const url = `${origin}/hls/live.m3u8`;
  const { stream_id: id, playUrl } = await worker.api.createTranscode({ url, profile: LIGHT });
  await allPlaying([stage.viewer(playUrl)]);
  const { stream } = await measured(worker, id, false);
  expect(stream.media_info).toMatchObject({ ...PICTURES, ...SOUND, bitrate_kbps: null });
  expect(stream.input).toMatchObject({ buffer_seconds: null, repairs: null, last_byte_ago_ms: expect.any(Number) });
});

staged.concurrent('of a film, which has an FFmpeg for each viewer', async ({ stage }) => {
  const { origin } = await files(stage, 100_000);
  const worker = await stage.worker(ENV);
  const { stream_id: id, playUrl } = await worker.api.createTranscode({ url: `${origin}/movie.mkv`, profile: LIGHT });
  await allPlaying([stage.viewer(playUrl)]);
  const shown = await until(
    async () => {
      const one = await look(worker, id);
      return one.stream.output_media_info?.video_codec === 'h264' && one;
    },
    { what: 'the film to be shown' },
  );
  expect(shown.stream.media_info).toMatchObject({ ...PICTURES, ...SOUND, bitrate_kbps: null });
  expect(shown.ffmpeg_lines?.join('\n')).toContain('Output #0, mpegts');
});

staged.concurrent('hides the credentials of a source in the lines of FFmpeg', async ({ stage }) => {
  const { origin } = await files(stage, 100_000);
  const worker = await stage.worker(ENV);
  const url = `${origin.replace('//', '//joe:s3cret@')}/movie.mkv?token=abcdef`;
  const { stream_id: id, playUrl } = await worker.api.createTranscode({ url, profile: LIGHT });
  await allPlaying([stage.viewer(playUrl)]);
  const lines = await until(async () => (await look(worker, id)).ffmpeg_lines, { what: 'lines of FFmpeg' });
  expect(lines.length).toBeGreaterThan(0);
  for (const secret of ['s3cret', 'abcdef']) expect(lines.join('\n')).not.toContain(secret);
});
