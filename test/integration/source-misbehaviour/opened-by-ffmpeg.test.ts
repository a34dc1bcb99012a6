/** Sources that FFmpeg opens through the gateway: HLS, live and ended; and files, which every viewer gets from their beginning. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FileSource, startFileSource } from '../../support/file-source.ts';
import { FINITE_SECONDS } from '../../support/fixtures.ts';
import { decodeErrors, expectClean, judgeTs } from '../../support/judge/index.ts';
import { firstBytes, Stage } from './stage.ts';

const COPY = '-i {input_url} -c copy -f {format}';
/** A PES of a copy has up to 0.7 s of sound. */
const MAX_GAP_MS = 900;

describe('sources that FFmpeg opens', () => {
  let stage: Stage;
  let files: FileSource;

  beforeAll(async () => {
    files = await startFileSource();
    stage = await Stage.open({});
  });

  afterAll(async () => {
    await stage.close();
    await files.close();
  });

  it('live HLS: shared, and continuous across its discontinuities', async () => {
    const url = files.url('hls/live.m3u8');
    const viewers = await Promise.all([0, 1].map(() => stage.watch(url, 'transcoded')));
    await firstBytes(viewers);
    expect(stage.worker.ffmpegPids()).toHaveLength(1);
    await sleep(16_000);
    const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
    for (const recording of recordings) {
      expect(recording.endedBy).toBe('limit');
      const verdict = judgeTs(recording, { gapMs: MAX_GAP_MS });
      // 20 s of media make a round; at the seam the loop's sound ends a PES early.
      expectClean(verdict, { video: true, audio: true, minSeconds: 10, maxGapMs: MAX_GAP_MS });
      expect(await decodeErrors(recording.bytes)).toEqual([]);
    }
    expect(files.requests.every(({ path }) => path.startsWith('/hls/'))).toBe(true);
  });

  it('live HLS with segments of 6 s: flows as it plays, for viewers that come later too', async () => {
    const bursts = await startFileSource({ segmentSeconds: 6 });
    try {
      const viewer = await stage.watch(bursts.url('hls/live.m3u8'), 'transcoded', { profile: COPY });
      await firstBytes([viewer]);
      await sleep(10_000);
      const recording = await viewer.stop();
      const times = recording.arrivals.map(({ atMs }) => atMs - (recording.firstByteMs ?? 0));
      const silences = times.slice(1).map((ms, index) => ms - (times[index] as number));
      // FFmpeg hands on nothing for 6 s between two segments.
      expect(Math.max(...silences)).toBeLessThan(2_500);
      const verdict = judgeTs(recording, { gapMs: MAX_GAP_MS });
      expectClean(verdict, { video: true, audio: true, minSeconds: 11, maxGapMs: MAX_GAP_MS });
      // 6 s at once, and what plays in 10 s. Without a pace it is 18 s at once, and more behind it.
      expect(verdict.durationSeconds).toBeLessThan(10 + 6 + 2);
    } finally {
      await bursts.close();
    }
  });

  it.each(['hls/vod.m3u8', 'movie.ts', 'movie.mp4', 'movie.mkv'] as const)(
    '%s: each viewer sees all of it, from its beginning, by a process of its own',
    async (name) => {
      const first = await stage.watch(files.url(name), 'transcoded');
      await firstBytes([first]);
      const second = await stage.watch(files.url(name), 'transcoded');
      for (const recording of await Promise.all([first.done, second.done])) {
        expect(recording).toMatchObject({ status: 200, endedBy: 'end' });
        const verdict = judgeTs(recording, { gapMs: MAX_GAP_MS });
        expectClean(verdict, { video: true, audio: true, minSeconds: FINITE_SECONDS - 1, maxGapMs: MAX_GAP_MS });
        expect(verdict.durationSeconds).toBeLessThan(FINITE_SECONDS + 1);
        expect(await decodeErrors(recording.bytes)).toEqual([]);
      }
    },
  );

  it('paces the process of a file by its viewer', async () => {
    // Far more than sockets and pipes take.
    const profile =
      '-i {input_url} -c:v libx264 -preset ultrafast -b:v 8M -minrate 8M -maxrate 8M -bufsize 8M -x264-params nal-hrd=cbr -c:a aac -f {format}';
    const viewer = await stage.watch(files.url('movie.mp4'), 'transcoded', { profile });
    await firstBytes([viewer]);
    viewer.pause();
    await sleep(4_000);
    expect(stage.worker.ffmpegPids()).toHaveLength(1);
    viewer.resume();
    const recording = await viewer.done;
    expect(recording.endedBy).toBe('end');
    expectClean(judgeTs(recording), { video: true, audio: true, minSeconds: FINITE_SECONDS - 1 });
  });

  it('tells why a file or a playlist does not play', async () => {
    for (const path of ['nothing.mp4', 'hls/nothing.m3u8']) {
      const viewer = await stage.watch(`${files.origin}/${path}`, 'transcoded');
      const answer = await viewer.done;
      expect(answer.status).toBe(502);
      expect(answer.bytes.toString()).toMatch(/answered 404/);
    }
  });
});
