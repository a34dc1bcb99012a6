// `npm run test:cluster` only: a player watches for more than five minutes, on two workers in turn, and is one viewer all the time.
import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const isLong = process.env.STREAMPOOL_LONG === '1';
const SECONDS = 310;

staged.skipIf(!isLong || CHROMIUM === undefined)(
  'a source whose entry is a media playlist is one session over five minutes',
  { timeout: (SECONDS + 120) * 1_000 },
  async ({ stage }) => {
    const files = await startFileSource();
    stage.closeAfter(() => files.close());
    const { workers } = await stage.cluster(2, { CLIENT_TIMEOUT: '3', PLAYBACK_URL_TTL: '60' });
    const balancer = await startRoundRobin(workers);
    stage.closeAfter(() => balancer.close());
    const [one] = workers as [Worker];
    const { stream_id: id } = await one.api.createStream({ url: files.url('hls/live.m3u8') });
    const url = `${balancer.url}/hls/${id}/playlist.m3u8`;
    let isOver = false;
    const players = await HlsPlayers.start();
    stage.closeAfter(() => players.close());
    const playing = players.hlsjs({ url, seconds: SECONDS }).finally(() => {
      isOver = true;
    });
    playing.catch(() => undefined);
    const counts = new Set<number>();
    const ids = new Set<string>();
    await until(
      async () => {
        const { body } = await one.api.get<{ clients: { client_id: string }[] }>('/clients');
        counts.add(body.clients.length);
        for (const { client_id } of body.clients) ids.add(client_id);
        return isOver;
      },
      { what: 'the player to end', everyMs: 1_000, timeoutMs: (SECONDS + 60) * 1_000 },
    );
    const played = await playing;
    expect(played.fatal).toEqual([]);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall);
    expect([...counts].sort()).toEqual([0, 1]);
    expect(ids.size).toBe(1);
    const said = (message: string) => workers.flatMap((worker) => worker.logged(message)).length;
    expect(said('viewer joined')).toBe(1);
    await until(() => said('viewer left') > 0, { what: 'the session to end', timeoutMs: 30_000 });
    expect([said('viewer joined'), said('viewer left')]).toEqual([1, 1]);
    // One connection for all, and each segment once.
    const segments = files.requests.filter(({ path }) => path.includes('/seg'));
    expect(segments.length).toBeGreaterThan(0.9 * (SECONDS / 2));
    expect(segments.length).toBeLessThan(1.1 * (SECONDS / 2) + 5);
  },
);
