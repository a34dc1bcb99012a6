// Players go on through the death of the owner and a drain, on workers that they reach in turn, and count as one viewer.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { newPlaces } from '../support/cluster.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { CLIENT_TIMEOUT: '3', DRAIN_TIMEOUT: '6', STREAM_RETRY_DELAY: '0.2' };
/** Of a player that has its media: what a busy machine takes. */
const SMOOTH_MS = 1_000;
const LEFT = 'viewer left';

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  let players: HlsPlayers;
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  staged.for([
    ['hlsjs', 'ts'],
    ['hlsjs', 'fmp4'],
    ['shaka', 'ts'],
    ['shaka', 'fmp4'],
  ] as const)(
    '%s plays %s on through the death of the owner and a drain, as one viewer',
    async ([player, container], { stage }) => {
      const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
      const { workers } = await stage.cluster(3, ENV);
      const [one] = workers as [Worker];
      const { stream_id: id } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
      const balancer = await startRoundRobin(workers);
      stage.closeAfter(() => balancer.close());
      const said = (message: string) => workers.flatMap((worker) => worker.logged(message));
      const url = `${balancer.url}/hls/${id}/playlist.m3u8?container=${container}`;
      const playing = players.play(player, { url, seconds: 32 });
      playing.catch(() => undefined);
      const owner = await until(() => workers.find((worker) => worker.ffmpegPids().length > 0), {
        // The page and its player are loaded first.
        timeoutMs: 15_000,
        what: 'an FFmpeg',
      });
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
      const outageMs = takenMs - killedMs;
      expect(played.fatal).toEqual([]);
      expect(played.longestStallMs).toBeLessThan(SMOOTH_MS + outageMs);
      expect(played.advanced).toBeGreaterThan(0.95 * played.wall - outageMs / 1000);
      expect(played.frames).toBeGreaterThan(20 * (played.wall - outageMs / 1000));
      expect(played.audioBytes).toBeGreaterThan(1_000);
      expect(said('viewer joined')).toHaveLength(1);
      const last = workers.find((worker) => worker !== owner && worker !== next) as Worker;
      // A session lasts three target durations beyond its last request.
      const isEmpty = async () => (await last.api.get<{ clients: unknown[] }>('/clients')).body.clients.length === 0;
      await until(isEmpty, { timeoutMs: 30_000, what: 'the session to be over' });
      // The log of a worker comes a little later than its answers.
      await until(() => said(LEFT).length > 0, { what: 'one worker to say that the session has ended' });
      expect(said(LEFT)).toHaveLength(1);
    },
  );
});
