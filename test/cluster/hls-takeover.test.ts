// Players of a pooled stream go on where its owner dies: by the statuses, playlists and bytes that they got from the other workers.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { newPlaces } from '../support/cluster.ts';
import type { HlsViewer } from '../support/hls-viewer.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { record } from '../support/recorder.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { HLS_SEGMENT_TIME: '1', CLIENT_TIMEOUT: '4', DRAIN_TIMEOUT: '4', STREAM_RETRY_DELAY: '0.2' };
const CLEAN = { video: true, audio: true, minSeconds: 8, maxSignalled: 0, maxGapMs: 100, cleanStart: true };

/** A player that reloads its playlist at one worker: what it is answered, until it stops or the test ends. */
class Reloads {
  /** Of each answer. 0 where none came. */
  readonly statuses: number[] = [];
  /** The newest number of each playlist. */
  readonly newest: number[] = [];
  /** Playlists whose numbers have a hole. */
  readonly holes: string[] = [];
  readonly #over = new AbortController();
  readonly #reloading: Promise<void>;

  constructor(stage: Stage, viewer: HlsViewer, worker: Worker) {
    this.#reloading = this.#reload(viewer, worker.url);
    stage.closeAfter(() => this.stop());
  }

  async #reload(viewer: HlsViewer, origin: string): Promise<void> {
    while (!this.#over.signal.aborted) {
      const { status, text } = await fetch(origin + viewer.path)
        .then(async (answer) => ({ status: answer.status, text: await answer.text() }))
        .catch(() => ({ status: 0, text: '' }));
      this.statuses.push(status);
      const numbers = [...text.matchAll(/segment\.ts\?n=(\d+)/g)].map(([, n]) => Number(n));
      this.newest.push(numbers.at(-1) ?? 0);
      if (numbers.some((n, at) => n !== (numbers[0] ?? 0) + at)) this.holes.push(text);
      await sleep(100);
    }
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#reloading;
  }

  expectNothingNoticed(from: number): void {
    expect(new Set(this.statuses)).toEqual(new Set([200]));
    expect(this.newest).toEqual([...this.newest].sort((a, b) => a - b));
    expect(this.newest[0]).toBeGreaterThanOrEqual(from);
    expect(this.holes).toEqual([]);
  }
}

staged.concurrent(
  'a worker that has only relayed goes on with the numbers, the playlist and the bytes of the owner that died',
  { timeout: 90_000 },
  async ({ stage }) => {
    const cluster = await stage.cluster(3, ENV);
    const [owner, follower, late] = cluster.workers as [Worker, Worker, Worker];
    const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 10 });
    const { stream_id } = await owner.api.createTranscode({ url: source.url, profile: LIGHT });
    const viewer = await stage.hlsViewer(`${owner.url}/hls/${stream_id}/playlist.m3u8`);
    const [begin = 0] = (await viewer.playlist()).numbers;
    await allPlaying([stage.viewer(`${follower.url}/stream/${stream_id}`)]);
    // What the follower has of the feed begins here.
    const joined = (await viewer.playlist()).numbers.at(-1) as number;
    const had = new Map<number, Buffer>();
    for (let n = begin; n <= joined + 8; n++) {
      await viewer.playlistWith(n);
      had.set(n, await viewer.segment(n));
    }
    const before = (await viewer.playlist()).numbers;
    const newest = before.at(-1) as number;
    await owner.kill();
    const reloads = [new Reloads(stage, viewer, follower)];
    // A player that has the newest playlist asks for its newest segment, of a worker that it has never asked before.
    const asked = viewer.segment(newest, follower.url);
    await until(() => newPlaces([follower], 'p:').length > 0, { what: 'the follower to make the feed', everyMs: 5 });
    reloads.push(new Reloads(stage, viewer, late));
    expect((await viewer.segment(newest, late.url)).equals(await asked)).toBe(true);
    for (const n of before.filter((each) => each > joined + 1 && each < newest)) {
      const bytes = await viewer.segment(n, follower.url);
      expect([n, bytes.equals(had.get(n) ?? bytes)]).toEqual([n, true]);
    }
    const bytes: Buffer[] = [];
    for (let n = joined + 2; n <= newest + 5; n++) {
      const playlists = await Promise.all([follower, late].map(({ url }) => viewer.playlistWith(n, url)));
      for (const { text } of playlists) expect(text).not.toMatch(/EXT-X-(GAP|DISCONTINUITY\n)/);
      const [one, other] = await Promise.all([follower, late].map(({ url }) => viewer.segment(n, url)));
      expect([n, one?.equals(other as Buffer)]).toEqual([n, true]);
      bytes.push(had.get(n) ?? (one as Buffer));
    }
    for (const each of reloads) await each.stop();
    for (const each of reloads) each.expectNothingNoticed(newest);
    expectClean(judgeTs(Buffer.concat(bytes), { gapMs: 100 }), CLEAN);
  },
);

