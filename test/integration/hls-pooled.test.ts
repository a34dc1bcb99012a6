// Segments cut from the feed that TS viewers read: what a player gets of a transcoded stream and of a live one that is passed on.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { allPlaying, connectionCount, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const ENV = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '2', HLS_SEGMENT_TIME: '1' };
/** A graph of its own, which also sets times: half of the picture stands over the whole. */
const OVERLAY =
  '-filter_complex "[0:v]setpts=PTS,split=2[a][b];[b]crop=iw/2:ih:0:0[c];[a][c]overlay=10:10[v]" -map [v] -map 0:a';
const SHORTER = 'the playlists of HLS are shorter than wanted: RING_MAX_BYTES is too small for them';
/** A timer of Node may be early by that. */
const TIMER_MS = 2;
const CLEAN = { video: true, audio: true, minSeconds: 5, maxSignalled: 0, maxGapMs: 100, cleanStart: true };

/** What FFmpeg says of a stream that it plays: nothing, if nothing is wrong; and how many seconds of it there were. */
async function ffmpegPlays(url: string, seconds: number): Promise<{ says: string; pictures: number }> {
  const args = ['-v', 'warning', '-i', url, '-t', String(seconds), '-map', '0:v', '-f', 'framemd5', 'pipe:1'];
  const ffmpeg = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [frames, says] = await Promise.all([text(ffmpeg.stdout), text(ffmpeg.stderr)]);
  return { says, pictures: frames.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length };
}

staged.concurrent('plays a transcoded stream by HLS from the feed that TS viewers read', async ({ stage }) => {
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const worker = await stage.worker(ENV);
  const census = stage.census(worker);
  const { stream_id } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
  const entry = `${worker.url}/hls/${stream_id}/playlist.m3u8`;
  const viewer = await stage.hlsViewer(entry);
  const first = await viewer.playlist();
  expect(first.numbers.length).toBeGreaterThanOrEqual(2);
  expect(first.parsed).toMatchObject({ version: 3, independentSegments: true, endlist: false });
  await allPlaying([stage.viewer(`${worker.url}/stream/${stream_id}`)]);
  const bytes: Buffer[] = [];
  const [begin = 0] = first.numbers;
  for (let n = begin; n < begin + 6; n++) {
    const playlist = await viewer.playlistWith(n);
    expect(playlist.numbers).toEqual(playlist.numbers.map((_, at) => (playlist.numbers[0] ?? 0) + at));
    expect(playlist.parsed.targetDuration).toBe(first.parsed.targetDuration);
    expect(playlist.parsed.segments.map(({ duration }) => duration)).toEqual(playlist.numbers.map(() => 1));
    bytes.push(await viewer.segment(n));
  }
  // The next one is waited for, for two target durations. On a busy machine it may take longer to make it.
  const askedMs = performance.now();
  const next = await viewer.answerOf(begin + 6);
  const waitedMs = performance.now() - askedMs;
  if (next.status === 404) expect(waitedMs).toBeGreaterThan(2_000 * first.parsed.targetDuration - TIMER_MS);
  else expect([next.status, (await next.arrayBuffer()).byteLength > 0]).toEqual([200, true]);
  await viewer.playlistWith(begin + 6);
  expectClean(judgeTs(Buffer.concat(bytes), { gapMs: CLEAN.maxGapMs }), CLEAN);
  expect((await viewer.answerOf(begin - 20)).status).toBe(404);
  expect((await viewer.answerOf(begin + 1_000)).status).toBe(404);
  // On a busy machine the first ones have left the playlist.
  const newest = (await viewer.playlist()).numbers.at(-1) ?? 0;
  const part = await viewer.answerOf(newest, worker.url, { range: 'bytes=188-375' });
  expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 188]);
  // Fifteen segments of a second stay in the playlist.
  expect(part.headers.get('cache-control')).toBe('private, max-age=15');
  expect(await ffmpegPlays(entry, 4)).toEqual({ says: '', pictures: 100 });
  expect(await source.account()).toMatchObject({ open: 1 });
  expect(census.most).toBe(1);
  expect(worker.logged('replacing FFmpeg: it has no keyframe where a segment of HLS begins')).toEqual([]);
  type Feeds = { pooling: { feeds: { hls: { head: number; segments: number } | null }[] } };
  const { feeds } = (await worker.api.get<Feeds>('/stats')).body.pooling;
  expect(feeds).toMatchObject([{ hls: { containers: ['ts'] } }]);
  expect(feeds[0]?.hls?.head).toBeGreaterThanOrEqual(begin + 6);
  const metrics = await (await fetch(`${worker.url}/metrics`)).text();
  expect(Number(/^streampool_hls_segments_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(7);
  expect(metrics).toContain('streampool_hls_segments_fetched_total 0\n');
});

