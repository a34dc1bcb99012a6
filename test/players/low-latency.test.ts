// Players in low latency: how far behind the source they play, and what hls.js gets through. One at a time, so that nothing else takes its time.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { HlsViewer } from '../support/hls-viewer.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const SOURCE = { fixture: 'bframes', join: 'keyframe', burstSeconds: 3 } as const;
const ENV = { CLIENT_TIMEOUT: '3', DRAIN_TIMEOUT: '6', STREAM_RETRY_DELAY: '0.2' };
/** Longer than a reload is held. */
const OUTAGE_MS = 10_000;
/** Of a player that has its media: what a busy machine takes. */
const SMOOTH_MS = 1_000;

let players: HlsPlayers;

/** When the newest media is dated that the playlist lists, ms since 1970. */
function edgeMs(playlist: string): number {
  const [, date = '', parts = ''] = /.*#EXT-X-PROGRAM-DATE-TIME:(\S+)\n(.*)$/s.exec(playlist) ?? [];
  const seconds = [...parts.matchAll(/#EXT-X-PART:DURATION=([\d.]+)/g)].map(([, length]) => Number(length));
  return Date.parse(date) + 1_000 * seconds.reduce((sum, length) => sum + length, 0);
}

/** The longest time, in ms, in which a worker has listed no new part, while somebody watches it for ten seconds. */
async function longestPauseMs(viewer: HlsViewer, { url }: Worker): Promise<number> {
  let hint = '';
  let longestMs = 0;
  const endMs = performance.now() + 10_000;
  for (let sinceMs = performance.now(); performance.now() < endMs; await sleep(20)) {
    const next = (await viewer.playlist(url)).text.trimEnd().split('\n').at(-1) ?? '';
    longestMs = Math.max(longestMs, performance.now() - sinceMs);
    if (next !== hint) sinceMs = performance.now();
    hint = next;
  }
  return Math.round(longestMs);
}

/** A session lasts three target durations beyond its last request. */
function nobodyAt({ api }: Worker): Promise<unknown> {
  const isEmpty = async () => (await api.get<{ clients: unknown[] }>('/clients')).body.clients.length === 0;
  return until(isEmpty, { timeoutMs: 30_000, what: 'the sessions to be over' });
}

describe.skipIf(CHROMIUM === undefined)('low latency', () => {
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  staged.for(['shaka', 'videojs'] as const)('is played by %s, part by part', async (player, { stage }) => {
    const source = await stage.source(SOURCE);
    const worker = await stage.worker(ENV);
    const { stream_id } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const url = `${worker.url}/hls/${stream_id}/playlist.m3u8?container=fmp4`;
    await allPlaying([stage.viewer(`${worker.url}/stream/${stream_id}`)]);
    await sleep(8_000);
    const viewer = await HlsViewer.open(url);
    const played = await players.other(player, { url, seconds: 30, lowLatency: true });
    const newestMs = edgeMs((await viewer.playlist()).text);
    const behindSeconds = (newestMs - Date.now()) / 1_000 + (played.behindDate ?? Number.NaN);
    console.log(`${player}, ${behindSeconds.toFixed(2)} s behind: ${JSON.stringify(played)}`);
    expect(played.fatal).toEqual([]);
    // A segment has seven. Who plays whole segments asks for none.
    expect(played.parts).toBeGreaterThan(60);
    expect(played.longestStallMs).toBeLessThan(SMOOTH_MS);
    expect(behindSeconds).toBeLessThan(2);
  });

  staged('of hls.js is less than 2 s behind a stream that is warm', async ({ stage }) => {
    const source = await stage.source(SOURCE);
    const worker = await stage.worker(ENV);
    const { stream_id } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const viewer = stage.viewer(`${worker.url}/stream/${stream_id}`);
    await allPlaying([viewer]);
    // So that its playlist has old segments, which reloads leave out.
    await sleep(20_000);
    const url = `${worker.url}/hls/${stream_id}/playlist.m3u8?container=fmp4`;
    const played = await players.hlsjs({ url, seconds: 15, lowLatency: true });
    console.log(`warm: ${JSON.stringify(played)}`);
    expect(played.fatal).toEqual([]);
    expect(played.latency).toBeLessThan(2);
    expect(played.longestStallMs).toBeLessThan(SMOOTH_MS);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall);
    await viewer.stop();
    await nobodyAt(worker);
  });

  staged('of hls.js endures a source that is away for longer than a reload is held', async ({ stage }) => {
    const source = await stage.source(SOURCE);
    const worker = await stage.worker(ENV);
    const { stream_id } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const url = `${worker.url}/hls/${stream_id}/playlist.m3u8?container=fmp4`;
    const playing = players.hlsjs({ url, seconds: 35, lowLatency: true });
    playing.catch(() => undefined);
    await until(() => worker.ffmpegPids().length > 0, { what: 'an FFmpeg' });
    await sleep(12_000);
    await source.refuseTcp(true);
    await source.cutConnections();
    await sleep(OUTAGE_MS);
    await source.refuseTcp(false);
    const played = await playing;
    console.log(`source away: ${JSON.stringify(played)}`);
    expect(played.fatal).toEqual([]);
    expect(played.latency).toBeLessThan(2);
    await nobodyAt(worker);
  });

  staged('of hls.js goes on over the death of the owner, and is close to the source again', async ({ stage }) => {
    const source = await stage.source(SOURCE);
    const { workers } = await stage.cluster(3, ENV);
    const [one] = workers;
    if (one === undefined) throw new Error('there is no worker');
    const { stream_id } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
    const balancer = await startRoundRobin(workers);
    stage.closeAfter(() => balancer.close());
    const url = `${balancer.url}/hls/${stream_id}/playlist.m3u8?container=fmp4`;
    const viewer = await HlsViewer.open(url);
    await viewer.playlist();
    const owner = workers.find((worker) => worker.ffmpegPids().length > 0);
    const other = workers.find((worker) => worker !== owner);
    if (owner === undefined || other === undefined) throw new Error('nobody makes the feed');
    const playing = players.hlsjs({ url, seconds: 35, lowLatency: true });
    playing.catch(() => undefined);
    await sleep(14_000);
    const pause = longestPauseMs(viewer, other);
    await sleep(1_000);
    await owner.kill();
    const outageMs = await pause;
    const played = await playing;
    console.log(`killed, ${outageMs} ms without a part: ${JSON.stringify(played)}`);
    expect(played.fatal).toEqual([]);
    expect(played.longestStallMs).toBeLessThan(SMOOTH_MS + outageMs);
    expect(played.latency).toBeLessThan(2);
    expect(played.advanced).toBeGreaterThan(0.95 * (played.wall - outageMs / 1_000));
    for (const worker of workers) if (worker !== owner) await nobodyAt(worker);
  });
});
