// Films with a profile by HLS: each viewer gets all of its film, from the first picture to the last, and no faster than it asks for it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type FileSourceOptions, startFileSource } from '../support/file-source.ts';
import type { HlsViewer } from '../support/hls-viewer.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { packetHashes } from '../support/packet-hashes.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { COPY, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '2', HLS_SEGMENT_TIME: '1', HLS_WAIT_TIME: '30' };
/** A window of six seconds, three target durations of segments of a second. */
const SHORT = { ...ENV, HLS_LIST_SIZE: '3' };
const PICTURES = 500;
const SECONDS = 20;
/** A whole film: every picture, in order. */
const WHOLE = { video: true, audio: true, minSeconds: SECONDS - 1, maxSignalled: 0, maxGapMs: 100 } as const;

async function films(stage: Stage, options: FileSourceOptions = {}) {
  const files = await startFileSource(options);
  stage.closeAfter(() => files.close());
  return files;
}

type Feeds = {
  pooling: {
    feeds: {
      pid: number | null;
      buffered_bytes: number;
      hls: { head: number; segments: number; containers: string[] } | null;
    }[];
  };
};

async function feedsOf(worker: Worker) {
  return (await worker.api.get<Feeds>('/stats')).body.pooling.feeds;
}

/** What is in the packets of each track, in order, whenever they play. */
function contents({ packets }: { readonly packets: readonly string[] }): string[][] {
  const fields = packets.map((line) => line.split(/,\s*/));
  return ['0', '1'].map((track) => fields.filter(([of]) => of === track).map((each) => each.slice(4).join(' ')));
}

async function ended(worker: Worker, path: string): Promise<void> {
  expect((await worker.api.request('DELETE', path)).status).toBe(200);
}

/** Plays a film to its end, as a player does: each segment once, in order. */
async function playAll(viewer: HlsViewer, origins: readonly string[]): Promise<{ media: Buffer; numbers: number[] }> {
  const pieces: Buffer[] = [];
  const numbers: number[] = [];
  for (let turn = 0; ; turn++) {
    const at = (n: number) => origins[n % origins.length] as string;
    const playlist = await viewer.playlist(at(turn));
    const due = playlist.numbers.filter((n) => n > (numbers.at(-1) ?? 0));
    for (const n of due) {
      pieces.push(await viewer.segment(n, at(n)));
      numbers.push(n);
    }
    if (playlist.parsed.endlist && due.length === 0) return { media: Buffer.concat(pieces), numbers };
    if (due.length === 0) await sleep(100);
  }
}

