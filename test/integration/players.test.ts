// Every player begins with a stream that nobody watches; with MPEG-TS and with fragmented MP4. `npm run test:players` begins while it is made.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM, HlsPlayers, type WebPlayer } from '../support/players/hls-players.ts';
import { isAbsent, PLAYER_PROGRAMS, type Program, watchWith } from '../support/players/programs.ts';
import { Stage } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

const SECONDS = 5;
/** That a picture may stay on a busy machine, where five players play at a time. `npm run test:players` has them play alone. */
const BUSY_S = 0.5;
const CONTAINERS = ['ts', 'fmp4'] as const;
const WEB_PLAYERS: readonly WebPlayer[] = ['hlsjs', 'shaka', 'videojs', 'native'];

type Container = (typeof CONTAINERS)[number];
const withContainers = <T>(players: readonly T[]): (readonly [T, Container])[] =>
  players.flatMap((player) => CONTAINERS.map((container) => [player, container] as const));

const stage = new Stage();
let worker: Worker;
/** By player and container: a stream of its own each, that nobody else watches. */
const streams = new Map<string, string>();

function entryOf(player: string, container: Container): string {
  return `${worker.url}/hls/${streams.get(`${player} ${container}`)}/playlist.m3u8?container=${container}`;
}

beforeAll(async () => {
  const all = withContainers<string>([...PLAYER_PROGRAMS, ...WEB_PLAYERS]);
  const pathOf = (player: string, container: Container) => `/${player}-${container}.ts`;
  const channels = Object.fromEntries(all.map(([player, container]) => [pathOf(player, container), {}]));
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3, channels });
  worker = await stage.worker({ SHARED_STREAM_GRACE: '1' });
  for (const [player, container] of all) {
    const { url } = source.channel(pathOf(player, container));
    streams.set(`${player} ${container}`, (await worker.api.createStream({ url, share: true })).stream_id);
  }
});
afterAll(async () => {
  // Their sessions would last a while.
  for (const id of streams.values()) await worker.api.del(`/streams/${id}`);
  await stage.clear();
});

describe('alone', () => {
  const play = async (program: Program, container: Container) => {
    expect(await watchWith(program, { url: entryOf(program, container), seconds: SECONDS, container })).toEqual([]);
  };
  for (const [program, container] of withContainers(PLAYER_PROGRAMS)) {
    it.skipIf(isAbsent(program)).concurrent(`${program} plays ${container}`, () => play(program, container));
  }
});

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  let players: HlsPlayers;
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  it.concurrent.each(withContainers(WEB_PLAYERS))('%s plays %s', async (player, container) => {
    const seen = await players.play(player, { url: entryOf(player, container), seconds: SECONDS });
    expect(seen.fatal).toEqual([]);
    expect(seen.advanced).toBeGreaterThan(0.95 * seen.wall - BUSY_S);
    expect(seen.frames).toBeGreaterThan(15 * (seen.wall - BUSY_S));
    expect(seen.audioBytes).toBeGreaterThan(1_000);
  });
});
