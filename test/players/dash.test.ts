// DASH sources in Shaka, through two workers in turn: a film to its end, and a live source.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { DASH_SECONDS, startDashProvider } from '../support/dash-provider.ts';
import type { HlsProvider } from '../support/hls-provider.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { type Stage, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { CLIENT_TIMEOUT: '3', DRAIN_TIMEOUT: '1' };
const RATE = 25;
/** Of a player that has its media: what a busy machine takes. */
const SMOOTH_MS = 1_000;

let provider: HlsProvider;
let players: HlsPlayers;

/** The entry through both workers, and what deletes the stream: the viewer of a film may be away for two minutes. */
async function created(stage: Stage, path: string): Promise<{ url: string; remove: () => Promise<unknown> }> {
  const { workers } = await stage.cluster(2, ENV);
  const [one] = workers as [Worker, Worker];
  const { stream_id, stream_endpoint } = await one.api.createStream({ url: provider.origin + path });
  const balancer = await startRoundRobin(workers);
  stage.closeAfter(() => balancer.close());
  return { url: balancer.url + stream_endpoint, remove: () => one.api.del(`/streams/${stream_id}`) };
}

describe.skipIf(CHROMIUM === undefined)('Shaka', () => {
  beforeAll(async () => {
    [provider, players] = await Promise.all([startDashProvider(), HlsPlayers.start()]);
  });
  afterAll(async () => {
    await players.close();
    await provider.close();
  });

  for (const form of ['timeline', 'numbers', 'list', 'file', 'shared']) {
    staged(`plays a film to its end: ${form}`, async ({ stage }) => {
      const { url, remove } = await created(stage, `/${form}/index.mpd`);
      const watched = await players.watch('shaka', { url, seconds: DASH_SECONDS + 20 });
      await remove();
      expect(watched).toMatchObject({ fatal: [], errors: [], ended: true });
      expect(watched.frames).toBeGreaterThanOrEqual(RATE * DASH_SECONDS);
      expect(watched.longestStallMs).toBeLessThan(SMOOTH_MS);
    });
  }

  staged('plays a live source', async ({ stage }) => {
    const { url } = await created(stage, '/live/index.mpd');
    const played = await players.other('shaka', { url, seconds: 10 });
    expect(played.fatal).toEqual([]);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall);
    expect(played.longestStallMs).toBeLessThan(SMOOTH_MS);
    expect(played.frames).toBeGreaterThan(20 * played.wall);
    expect(played.audioBytes).toBeGreaterThan(1_000);
  });
});
