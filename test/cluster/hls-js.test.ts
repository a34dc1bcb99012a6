// hls.js in Chromium plays segments that are made here: warm, cold, on any worker, and through the loss of workers.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { newPlaces } from '../support/cluster.ts';
import { CHROMIUM, HlsPlayers, type Played } from '../support/players/hls-players.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { CLIENT_TIMEOUT: '3', DRAIN_TIMEOUT: '6', STREAM_RETRY_DELAY: '0.2' };
/** Of a player that has its media: what a busy machine takes. */
const SMOOTH_MS = 1_000;
const LEFT = 'a session has ended';

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

  /** @param outageMs in which nobody made the feed */
  function expectSmooth(played: Played, outageMs = 0): void {
    expect(played.fatal).toEqual([]);
    expect(played.longestStallMs).toBeLessThan(SMOOTH_MS + outageMs);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall - outageMs / 1000);
    expect(played.frames).toBeGreaterThan(20 * (played.wall - outageMs / 1000));
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

  staged('plays on through the death of the owner and a drain, as one viewer', async ({ stage }) => {
    const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
    const { workers } = await stage.cluster(3, ENV);
    const [one] = workers as [Worker];
    const { stream_id: id } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
    const balancer = await startRoundRobin(workers);
    stage.closeAfter(() => balancer.close());
    const said = (message: string) => workers.flatMap((worker) => worker.logged(message));
    const playing = players.hlsjs({ url: `${balancer.url}/hls/${id}/playlist.m3u8`, seconds: 32 });
    playing.catch(() => undefined);
    const owner = await until(() => workers.find((worker) => worker.ffmpegPids().length > 0), { what: 'an FFmpeg' });
    await sleep(10_000);
    const killedMs = Date.now();
    await owner.kill();
    await sleep(10_000);
    const next = await until(() => workers.find((worker) => worker !== owner && worker.ffmpegPids().length > 0), {
      what: 'another owner',
    });
    next.signal('SIGTERM');
    const played = await playing;
    const takenMs = newPlaces(workers, 'p:').find(({ kind, atMs }) => kind === 'own' && atMs >= killedMs)?.atMs;
    if (takenMs === undefined) throw new Error('nobody has taken the feed over');
    expectSmooth(played, takenMs - killedMs);
    expect(said('a session has begun')).toHaveLength(1);
    const last = workers.find((worker) => worker !== owner && worker !== next) as Worker;
    await nobodyAt(last);
    // The log of a worker comes a little later than its answers.
    await until(() => said(LEFT).length > 0, { what: 'one worker to say that the session has ended' });
    expect(said(LEFT)).toHaveLength(1);
  });
});
