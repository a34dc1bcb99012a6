// Live HLS that is made here, in the players that people have: each one begins warm, and plays on without a fault.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeTs } from '../support/judge/index.ts';
import { CHROMIUM, HlsPlayers, type WebPlayer } from '../support/players/hls-players.ts';
import { isAbsent, PLAYER_PROGRAMS, watchWith } from '../support/players/programs.ts';
import { allPlaying, LIGHT, Stage } from '../support/stage.ts';

const SECONDS = 8;
/** Of the programs, which tell of a fault only when they come to it. */
const LONG_SECONDS = 12;

const stage = new Stage();
/** Of a stream that is encoded, and of one whose source is copied. */
const entries = { encoded: '', copied: '' };

beforeAll(async () => {
  // FFmpeg's own muxer puts up to 0.37 s of sound into one PES packet: the fixture is such a source.
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const worker = await stage.worker({ CLIENT_TIMEOUT: '1' });
  const [{ stream_id: encoded }, { stream_id: copied }] = await Promise.all([
    worker.api.createTranscode({ url: source.url, profile: LIGHT }),
    worker.api.createStream({ url: source.url, share: true }),
  ]);
  const viewers = [encoded, copied].map((id) => stage.viewer(`${worker.url}/stream/${id}`));
  await allPlaying(viewers);
  entries.encoded = `${worker.url}/hls/${encoded}/playlist.m3u8`;
  entries.copied = `${worker.url}/hls/${copied}/playlist.m3u8`;
  const sounds = judgeTs(Buffer.from(viewers[1]?.snapshot().bytes ?? [])).audio?.dtsSteps.keys() ?? [];
  expect(Math.max(...sounds)).toBeGreaterThan(0.2 * 90_000);
  await sleep(15_000);
});
afterAll(async () => {
  // Sessions last three target durations.
  await sleep(13_000);
  await stage.clear();
});

const both = ['encoded', 'copied'] as const;
const CONTAINERS = ['ts', 'fmp4'] as const;

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  let players: HlsPlayers;
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  const web: WebPlayer[] = ['hlsjs', 'native', 'shaka', 'videojs'];
  const each = web.flatMap((player) =>
    CONTAINERS.flatMap((container) => both.map((kind) => [player, container, kind] as const)),
  );
  it.each(each)('%s plays %s of a stream that is %s', async (player, container, kind) => {
    const seen = await players.play(player, { url: `${entries[kind]}?container=${container}`, seconds: SECONDS });
    expect(seen.fatal).toEqual([]);
    expect(seen.advanced).toBeGreaterThan(0.95 * seen.wall);
    expect(seen.frames).toBeGreaterThan(20 * seen.wall);
    expect(seen.audioBytes).toBeGreaterThan(10_000);
  });

  it.each(both)('hls.js begins twenty times within 2 s with a stream that is %s', async (kind) => {
    const starts: number[] = [];
    for (let n = 0; n < 20; n++) {
      const { startMs, fatal } = await players.hlsjs({ url: entries[kind], seconds: 0.2 });
      expect(fatal).toEqual([]);
      starts.push(Math.round(startMs));
    }
    console.log(`ms to the first picture, ${kind}: ${starts.sort((a, b) => a - b).join(' ')}`);
    expect(starts.at(-1)).toBeLessThan(2_000);
  });
});

const programs = PLAYER_PROGRAMS.flatMap((program) =>
  CONTAINERS.flatMap((container) => both.map((kind) => ({ program, container, kind }))),
);
describe.each(programs)('$program plays $container of a stream that is $kind', ({ program, container, kind }) => {
  it.skipIf(isAbsent(program))('for a while, and finds no fault', async () => {
    const url = `${entries[kind]}?container=${container}`;
    expect(await watchWith(program, { url, seconds: LONG_SECONDS, container })).toEqual([]);
  });
});