staged.concurrent('plays a whole film by HLS in FFmpeg: every picture once, in order', async ({ stage }) => {
  const files = await films(stage);
  const worker = await stage.worker(SHORT);
  const census = stage.census(worker);
  for (const profile of [LIGHT, LIGHT.replace('-f mpegts', '-hls_segment_type fmp4 -f hls')]) {
    const { stream_id, playlist_url } = await worker.api.createTranscode({ url: files.url('movie.mp4'), profile });
    const { packets, said } = await packetHashes(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
    expect(said.replaceAll(/.*(?:Found duplicated MOOV|Last message repeated).*\n/g, '')).toBe('');
    const pictures = packets.map((line) => line.split(/,\s*/)).filter(([track]) => track === '0');
    expect(pictures.length, String(playlist_url)).toBe(PICTURES);
    // Frames of 1,024 samples at 48 kHz. What sounds before the first picture is in no segment.
    expect(packets.length - pictures.length).toBeGreaterThan((SECONDS * 48_000) / 1_024 - 3);
    const times = pictures.map(([, dts]) => Number(dts));
    expect(new Set(times.slice(1).map((dts, at) => dts - (times[at] as number)))).toEqual(new Set([3_600]));
    await ended(worker, `/streams/${stream_id}`);
  }
  expect(census.most).toBe(1);
});

staged.skipIf(CHROMIUM === undefined)(
  'plays a whole film by HLS in hls.js, and goes where its viewer goes in what is listed',
  { concurrent: true },
  async ({ stage }) => {
    const files = await films(stage);
    const worker = await stage.worker(ENV);
    const players = await HlsPlayers.start();
    stage.closeAfter(() => players.close());
    const { stream_id } = await worker.api.createTranscode({ url: files.url('movie.mp4'), profile: LIGHT });
    const url = `${worker.url}/hls/${stream_id}/playlist.m3u8`;
    const seeks = [
      { atSeconds: 4, toSeconds: 1 },
      { atSeconds: 6, toSeconds: 12 },
    ];
    const [whole, moved] = await Promise.all([
      players.watch('hlsjs', { url, seconds: 35 }),
      players.watch('hlsjs', { url, seconds: 35, seeks }),
    ]);
    expect([whole, moved]).toMatchObject([
      { fatal: [], ended: true, frames: PICTURES },
      { fatal: [], ended: true },
    ]);
    expect(whole.began).toBeLessThan(0.5);
    expect(whole.position).toBeGreaterThan(SECONDS - 0.1);
    expect(whole.longestStallMs).toBeLessThan(1_000);
    expect(moved.position).toBeGreaterThan(SECONDS - 0.1);
    expect(moved.reached.map(({ position }) => Math.floor(position))).toEqual([1, 12]);
    for (const { afterMs } of moved.reached) expect(afterMs).toBeLessThan(1_000);
    await ended(worker, `/streams/${stream_id}`);
  },
);

staged.concurrent('copies a film into segments without losing a byte of its pictures', async ({ stage }) => {
  const files = await films(stage);
  const worker = await stage.worker(SHORT);
  const { stream_id } = await worker.api.createTranscode({ url: files.url('movie.mkv'), profile: COPY });
  const entry = `${worker.url}/hls/${stream_id}/playlist.m3u8?client_id=c1`;
  const viewer = await stage.hlsViewer(entry);
  const { media, numbers } = await playAll(viewer, [worker.url]);
  const file = join(await mkdtemp(join(tmpdir(), 'streampool-film-')), 'film.ts');
  stage.closeAfter(() => rm(dirname(file), { recursive: true }));
  await writeFile(file, media);
  const [pictures = [], sound = []] = contents(await packetHashes(file));
  const [allPictures, allSound = []] = contents(await packetHashes(`${worker.url}/stream/${stream_id}`));
  expect(pictures).toEqual(allPictures);
  // What sounds before the first picture is in no segment.
  expect(allSound.length - sound.length).toBeLessThanOrEqual(2);
  expect(sound).toEqual(allSound.slice(-sound.length));
  expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] as number) + at));
  expectClean(judgeTs(media, { gapMs: 100 }), { video: true, minSeconds: SECONDS - 1, maxSignalled: 0, maxGapMs: 100 });
  // The end stays, and so does the session: its player may ask again for two minutes.
  await sleep(6_000);
  const { parsed } = await viewer.playlist();
  expect(parsed.endlist).toBe(true);
  expect(parsed.mediaSequenceBase).toBeGreaterThan(numbers[0] as number);
  expect(worker.ffmpegPids()).toEqual([]);
  // Who opens it again sees all of it again.
  const again = await stage.hlsViewer(entry);
  expect((await playAll(again, [worker.url])).media.length).toBeGreaterThan(0.99 * media.length);
  await ended(worker, `/streams/${stream_id}`);
});

