// Films by HLS in the players that people have: from the first picture to the last, in what the playlist lists, and when their worker dies.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type FileSource, startFileSource } from '../support/file-source.ts';
import { FINITE_SECONDS, type FiniteName, LONG_SECONDS } from '../support/fixtures.ts';
import { CHROMIUM, HlsPlayers, type Watched, type WebPlayer } from '../support/players/hls-players.ts';
import { isAbsent, PLAYER_PROGRAMS, watchWith } from '../support/players/programs.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { COPY, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '2' };
const PLAYERS = ['hlsjs', 'native', 'shaka', 'videojs'] as const satisfies readonly WebPlayer[];
const CONTAINERS = ['ts', 'fmp4'] as const;
const RATE = 25;
/** Of a player that has its media: what a busy machine takes. */
const SMOOTH_MS = 1_000;
/** For the start, and what a player is behind at the end. */
const SPARE_SECONDS = 20;

/** A lease, and a reload of the playlist. */
const GIVES_UP_MS = 15_000;

let files: FileSource;

beforeAll(async () => {
  files = await startFileSource();
});
afterAll(() => files.close());

/** A worker that plays a film. @returns the entry, for a client */
async function film(stage: Stage, name: FiniteName, profile: string, env: Record<string, string> = {}) {
  const worker = await stage.worker({ ...ENV, ...env });
  const { stream_id } = await worker.api.createTranscode({ url: files.url(name), profile });
  stage.closeAfter(async () => {
    await worker.api.request('DELETE', `/streams/${stream_id}`);
  });
  return (client: string, container: string) =>
    `${worker.url}/hls/${stream_id}/playlist.m3u8?client_id=${client}&container=${container}`;
}

function expectWhole(watched: Watched, seconds: number): void {
  expect(watched).toMatchObject({ fatal: [], ended: true });
  expect(watched.began).toBeLessThan(0.5);
  expect(watched.position).toBeGreaterThan(seconds - 0.1);
  // Shaka decodes some pictures at the beginning twice.
  expect(watched.frames).toBeGreaterThanOrEqual(RATE * seconds);
  expect(watched.frames).toBeLessThan(RATE * (seconds + 1));
  expect(watched.longestStallMs).toBeLessThan(SMOOTH_MS);
}

describe('a film outside a browser', () => {
  const each = PLAYER_PROGRAMS.flatMap((program) => CONTAINERS.map((container) => ({ program, container })));
  for (const { program, container } of each) {
    staged.skipIf(isAbsent(program))(`plays to its end as ${container} in ${program}`, async ({ stage }) => {
      const entry = await film(stage, 'movie.mp4', LIGHT);
      const watch = { url: entry(program, container), seconds: FINITE_SECONDS, container, isFilm: true };
      expect(await watchWith(program, watch)).toEqual([]);
    });
  }
});

describe.skipIf(CHROMIUM === undefined)('a film', () => {
  let players: HlsPlayers;
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  const whole = PLAYERS.flatMap((player) => CONTAINERS.map((container) => ({ player, container })));
  staged.for(whole)('plays from the first picture to the last as $container in $player', async (each, { stage }) => {
    const { player, container } = each;
    const entry = await film(stage, 'movie.mp4', LIGHT);
    const watched = await players.watch(player, {
      url: entry(player, container),
      seconds: FINITE_SECONDS + SPARE_SECONDS,
    });
    expectWhole(watched, FINITE_SECONDS);
  });

  const sounds = (['sound-ends.mkv', 'sound-begins.mkv'] as const).flatMap((name) =>
    CONTAINERS.map((container) => ({ name, container })),
  );
  staged.for(sounds)('plays to its last picture as $container in all players: $name', async (each, { stage }) => {
    const entry = await film(stage, each.name, LIGHT);
    const watched = await Promise.all(
      PLAYERS.map(async (player) => ({
        player,
        ...(await players.watch(player, {
          url: entry(player, each.container),
          seconds: FINITE_SECONDS + 2 * SPARE_SECONDS,
        })),
      })),
    );
    for (const { player, ...seen } of watched) {
      expect({ player, ...seen }).toMatchObject({ player, fatal: [], ended: true });
      expect(seen.position).toBeGreaterThan(FINITE_SECONDS - 0.1);
    }
  });

  staged.for(PLAYERS)('of a minute plays in %s, with a playlist of 12 s', async (player, { stage }) => {
    const entry = await film(stage, 'long.mkv', COPY, { HLS_LIST_SIZE: '3' });
    const watched = await players.watch(player, { url: entry(player, 'ts'), seconds: LONG_SECONDS + SPARE_SECONDS });
    expectWhole(watched, LONG_SECONDS);
  });

  staged.for(PLAYERS.filter((player) => player !== 'native'))(
    'goes back and forward in %s, in what its playlist lists',
    async (player, { stage }) => {
      const entry = await film(stage, 'movie.mp4', LIGHT);
      const watched = await players.watch(player, {
        url: entry(player, 'ts'),
        seconds: FINITE_SECONDS + SPARE_SECONDS,
        seeks: [
          { atSeconds: 4, toSeconds: 1 },
          { atSeconds: 5, toSeconds: 9 },
        ],
      });
      expect(watched).toMatchObject({ fatal: [], ended: true });
      expect(watched.position).toBeGreaterThan(FINITE_SECONDS - 0.1);
      expect(watched.reached.map(({ position }) => Math.floor(position))).toEqual([1, 9]);
      for (const { afterMs } of watched.reached) expect(afterMs).toBeLessThan(SMOOTH_MS);
    },
  );

  staged.for(['hlsjs', 'shaka'] as const)(
    'tells %s when the worker is gone that makes it',
    async (player, { stage }) => {
      const { workers } = await stage.cluster(2, ENV);
      const [one] = workers as [Worker];
      const { stream_id: id } = await one.api.createTranscode({ url: files.url('long.mkv'), profile: LIGHT });
      const balancer = await startRoundRobin(workers);
      stage.closeAfter(() => balancer.close());
      const watching = players.watch(player, { url: `${balancer.url}/hls/${id}/playlist.m3u8`, seconds: 45 });
      watching.catch(() => undefined);
      const owner = await until(() => workers.find((worker) => worker.ffmpegPids().length > 0), {
        timeoutMs: 15_000,
        what: 'an FFmpeg',
      });
      await sleep(8_000);
      await owner.kill();
      const killedMs = performance.now();
      const watched = await watching;
      expect(watched.fatal).toEqual([expect.stringMatching(/ 410$/)]);
      expect(performance.now() - killedMs).toBeLessThan(GIVES_UP_MS);
      const other = workers.find((worker) => worker !== owner) as Worker;
      await other.api.request('DELETE', `/streams/${id}`);
    },
  );
});
