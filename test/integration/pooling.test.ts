// The sharing rule, with real FFmpegs: how many processes and provider connections a crowd costs, and for how long.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import type { LiveSource } from '../support/live-source.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { startRecordingProcess } from '../support/recorder-process.ts';
import { allPlaying, COPY, connectionCount, ffmpegCount, LIGHT, lightAt, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const GRACE_S = 1;
/** How long after the grace everything may take to be gone: a bound for liveness, not for speed. */
const SLACK_MS = 4_000;
const FRAME_TICKS = 3600;
const WATCH_MS = 4_000;

const grace = { SHARED_STREAM_GRACE: String(GRACE_S) };

/** Lets viewers watch for a while, then judges what each of them got. */
async function watchAndJudge(viewers: readonly RecordingHandle[]): Promise<void> {
  await allPlaying(viewers);
  await sleep(WATCH_MS);
  for (const viewer of viewers) {
    const recording = await viewer.stop();
    expect(recording.status).toBe(200);
    expectClean(judgeTs(recording), {
      video: true,
      audio: true,
      minSeconds: 2,
      frameTicks: FRAME_TICKS,
      maxSignalled: 0,
    });
  }
}

async function oneConnectionEver(source: LiveSource): Promise<void> {
  expect(await source.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
}

describe.concurrent('30 viewers who all come first', () => {
  staged.for([
    { cap: 100, ffmpegs: 1 },
    { cap: 10, ffmpegs: 3 },
    { cap: 0, ffmpegs: 1 },
  ])(
    'with a cap of $cap cost $ffmpegs FFmpeg and one connection, for as long as they watch',
    async (row, { stage }) => {
      const source = await stage.source();
      const worker = await stage.worker({ ...grace, MAX_CLIENTS_PER_SHARED_STREAM: String(row.cap) });
      const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
      const census = stage.census(worker);
      const viewers = stage.viewers(30, stream.playUrl);
      await watchAndJudge(viewers);
      expect(census.seen.size).toBe(row.ffmpegs);
      await ffmpegCount(worker, 0, GRACE_S * 1000 + SLACK_MS);
      await connectionCount(source, 0);
      await oneConnectionEver(source);
      expect(census.seen.size).toBe(row.ffmpegs);
    },
  );

  staged('of three profiles cost three FFmpeg and one connection', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker(grace);
    const profiles = [LIGHT, COPY, lightAt(300)];
    const streams = await Promise.all(
      profiles.map((profile) => worker.api.createTranscode({ url: source.url, profile })),
    );
    expect(new Set(streams.map(({ stream_id }) => stream_id)).size).toBe(3);
    const census = stage.census(worker);
    await watchAndJudge(streams.flatMap(({ playUrl }) => stage.viewers(10, playUrl)));
    expect(census.seen.size).toBe(3);
    await ffmpegCount(worker, 0, GRACE_S * 1000 + SLACK_MS);
    await oneConnectionEver(source);
  });
});

/** Some seconds of a light profile. */
const ENOUGH_BYTES = 200_000;

staged('100 clients on 10 channels cost 10 FFmpeg and 10 connections', async ({ stage }) => {
  const paths = Array.from({ length: 10 }, (_, n) => `/ch${n}.ts`);
  const source = await stage.sourceProcess({ channels: Object.fromEntries(paths.map((path) => [path, {}])) });
  const worker = await stage.worker(grace);
  const streams = await Promise.all(
    paths.map((path) => worker.api.createTranscode({ url: source.channel(path).url, profile: LIGHT })),
  );
  const census = stage.census(worker);
  const urls = streams.flatMap(({ playUrl }) => Array<string>(10).fill(playUrl));
  const clients = await startRecordingProcess({ urls, options: { seconds: 60, untilBytes: ENOUGH_BYTES } });
  const { recordings } = await clients.done;
  await clients.cleanUp();
  expect(recordings).toHaveLength(100);
  for (const { verdict, error } of recordings) {
    if (verdict === undefined) throw new Error(`a client got nothing: ${error}`);
    expectClean(verdict, { video: true, audio: true, minSeconds: 1, frameTicks: FRAME_TICKS, maxSignalled: 0 });
  }
  expect(census.seen.size).toBe(10);
  expect(await source.account()).toMatchObject({ total: 10, maxConcurrent: 10 });
  await ffmpegCount(worker, 0, GRACE_S * 1000 + SLACK_MS);
});

staged.concurrent('a viewer who comes within the grace keeps the process and the connection', async ({ stage }) => {
  const source = await stage.source();
  const worker = await stage.worker({ SHARED_STREAM_GRACE: '5' });
  const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
  const census = stage.census(worker);
  for (let round = 0; round < 3; round++) {
    const viewer = stage.viewer(stream.playUrl);
    const beginsWithKeyframe = () => judgeTs(viewer.snapshot()).startsWith.firstVideoIsKeyframe;
    await until(beginsWithKeyframe, { timeoutMs: 15_000, what: 'a keyframe to be the first picture, and whole' });
    await viewer.stop();
    await sleep(1_200);
  }
  expect(census.seen.size).toBe(1);
  await oneConnectionEver(source);
  await ffmpegCount(worker, 0, 5_000 + SLACK_MS);
  await connectionCount(source, 0);

  // Who comes after it starts anew.
  await allPlaying([stage.viewer(stream.playUrl)]);
  expect(census.seen.size).toBe(2);
  expect(await source.account()).toMatchObject({ total: 2, maxConcurrent: 1 });
});

staged.concurrent.for([{ ENABLE_TRANSCODING_POOLING: 'false' }, { STREAM_SHARING_STRATEGY: 'disabled' }])(
  'with %o every viewer has an FFmpeg, and still all have one connection',
  async (env, { stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ ...grace, ...env });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    const census = stage.census(worker);
    const viewers = stage.viewers(4, stream.playUrl);
    await watchAndJudge(viewers);
    expect(census.seen.size).toBe(4);
    expect(census.most).toBe(4);
    await oneConnectionEver(source);
    await ffmpegCount(worker, 0, GRACE_S * 1000 + SLACK_MS);
  },
);

