// What clients receive while FFmpegs are killed and sources die: one whole stream each, judged by its bytes.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { LoopName } from '../support/fixtures.ts';
import { decodeErrors, expectClean, judgeTs, type Verdict } from '../support/judge/index.ts';
import { comparePictures } from '../support/pictures.ts';
import type { Recording } from '../support/recorder.ts';
import { seeded, TEST_SEED } from '../support/seed.ts';
import { allPlaying, COPY, connectionCount, ffmpegCount, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const WORKER = { SHARED_STREAM_GRACE: '1', STREAM_RETRY_ATTEMPTS: '1', STREAM_RETRY_DELAY: '0.5' };

/** kill -9 of one of the worker's FFmpegs; resolves when another one runs in its place. */
async function killFfmpeg(worker: Worker, pid = worker.ffmpegPids()[0]): Promise<void> {
  if (pid === undefined) throw new Error('no FFmpeg to kill');
  process.kill(pid, 'SIGKILL');
  await until(() => worker.ffmpegPids().some((each) => each !== pid), { what: 'another FFmpeg', timeoutMs: 10_000 });
}

async function judged(recording: Recording): Promise<Verdict> {
  expect(recording.status).toBe(200);
  return judgeTs(recording, { gapMs: 100 });
}

interface Case {
  fixture: LoopName;
  profile: string;
  frameTicks: number;
  /** Audio may slip at an FFmpeg kill by less than this. */
  audioSlipTicks: number;
}

const AAC_FRAME = 1920;
/** Encoders that take much of a processor. */
const SLOW_CASES: Case[] = [
  { fixture: 'mp2', profile: 'lowlatency', frameTicks: 3600, audioSlipTicks: AAC_FRAME },
  { fixture: 'fps-29.97', profile: '720p', frameTicks: 3003, audioSlipTicks: AAC_FRAME },
  { fixture: 'plain', profile: 'hevc', frameTicks: 3600, audioSlipTicks: AAC_FRAME },
];
const CASES: Case[] = [
  { fixture: 'bframes', profile: 'default', frameTicks: 3600, audioSlipTicks: AAC_FRAME },
  { fixture: 'aac-44.1', profile: LIGHT, frameTicks: 3600, audioSlipTicks: AAC_FRAME },
  { fixture: 'bframes', profile: COPY, frameTicks: 3600, audioSlipTicks: AAC_FRAME },
  ...(process.env.STREAMPOOL_LONG === '1' ? SLOW_CASES : []),
];

describe.concurrent('two kills of FFmpeg and two failovers go unnoticed', () => {
  staged.for(CASES)('$fixture through $profile', { timeout: 120_000 }, async (row, { stage }) => {
    const first = await stage.source({ fixture: row.fixture });
    const second = await stage.source({ fixture: row.fixture, startPts: 5_000_000 });
    const third = await stage.source({ fixture: row.fixture, startPts: 2 ** 32 });
    const worker = await stage.worker(WORKER);
    const stream = await worker.api.createTranscode({
      url: first.url,
      failover_urls: [second.url, third.url],
      profile: row.profile,
    });
    const early = stage.viewers(3, stream.playUrl);
    await allPlaying(early);
    await sleep(6_000);
    await killFfmpeg(worker);
    await sleep(3_000);
    const late = stage.viewers(2, stream.playUrl);
    await allPlaying(late);
    await sleep(5_000);
    await killFfmpeg(worker);
    await sleep(6_000);
    // Up to here nothing may be missing, doubled or signalled.
    const before = [...early, ...late].map((viewer) => viewer.snapshot());
    await first.refuse();
    await first.cutConnections();
    await until(async () => (await second.account()).open === 1, { what: 'the failover source', timeoutMs: 15_000 });
    await sleep(8_000);
    const answer = await worker.api.post<{ failover_index: number }>(`/streams/${stream.stream_id}/failover`);
    expect(answer).toMatchObject({ status: 200, body: { failover_index: 1 } });
    await connectionCount(third, 1, 10_000);
    await connectionCount(second, 0, 15_000);
    await sleep(6_000);

    const whole = { video: true, audio: true, frameTicks: row.frameTicks, maxSignalled: 0 };
    for (const recording of before) {
      const verdict = await judged(recording);
      expectClean(verdict, { ...whole, minSeconds: 8, maxAudioSlipTicks: row.audioSlipTicks, maxGapMs: 100 });
      expect([...(verdict.video?.dtsSteps.keys() ?? [])]).toEqual([row.frameTicks]);
    }
    const recordings = await Promise.all([...early, ...late].map((viewer) => viewer.stop()));
    for (const recording of recordings) {
      expect(recording.endedBy).toBe('limit');
      expectClean(await judged(recording), { video: true, audio: true, minSeconds: 20, maxGapMs: 6_000 });
    }
    for (const index of [0, early.length]) {
      const pictures = await comparePictures(before[index]?.bytes ?? Buffer.alloc(0), row.fixture);
      expect(pictures.faults).toEqual([]);
      expect(pictures.frames).toBeGreaterThan(200);
      expect(await decodeErrors(recordings[index]?.bytes ?? Buffer.alloc(0))).toEqual([]);
    }
    expect(await first.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
    expect(await second.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
    expect(await third.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
  });
});

describe.concurrent('ten kills at random times within 40 s', () => {
  staged.for(['default', COPY])('%s', { timeout: 120_000 }, async (profile, { stage }) => {
    console.log(`TEST_SEED=${TEST_SEED}`);
    const random = seeded(TEST_SEED);
    // One in each 4 s, so two may follow each other at once, but not so many that none of them could play.
    const times = Array.from({ length: 10 }, (_, n) => (n + random()) * 4_000);
    const source = await stage.source({ fixture: 'bframes' });
    const worker = await stage.worker({ SHARED_STREAM_GRACE: '1' });
    const stream = await worker.api.createTranscode({ url: source.url, profile });
    const viewers = stage.viewers(2, stream.playUrl);
    await allPlaying(viewers);
    const startMs = performance.now();
    for (const atMs of times) {
      await sleep(Math.max(0, startMs + atMs - performance.now()));
      await ffmpegCount(worker, 1);
      await killFfmpeg(worker);
    }
    await sleep(Math.max(6_000, startMs + 40_000 - performance.now()));
    for (const viewer of viewers) {
      expect(viewer.ended).toBe(false);
      const recording = await viewer.stop();
      const verdict = await judged(recording);
      const clean = { video: true, audio: true, minSeconds: 35, maxSignalled: 0, maxGapMs: 100 };
      expectClean(verdict, { ...clean, frameTicks: 3600, maxAudioSlipTicks: AAC_FRAME });
      expect([...(verdict.video?.dtsSteps.keys() ?? [])]).toEqual([3600]);
      expect(await decodeErrors(recording.bytes)).toEqual([]);
      expect(await comparePictures(recording.bytes, 'bframes')).toMatchObject({ faults: [] });
    }
    expect(await source.account()).toMatchObject({ total: 1 });
  });
});

staged.concurrent('an FFmpeg that hangs is replaced after STREAM_TIMEOUT, and nothing is lost', async ({ stage }) => {
  const source = await stage.source({ fixture: 'bframes' });
  const worker = await stage.worker({ STREAM_TIMEOUT: '2' });
  const stream = await worker.api.createTranscode({ url: source.url, profile: 'default' });
  const viewers = stage.viewers(2, stream.playUrl);
  await allPlaying(viewers);
  for (let round = 0; round < 2; round++) {
    await sleep(4_000);
    const [pid = 0] = worker.ffmpegPids();
    process.kill(pid, 'SIGSTOP');
    await until(() => worker.ffmpegPids().length === 1 && !worker.ffmpegPids().includes(pid), {
      what: 'the hung FFmpeg to be replaced',
      timeoutMs: 10_000,
    });
  }
  await sleep(4_000);
  for (const viewer of viewers) {
    const verdict = await judged(await viewer.stop());
    expectClean(verdict, {
      video: true,
      audio: true,
      minSeconds: 12,
      maxSignalled: 0,
      frameTicks: 3600,
      maxGapMs: 100,
    });
  }
  expect(await source.account()).toMatchObject({ total: 1 });
});

describe.concurrent('an FFmpeg that cannot work', () => {
  staged.for([
    '-i {input_url} -c:v libx264 -preset nosuch -c:a aac -f mpegts {output_args}',
    '-i {input_url} -c:v nosuch -c:a aac -f mpegts {output_args}',
    '-i {input_url} -c:v libx264 -vf scale=nosuch -c:a aac -f mpegts {output_args}',
  ])('because of its arguments is one error, not a loop: %s', async (profile, { stage }) => {
    const [source, second] = [await stage.source(), await stage.source()];
    const worker = await stage.worker({ LOG_LEVEL: 'debug' });
    const stream = await worker.api.createTranscode({ url: source.url, failover_urls: [second.url], profile });
    const viewer = stage.viewer(stream.playUrl);
    const answer = await worker.api.get<{ detail: string }>(new URL(stream.playUrl).pathname);
    expect(answer.status).toBe(500);
    expect(answer.body.detail).toContain('arguments');
    expect(answer.body.detail).toContain('nosuch');
    expect(await viewer.done).toMatchObject({ status: 500 });
    await connectionCount(source, 0);
    // The log comes through a pipe of its own, a moment later than the answer.
    await until(() => worker.logged('FFmpeg ended').length > 0, {
      what: 'the end of FFmpeg in the log',
      timeoutMs: 5_000,
    });
    expect(worker.logged('FFmpeg ended')).toHaveLength(1);
    expect(await second.account()).toMatchObject({ total: 0 });
  });

  staged('dies each time: tried again a few times, then the next source, then an error', async ({ stage }) => {
    const ffmpeg = await mortalFfmpeg();
    await ffmpeg.doom();
    const [source, second] = [await stage.source(), await stage.source()];
    const env = { STREAM_RETRY_ATTEMPTS: '2', STREAM_RETRY_DELAY: '0.1', FFMPEG_PATH: ffmpeg.path };
    const worker = await stage.worker(env);
    const order = { url: source.url, failover_urls: [second.url], profile: COPY };
    const { playUrl } = await worker.api.createTranscode(order);
    const recordings = await Promise.all(stage.viewers(3, playUrl).map((viewer) => viewer.done));
    for (const { status } of recordings) expect(status).toBe(502);
    // Two sources, each tried once and two times more.
    expect(await ffmpeg.deaths()).toBe(6);
    expect(await source.account()).toMatchObject({ total: 1 });
    expect(await second.account()).toMatchObject({ total: 1 });
    await connectionCount(second, 0);
    await ffmpeg.remove();
  });

  staged('begins to die while people watch: their responses end, whole', async ({ stage }) => {
    const ffmpeg = await mortalFfmpeg();
    const [source, second] = [await stage.source(), await stage.source()];
    const env = { STREAM_RETRY_ATTEMPTS: '2', STREAM_RETRY_DELAY: '0.1', FFMPEG_PATH: ffmpeg.path };
    const worker = await stage.worker(env);
    const order = { url: source.url, failover_urls: [second.url], profile: COPY };
    const { playUrl } = await worker.api.createTranscode(order);
    const viewers = stage.viewers(3, playUrl);
    await allPlaying(viewers);
    await sleep(3_000);
    await ffmpeg.doom();
    for (const pid of worker.ffmpegPids()) process.kill(pid, 'SIGKILL');
    await until(() => viewers.every((viewer) => viewer.ended), { what: 'the responses to end', timeoutMs: 15_000 });
    expect(await ffmpeg.deaths()).toBe(6);
    for (const viewer of viewers) {
      const recording = await viewer.done;
      expect(recording.byteCount % 188).toBe(0);
      expectClean(await judged(recording), { video: true, audio: true, minSeconds: 2, frameTicks: 3600 });
    }
    await ffmpegCount(worker, 0);
    await connectionCount(source, 0);
    await connectionCount(second, 0);
    await ffmpeg.remove();
  });
});

/**
 * An FFmpeg that dies as soon as it has a stream to play, once it is doomed. It does so inside the worker's sandbox, where it
 * may be another user and may not call kill: it dies of a write beyond the file size that it allows itself.
 */
async function mortalFfmpeg() {
  const directory = await mkdtemp(join(tmpdir(), 'streampool-mortal-'));
  const path = join(directory, 'ffmpeg');
  const [doom, deaths] = [join(directory, 'doom'), join(directory, 'deaths')];
  const real = process.env.FFMPEG_PATH ?? 'ffmpeg';
  const script = `#!/bin/sh
case "$*" in *pipe:0*) if [ -e '${doom}' ]; then echo >> '${deaths}'; ulimit -c 0; ulimit -f 0; echo >> '${deaths}'; fi ;; esac
exec ${real} "$@"
`;
  await writeFile(path, script);
  await writeFile(deaths, '');
  await Promise.all([chmod(directory, 0o755), chmod(path, 0o755), chmod(deaths, 0o666)]);
  return {
    path,
    doom: () => writeFile(doom, ''),
    deaths: async () => (await readFile(deaths, 'utf8')).length,
    remove: () => rm(directory, { recursive: true }),
  };
}