staged.concurrent(
  'plays HLS that FFmpeg opens itself, and one whose keyframes depend on its start, by their own marks',
  async ({ stage }) => {
    const files = await startFileSource();
    try {
      const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
      const worker = await stage.worker(ENV);
      const streams = await Promise.all([
        worker.api.createTranscode({ url: files.url('hls/live.m3u8'), profile: LIGHT }),
        worker.api.createTranscode({ url: source.url, profile: LIGHT.replace(' -c:v', ` ${OVERLAY} -c:v`) }),
      ]);
      const play = async (stream_id: string) => {
        const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
        const [begin = 0] = (await viewer.playlist()).numbers;
        const bytes: Buffer[] = [];
        for (let n = begin; n < begin + 6; n++) {
          const { parsed } = await viewer.playlistWith(n);
          for (const { duration } of parsed.segments) expect(Math.abs(duration - 1)).toBeLessThan(0.1);
          bytes.push(await viewer.segment(n));
        }
        expectClean(judgeTs(Buffer.concat(bytes), { gapMs: CLEAN.maxGapMs }), CLEAN);
      };
      await Promise.all(streams.map(({ stream_id }) => play(stream_id)));
    } finally {
      await files.close();
    }
  },
);

staged.concurrent(
  'cuts what gets another number of pictures a second where all others of its source do',
  async ({ stage }) => {
    const channels = { '/29.97.ts': { fixture: 'fps-29.97' }, '/50.ts': { fixture: 'fps-50' } } as const;
    const source = await stage.source({ join: 'keyframe', burstSeconds: 3, channels });
    const worker = await stage.worker(ENV);
    const profile = LIGHT.replace(' -c:a', ' -r 25 -c:a');
    const play = async (path: keyof typeof channels) => {
      const { stream_id } = await worker.api.createTranscode({ url: source.channel(path).url, profile });
      const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
      const [begin = 0] = (await viewer.playlist()).numbers;
      const { parsed, numbers } = await viewer.playlistWith(begin + 6);
      expect(numbers.slice(0, 7)).toEqual(numbers.slice(0, 7).map((_, at) => begin + at));
      expect(parsed.segments.map(({ duration, gap }) => [duration, gap === true])).toEqual(
        numbers.map(() => [1, false]),
      );
      const bytes = await Promise.all(numbers.map((n) => viewer.segment(n)));
      const verdict = judgeTs(Buffer.concat(bytes), { gapMs: CLEAN.maxGapMs });
      expectClean(verdict, { ...CLEAN, frameTicks: 3_600 });
      expect(verdict.video?.keyframePts.length).toBeGreaterThanOrEqual(numbers.length);
    };
    await Promise.all((['/29.97.ts', '/50.ts'] as const).map(play));
    expect(worker.logged('replacing FFmpeg: it has no keyframe where a segment of HLS begins')).toEqual([]);
  },
);

