// hls.js in Chromium plays segments that are made here: warm, cold, and on any worker. `npm run test:players` has it go through the loss of workers.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { CHROMIUM, HlsPlayers, type Played } from '../support/players/hls-players.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { CLIENT_TIMEOUT: '3', DRAIN_TIMEOUT: '6', STREAM_RETRY_DELAY: '0.2' };
/** Of a player that has its media: what a busy machine takes. */
const SMOOTH_MS = 1_000;

let players: HlsPlayers;

/** A session lasts three target durations beyond its last request; that of a copied source is 4 s. */
function nobodyAt({ api }: Worker): Promise<unknown> {
  const isEmpty = async () => (await api.get<{ clients: unknown[] }>('/clients')).body.clients.length === 0;
  return until(isEmpty, { timeoutMs: 30_000, what: 'the sessions to be over' });
}

describe.skipIf(CHROMIUM === undefined)('hls.js', () => {
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  function expectSmooth(played: Played): void {
    expect(played.fatal).toEqual([]);
    expect(played.longestStallMs).toBeLessThan(SMOOTH_MS);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall);
    expect(played.frames).toBeGreaterThan(20 * played.wall);
    expect(played.audioBytes).toBeGreaterThan(1_000);
  }

  staged('plays cold, warm, and on a worker that follows', async ({ stage }) => {
    const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
    const { workers } = await stage.cluster(2, ENV);
    const [one, two] = workers as [Worker, Worker];
    const [{ stream_id: encoded }, { stream_id: copied }] = await Promise.all([
      one.api.createTranscode({ url: source.url, profile: LIGHT }),
      one.api.createStream({ url: source.url }),
    ]);
    const play = (worker: Worker, id: string, seconds: number) =>
      players.hlsjs({ url: `${worker.url}/hls/${id}/playlist.m3u8`, seconds });
    const cold = await Promise.all([play(one, encoded, 8), play(one, copied, 8)]);
    for (const played of cold) expectSmooth(played);
    const viewers = [encoded, copied].map((id) => stage.viewer(`${one.url}/stream/${id}`));
    await allPlaying(viewers);
    const warm = await Promise.all([play(one, encoded, 6), play(one, copied, 6), play(two, encoded, 6)]);
    for (const played of warm) expectSmooth(played);
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    await nobodyAt(one);
  });

  staged('plays MP2, and the pictures beside AC-3', async ({ stage }) => {
    const worker = await stage.worker(ENV);
    const play = async (fixture: 'mp2' | 'ac3') => {
      const source = await stage.source({ fixture, join: 'keyframe', burstSeconds: 3 });
      const { stream_id: id } = await worker.api.createStream({ url: source.url });
      const url = `${worker.url}/hls/${id}/playlist.m3u8`;
      await players.hlsjs({ url, seconds: 1 });
      // Now the worker knows what it plays.
      return players.hlsjs({ url, seconds: 4 });
    };
    const [mp2, ac3] = await Promise.all([play('mp2'), play('ac3')]);
    expectSmooth(mp2);
    expectSmooth({ ...ac3, audioBytes: mp2.audioBytes });
    expect(ac3.audioBytes).toBe(0);
    await nobodyAt(worker);
  });
});
