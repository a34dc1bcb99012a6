// A stream goes from HLS to MPEG-TS and to HLS again, and FFmpeg, which knows nothing of that, plays on under the same address.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

staged('goes from HLS to MPEG-TS and back, and FFmpeg plays on', { timeout: 90_000 }, async ({ stage }) => {
  const [one, two] = [await startFileSource(), await startFileSource()];
  stage.closeAfter(async () => {
    await one.close();
    await two.close();
  });
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const worker = await stage.worker({ SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '4' });
  const { stream_id: id } = await worker.api.createStream({
    url: one.url('hls/live.m3u8'),
    failover_urls: [source.url, two.url('hls/live.m3u8')],
  });
  const entry = `${worker.url}/hls/${id}/playlist.m3u8`;
  const args = ['-nostdin', '-v', 'error', '-i', entry, '-map', '0:v', '-c', 'copy', '-flush_packets', '1'];
  const ffmpeg = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', [...args, '-f', 'framehash', '-hash', 'md5', 'pipe:1']);
  const gone = once(ffmpeg, 'close');
  stage.closeAfter(async () => {
    ffmpeg.kill('SIGKILL');
    await gone;
  });
  const says = text(ffmpeg.stderr);
  let pictures = 0;
  ffmpeg.stdout.setEncoding('utf8').on('data', (lines: string) => {
    pictures += lines.match(/^0,/gm)?.length ?? 0;
  });
  /** Five seconds of them: more than it had loaded when the source changed. */
  const plays = async (what: string, count: number) => {
    const before = pictures;
    await until(() => pictures >= before + count, {
      what: () => `${what}: ${pictures - before} pictures`,
      timeoutMs: 30_000,
    });
  };
  const viewer = await stage.hlsViewer(entry);
  const numbers: number[] = [];
  const kinds: string[] = [];
  const look = async () => {
    const { parsed } = await viewer.playlist();
    numbers.push((parsed.mediaSequenceBase ?? 0) + parsed.segments.length);
    kinds.push((parsed.segments.at(-1)?.uri ?? '').includes('?n=') ? 'own' : 'theirs');
    return kinds.at(-1);
  };
  await plays('the first source', 150);
  await look();
  await worker.api.post(`/streams/${id}/failover`, {});
  await until(async () => (await look()) === 'own', { what: 'segments made here', timeoutMs: 20_000, everyMs: 200 });
  await plays('MPEG-TS', 150);
  await worker.api.post(`/streams/${id}/failover`, {});
  await until(async () => (await look()) === 'theirs', { what: 'HLS again', timeoutMs: 20_000, everyMs: 200 });
  await plays('HLS again', 150);
  await look();
  ffmpeg.kill('SIGINT');
  await gone;
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect((await says).split('\n').filter((line) => /fail|error|invalid/i.test(line))).toEqual([]);
  const { body } = await worker.api.get<{ client_count: number }>(`/streams/${id}`);
  // FFmpeg, and the one that looks.
  expect(body.client_count).toBe(2);
  await worker.api.del(`/streams/${id}`);
});