staged.concurrent(
  'reads a film no further than a window ahead of its viewer, and ends FFmpeg when that leaves',
  async ({ stage }) => {
    const files = await films(stage);
    const worker = await stage.worker(SHORT);
    const { stream_id } = await worker.api.createTranscode({ url: files.url('movie.ts'), profile: LIGHT });
    const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8?client_id=c1`);
    const first = await viewer.playlist();
    // Players begin three segments before the end of a live playlist, or where it says.
    expect(first.numbers.length).toBe(3);
    expect(first.text).toContain('#EXT-X-START:TIME-OFFSET=0\n');
    const [begin = 0] = first.numbers;
    await viewer.segment(begin);
    const head = async () => (await feedsOf(worker))[0]?.hls?.head ?? 0;
    await until(async () => (await head()) >= begin + 6, { what: 'a window ahead of the viewer' });
    await sleep(2_000);
    // A window is three target durations of two seconds.
    expect(await head()).toBeLessThanOrEqual(begin + 7);
    // Some players go to three segments before the end with each version of a playlist.
    const ahead = await viewer.playlist();
    expect([ahead.numbers[0], ahead.numbers.at(-1)]).toEqual([begin, begin + 3]);
    const [feed] = await feedsOf(worker);
    expect(feed).toMatchObject({ hls: { containers: ['ts'] } });
    expect(feed?.pid).not.toBeNull();
    expect(worker.ffmpegPids().length).toBe(1);
    // It goes on where it is.
    expect((await viewer.segment(begin + 6)).length).toBeGreaterThan(0);
    await until(async () => (await head()) >= begin + 12, { what: 'a window ahead of where the viewer has gone' });
    expect((await viewer.answerOf(begin + 18)).status).toBe(404);
    await ended(worker, `/hls/${stream_id}/clients/c1`);
    await until(() => worker.ffmpegPids().length === 0, { what: 'FFmpeg to end', timeoutMs: 5_000 });
    expect((await fetch(worker.url + viewer.path)).status).toBe(410);
  },
);

staged.concurrent(
  'plays a film of which only its bytes show that it has an end, and the same stream as MPEG-TS',
  async ({ stage }) => {
    const files = await films(stage);
    const worker = await stage.worker(ENV);
    const url = files.url('hls/vod.m3u8');
    const { stream_id } = await worker.api.createTranscode({ url, profile: LIGHT });
    const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
    const { media } = await playAll(viewer, [worker.url]);
    expectClean(judgeTs(media, { gapMs: WHOLE.maxGapMs }), WHOLE);
    const whole = await stage.viewer(`${worker.url}/stream/${stream_id}`).done;
    expectClean(judgeTs(whole.bytes, { gapMs: WHOLE.maxGapMs }), WHOLE);
    await ended(worker, `/streams/${stream_id}`);
    expect((await fetch(worker.url + viewer.path)).status).toBe(404);
  },
);

staged.concurrent('says what a film is that does not play, and that there is no room for one', async ({ stage }) => {
  const files = await films(stage);
  const worker = await stage.worker({ ...ENV, MAX_PROCESSES: '1', SOURCE_MAX_CONNECTIONS: '1' });
  files.failNext(404);
  const gone = await worker.api.createTranscode({ url: files.url('movie.mp4'), profile: LIGHT });
  const none = await stage.hlsViewer(`${worker.url}/hls/${gone.stream_id}/playlist.m3u8`);
  expect((await fetch(worker.url + none.path)).status).toBe(502);
  const [one, two] = await Promise.all(
    ['movie.ts', 'movie.mkv'].map((name) =>
      worker.api.createTranscode({ url: files.url(name as 'movie.ts'), profile: LIGHT }),
    ),
  );
  const viewers = await Promise.all(
    [one, two].map((stream) => stage.hlsViewer(`${worker.url}/hls/${stream?.stream_id}/playlist.m3u8`)),
  );
  await viewers[0]?.playlist();
  const full = await fetch(worker.url + viewers[1]?.path);
  expect([full.status, full.headers.get('retry-after')]).toEqual([503, '10']);
  expect(await full.json()).toMatchObject({ detail: expect.stringContaining('MAX_PROCESSES') });
  await ended(worker, `/streams/${one?.stream_id}`);
  await viewers[1]?.playlist();
  await ended(worker, `/streams/${two?.stream_id}`);
});

staged.concurrent(
  'cuts a film that is passed on, whatever its container, and bounds the memory of one that nobody reads',
  async ({ stage }) => {
    const files = await films(stage);
    const worker = await stage.worker({ ...ENV, RING_MAX_BYTES: '4M' });
    for (const name of ['movie.ts', 'movie.mp4'] as const) {
      const { stream_id } = await worker.api.createStream({ url: files.url(name) });
      const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
      const { media } = await playAll(viewer, [worker.url]);
      expectClean(judgeTs(media, { gapMs: WHOLE.maxGapMs }), WHOLE);
      await ended(worker, `/streams/${stream_id}`);
    }
    // Two megabytes a second: a window of 15 s would take 30 MB.
    const heavy =
      '-i {input_url} -vf noise=alls=100:allf=t,scale=640:360 -c:v mpeg2video -b:v 16M -minrate 16M -c:a aac -f mpegts {output_args}';
    const { stream_id } = await worker.api.createTranscode({ url: files.url('movie.mp4'), profile: heavy });
    const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8`);
    const { numbers } = await viewer.playlist();
    const one = await viewer.segment(numbers[0] as number);
    expect(one.length).toBeGreaterThan(1_000_000);
    await sleep(3_000);
    const [feed] = await feedsOf(worker);
    expect(feed?.buffered_bytes).toBeGreaterThan(2 * one.length);
    expect(feed?.buffered_bytes).toBeLessThan(4 * 1024 * 1024 + 4 * one.length);
    const { media } = await playAll(viewer, [worker.url]);
    expectClean(judgeTs(media, { gapMs: 100 }), {
      video: true,
      audio: true,
      minSeconds: SECONDS - 2,
      maxSignalled: 0,
      maxGapMs: 100,
    });
    await ended(worker, `/streams/${stream_id}`);
  },
);
