// Live HLS whose sound stops while it is watched, for good or for some seconds: the pictures go on in Shaka.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { allPlaying, staged } from '../support/stage.ts';

const SECONDS = 30;
/** Into what it watches. */
const STOPS_AFTER_MS = 6_000;
/** So much of a stream is there before somebody watches. */
const WARM_MS = 9_000;
const AWAY_MS = 4_000;
/** It stands still for up to 2.5 s on a busy machine, once, as the stream is later from then on. */
const PLAYED = 0.8;

const CASES = (['ts', 'fmp4'] as const).flatMap((container) =>
  (['for good', 'for 4 s'] as const).map((away) => ({ container, away })),
);

describe.skipIf(CHROMIUM === undefined)('Shaka', () => {
  let players: HlsPlayers;
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  staged.for(CASES)('plays on as $container when the sound is away $away', async ({ container, away }, { stage }) => {
    const source = await stage.source({ fixture: 'plain', join: 'keyframe', burstSeconds: 3 });
    const worker = await stage.worker();
    const { stream_id } = await worker.api.createStream({ url: source.url, share: true });
    await allPlaying([stage.viewer(`${worker.url}/stream/${stream_id}`)]);
    await sleep(WARM_MS);
    const silence = async () => {
      await sleep(STOPS_AFTER_MS);
      await source.dropSound(true);
      if (away === 'for good') return;
      await sleep(AWAY_MS);
      await source.dropSound(false);
    };
    const url = `${worker.url}/hls/${stream_id}/playlist.m3u8?container=${container}`;
    const [seen] = await Promise.all([players.play('shaka', { url, seconds: SECONDS }), silence()]);
    expect(seen.fatal).toEqual([]);
    expect(seen.advanced).toBeGreaterThan(PLAYED * seen.wall);
    expect(seen.frames).toBeGreaterThan(PLAYED * 25 * seen.wall);
    await worker.api.del(`/streams/${stream_id}`);
  });
});
