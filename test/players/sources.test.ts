// What providers send that is unlike the rest, by HLS: FFmpeg warns of nothing, and hls.js plays it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopName } from '../support/fixtures.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { watchWith } from '../support/players/programs.ts';
import { allPlaying, LIGHT, Stage } from '../support/stage.ts';

interface Case {
  readonly what: string;
  readonly fixture: LoopName;
  /** Else it is copied. */
  readonly encoded?: boolean;
  readonly startPts?: number;
  readonly hasPictures?: boolean;
}

const SECONDS = 12;
const CASES: readonly Case[] = [
  { what: 'sound alone', fixture: 'audio-only', hasPictures: false },
  { what: 'a keyframe each 10 s', fixture: 'gop10' },
  { what: '29.97 pictures a second', fixture: 'fps-29.97' },
  { what: 'the wrap of 33 bits inside the window', fixture: 'bframes', startPts: 2 ** 33 - 20 * 90_000 },
  { what: 'intra refresh, copied', fixture: 'intra-refresh' },
  { what: 'intra refresh, encoded anew', fixture: 'intra-refresh', encoded: true },
];

let players: HlsPlayers;
beforeAll(async () => {
  players = await HlsPlayers.start();
});
afterAll(() => players.close());

describe.skipIf(CHROMIUM === undefined).each(CASES)('$what', (row) => {
  const stage = new Stage();
  let entry = '';
  let end: () => Promise<unknown>;

  beforeAll(async () => {
    const { fixture, startPts, encoded = false } = row;
    const burst = { join: 'keyframe', burstSeconds: 3 } as const;
    const source = await stage.source({ fixture, ...burst, ...(startPts === undefined ? {} : { startPts }) });
    const worker = await stage.worker();
    const { stream_id: id } = encoded
      ? await worker.api.createTranscode({ url: source.url, profile: LIGHT })
      : await worker.api.createStream({ url: source.url, share: true });
    entry = `${worker.url}/hls/${id}/playlist.m3u8`;
    await allPlaying([stage.viewer(`${worker.url}/stream/${id}`)]);
    end = () => worker.api.del(`/streams/${id}`);
  });
  afterAll(async () => {
    await end();
    await stage.clear();
  });

  it.each(['ts', 'fmp4'] as const)('plays as %s', async (container) => {
    const url = `${entry}?container=${container}`;
    const [faults, seen] = await Promise.all([
      watchWith('ffmpeg', { url, seconds: SECONDS, container }),
      players.play('hlsjs', { url, seconds: SECONDS }),
    ]);
    expect([faults, seen.fatal]).toEqual([[], []]);
    expect(seen.advanced).toBeGreaterThan(0.95 * seen.wall);
    if (row.hasPictures !== false) expect(seen.frames).toBeGreaterThan(20 * seen.wall);
    expect(seen.audioBytes).toBeGreaterThan(1_000);
  });
});