describe.concurrent('what makes two streams one', () => {
  const url = 'http://127.0.0.1:9/live.ts';

  staged('url_profile: the URL and everything of the profile', async ({ stage }) => {
    const { api } = await stage.worker();
    const id = async (body: object): Promise<string> => (await api.createTranscode({ url, ...body })).stream_id;
    const first = await id({ profile: 'default' });
    expect(await id({ profile: 'default' })).toBe(first);
    expect(await id({ profile: 'default', metadata: { name: 'x' }, failover_urls: [`${url}?b`] })).toBe(first);
    const others = await Promise.all([
      id({ profile: 'lowlatency' }),
      id({ profile: 'default', profile_variables: { video_bitrate: '1M' } }),
      id({ profile: 'default', profile_variables: { audio_bitrate: '96k' } }),
      id({ profile: 'default', output_format: 'mp4' }),
      id({ profile: 'default', user_agent: 'another' }),
      id({ profile: 'default', headers: { Authorization: 'Basic eDp5' } }),
      id({ profile: LIGHT }),
      id({ profile: lightAt(300) }),
      id({ profile: COPY }),
    ]);
    expect(new Set([first, ...others]).size).toBe(others.length + 1);
    for (const each of [first, ...others]) expect(each).toMatch(/^[0-9a-f]{32}$/);
  });

  staged('says of a stream created twice that it existed, and keeps what its creator said', async ({ stage }) => {
    const { api } = await stage.worker();
    const order = { url, profile: LIGHT, metadata: { channel: 'one' } };
    const first = await api.createTranscode(order);
    const second = await api.createTranscode({ ...order, metadata: { channel: 'two' } });
    expect(first).toMatchObject({ existing: false });
    expect(second).toMatchObject({ existing: true, stream_id: first.stream_id, metadata: { channel: 'one' } });
  });

  staged('url_only: the URL, whatever the profile; the first one plays for both', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ ...grace, STREAM_SHARING_STRATEGY: 'url_only' });
    const first = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const second = await worker.api.createTranscode({ url: source.url, profile: 'hevc' });
    expect(second).toMatchObject({ stream_id: first.stream_id, existing: true, profile: 'custom' });
    const other = await worker.api.createTranscode({ url: source.url, profile: LIGHT, user_agent: 'another' });
    expect(other.stream_id).not.toBe(first.stream_id);
    const census = stage.census(worker);
    const viewers = [stage.viewer(first.playUrl), stage.viewer(second.playUrl)];
    await allPlaying(viewers);
    for (const viewer of viewers) expect(judgeTs(await viewer.stop()).video?.codec).toBe('h264');
    expect(census.seen.size).toBe(1);
  });

  staged('two bitrates never share, not even with viewers at the same moment', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker(grace);
    const streams = await Promise.all(
      [150, 600].map((kbits) => worker.api.createTranscode({ url: source.url, profile: lightAt(kbits) })),
    );
    const viewers = streams.map(({ playUrl }) => stage.viewer(playUrl));
    await allPlaying(viewers);
    await sleep(WATCH_MS);
    const [low, high] = await Promise.all(viewers.map(async (viewer) => judgeTs(await viewer.stop()).bitrate));
    expect((high ?? 0) / (low ?? 1)).toBeGreaterThan(1.5);
    await oneConnectionEver(source);
  });
});

staged.concurrent('12 viewers with one IP address and one User-Agent each get a whole stream', async ({ stage }) => {
  const source = await stage.source();
  const worker = await stage.worker({ ...grace, MAX_CLIENTS_PER_SHARED_STREAM: '0' });
  const stream = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
  const viewers = stage.viewers(12, stream.playUrl, { headers: { 'user-agent': 'the same player' } });
  await allPlaying(viewers);
  const { body } = await worker.api.get<{ client_count: number; clients: { client_id: string }[] }>(
    `/streams/${stream.stream_id}`,
  );
  expect(body.client_count).toBe(12);
  expect(new Set(body.clients.map(({ client_id }) => client_id)).size).toBe(12);
  await watchAndJudge(viewers);
  await until(
    async () =>
      (await worker.api.get<{ client_count: number }>(`/streams/${stream.stream_id}`)).body.client_count === 0,
    { what: 'all clients to be counted out' },
  );
});