staged.concurrent(
  'a drain waits for no player of own segments that may go on at another worker, and the player misses nothing',
  { timeout: 90_000 },
  async ({ stage }) => {
    const cluster = await stage.cluster(2, { ...ENV, CLIENT_TIMEOUT: '30', DRAIN_TIMEOUT: '40' });
    const [drained, other] = cluster.workers as [Worker, Worker];
    const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 10 });
    const { stream_id } = await drained.api.createTranscode({ url: source.url, profile: LIGHT });
    const viewer = await stage.hlsViewer(`${drained.url}/hls/${stream_id}/playlist.m3u8`);
    const begin = (await viewer.playlist()).numbers.at(-1) as number;
    const bytes: Buffer[] = [];
    let n = begin;
    const play = async (worker: Worker, count: number) => {
      for (const to = n + count; n < to; n++) {
        await viewer.playlistWith(n, worker.url);
        bytes.push(await viewer.segment(n, worker.url));
      }
    };
    await play(drained, 3);
    const sinceMs = performance.now();
    drained.signal('SIGTERM');
    await until(async () => (await viewer.answerOf(n - 1, drained.url)).headers.get('connection') === 'close', {
      what: 'the player to be told',
    });
    const reloads = new Reloads(stage, viewer, other);
    await play(other, 6);
    await drained.exited;
    // Far sooner than CLIENT_TIMEOUT.
    expect(performance.now() - sinceMs).toBeLessThan(25_000);
    await play(other, 3);
    await reloads.stop();
    reloads.expectNothingNoticed(begin);
    expect(drained.logged('handed over')).not.toHaveLength(0);
    expectClean(judgeTs(Buffer.concat(bytes), { gapMs: 100 }), CLEAN);
    // Its session would stay for CLIENT_TIMEOUT.
    expect((await other.api.del(`/streams/${stream_id}`)).status).toBe(200);
  },
);

staged.concurrent(
  'a worker that takes a feed over by a handover has the segments that were listed before it came, although the worker before has ended',
  { timeout: 90_000 },
  async ({ stage }) => {
    const cluster = await stage.cluster(2, { ...ENV, HLS_LIST_SIZE: '40', DRAIN_TIMEOUT: '40' });
    const [drained, other] = cluster.workers as [Worker, Worker];
    const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 10 });
    const { stream_id } = await drained.api.createTranscode({ url: source.url, profile: LIGHT });
    const players = ['ts', 'fmp4'].map(async (container) => {
      const viewer = await stage.hlsViewer(`${drained.url}/hls/${stream_id}/playlist.m3u8?container=${container}`);
      const [begin = 0] = (await viewer.playlist()).numbers;
      const had = new Map<number, Buffer>();
      for (let n = begin; n < begin + 10; n++) {
        await viewer.playlistWith(n);
        had.set(n, await viewer.segment(n));
      }
      return { viewer, begin, had };
    });
    const played = await Promise.all(players);
    // Nobody plays HLS there, and its ring begins later than the playlists.
    await allPlaying([stage.viewer(`${other.url}/stream/${stream_id}`)]);
    drained.signal('SIGTERM');
    await drained.exited;
    expect(drained.logged('handed over')).not.toHaveLength(0);
    for (const { viewer, begin, had } of played) {
      const { numbers, text } = await viewer.playlist(other.url);
      expect(numbers[0]).toBe(begin);
      for (const [n, bytes] of had) expect([n, (await viewer.segment(n, other.url)).equals(bytes)]).toEqual([n, true]);
      for (const [, uri = ''] of text.matchAll(/#EXT-X-MAP:URI="([^"]+)"/g)) await viewer.init(uri, other.url);
    }
    expect((await other.api.del(`/streams/${stream_id}`)).status).toBe(200);
  },
);

staged.concurrent('an HLS profile plays MPEG-TS at /stream/, from the feed of its HLS players', async ({ stage }) => {
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 10 });
  const worker = await stage.worker(ENV);
  const census = stage.census(worker);
  const profile = LIGHT.replace('-f mpegts', '-f hls -hls_time 2 -hls_list_size 30');
  const { stream_id, playlist_url } = await worker.api.createTranscode({ url: source.url, profile });
  expect(playlist_url).toBe(`/hls/${stream_id}/playlist.m3u8`);
  const viewer = await stage.hlsViewer(worker.url + playlist_url);
  const [n = 0] = (await viewer.playlist()).numbers;
  expect((await viewer.segment(n)).length).toBeGreaterThan(0);
  const recorded = await record(`${worker.url}/stream/${stream_id}`, { untilBytes: 400_000 });
  expect(recorded).toMatchObject({ status: 200, headers: { 'content-type': 'video/mp2t' } });
  expectClean(judgeTs(recorded.bytes, { gapMs: 100 }), { ...CLEAN, minSeconds: 3 });
  expect(await source.account()).toMatchObject({ open: 1 });
  expect(census.most).toBe(1);
});