staged.concurrent('plays a live stream that is passed on by HLS, over one connection', async ({ stage }) => {
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const worker = await stage.worker(ENV);
  const { stream_id } = await worker.api.createStream({ url: source.url });
  const entry = `${worker.url}/hls/${stream_id}/playlist.m3u8`;
  const viewers = await Promise.all([1, 2, 3].map(() => stage.hlsViewer(entry)));
  const playlists = await Promise.all(viewers.map((viewer) => viewer.playlist()));
  expect(new Set(playlists.map(({ text }) => text)).size).toBe(1);
  expect(await source.account()).toMatchObject({ open: 1 });
  expect(await ffmpegPlays(entry, 4)).toEqual({ says: '', pictures: 100 });
  // The viewers ask for nothing more, so the source is given back.
  await connectionCount(source, 0, 15_000);
});

staged.concurrent(
  'lists three target durations where RING_MAX_BYTES has no room for more, and has none for a second container',
  async ({ stage }) => {
    // Twelve seconds of it take 6 MB, and the ring keeps more than 2 MB.
    const source = await stage.source({ fixture: 'heavy', join: 'keyframe', burstSeconds: 12 });
    // On a busy machine the first viewer must not have left before the second one comes.
    const worker = await stage.worker({ ...ENV, RING_MAX_BYTES: '6M', CLIENT_TIMEOUT: '60' });
    const { stream_id } = await worker.api.createStream({ url: source.url });
    const entry = `${worker.url}/hls/${stream_id}/playlist.m3u8`;
    const viewer = await stage.hlsViewer(entry);
    await viewer.playlist();
    const shorter = () => worker.logged(SHORTER).length;
    await until(() => shorter() > 0, { what: 'more than there is room for', timeoutMs: 20_000 });
    // From the next one on they come one after the other.
    const { numbers: early } = await viewer.playlist();
    await viewer.playlistWith((early.at(-1) ?? 0) + 1);
    // On a busy machine the burst is still being cut: what a playlist has named is gone at once then.
    const newest = async () => {
      const { parsed, numbers } = await viewer.playlist();
      const answers = await Promise.all(numbers.slice(-3).map((n) => viewer.answerOf(n)));
      const bytes = await Promise.all(answers.map(async (answer) => Buffer.from(await answer.arrayBuffer())));
      return answers.every(({ status }) => status === 200) ? { parsed, numbers, bytes } : undefined;
    };
    const { parsed, numbers, bytes } = await until(newest, { what: 'the end of the burst' });
    const seconds = parsed.segments.reduce((sum, { duration }) => sum + duration, 0);
    const least = 3 * parsed.targetDuration;
    expect(seconds).toBeGreaterThanOrEqual(least);
    expect(seconds).toBeLessThan(2 * least);
    // The source puts 0.35 s of sound into a PES.
    expectClean(judgeTs(Buffer.concat(bytes), { gapMs: 400 }), { ...CLEAN, maxGapMs: 400 });
    const other = await stage.hlsViewer(`${entry}?container=fmp4`);
    const refused = await fetch(worker.url + other.path);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
    expect(await refused.text()).toContain('Play it with container=ts.');
    // The first one plays on.
    expect((await viewer.playlistWith((numbers.at(-1) ?? 0) + 1)).numbers.length).toBeGreaterThan(0);
    expect(shorter()).toBe(1);
  },
);

staged.concurrent('answers what a source that does not play is, and no empty playlist', async ({ stage }) => {
  const worker = await stage.worker({ ...ENV, STREAM_RETRY_ATTEMPTS: '0', HLS_WAIT_TIME: '3' });
  const { stream_id } = await worker.api.createTranscode({ url: 'http://127.0.0.1:9/live.ts', profile: LIGHT });
  const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
  const answer = await fetch(worker.url + viewer.path);
  expect(answer.status).toBe(502);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  await until(async () => (await worker.api.get<{ clients: unknown[] }>('/clients')).body.clients.length === 0, {
    what: 'the session to be counted out',
  });
});
