/** A viewer who joins a running stream: how long hls.js in Chromium takes to its first picture. */
import { join } from 'node:path';
import { CHROMIUM, HlsPlayers } from '../../support/players/hls-players.ts';
import type { Bench } from '../main.ts';
import { percentile } from '../numbers.ts';
import type { Row } from '../table.ts';
import { within } from '../within.ts';
import { copyStream } from './copied-stream.ts';
import { serveFiles } from './nginx.ts';
import { startStream } from './running.ts';

const PLAYED_SECONDS = 0.1;
/** A player begins three target durations before the end, which are six segments. The files repeat this many. */
const SEGMENTS = 8;
/** A player gives up before. */
const PLAYER_MS = 60_000;
/** More than nginx with the same files. */
const GOAL_MS = 50;

export async function players({ quick, say }: Bench): Promise<Row[]> {
  if (CHROMIUM === undefined) {
    say('no Chromium: no rows of players');
    return [];
  }
  const joins = quick ? 5 : 40;
  say('players: the window of a stream fills');
  const stream = await startStream({}, { segments: SEGMENTS });
  const nginx = await serveFiles();
  const copied = await copyStream(stream.url, join(nginx.folder, 'media'));
  const browser = await HlsPlayers.start();
  const startMs = async (url: string) =>
    (await within(browser.hlsjs({ url, seconds: PLAYED_SECONDS }), PLAYER_MS, 'hls.js')).startMs;
  const [ours, floor]: [number[], number[]] = [[], []];
  try {
    say(`${joins} players join, one after the other`);
    // The first ones start parts of the browser.
    for (const url of [nginx.origin + copied.entry, stream.url]) await startMs(url);
    for (let n = 0; n < joins; n++) {
      floor.push(await startMs(nginx.origin + copied.entry));
      ours.push(await startMs(stream.url));
    }
  } finally {
    await browser.close();
    copied.stop();
    await nginx.stop();
    await stream.stop();
  }
  return [0.5, 0.95].map((share) => ({
    ...{ part: 'hls', what: `warm join to the first picture in Chromium, p${share * 100} of ${joins}`, unit: 'ms' },
    ...{ ours: percentile(ours, share), floor: percentile(floor, share), floorIs: 'the same files from nginx' },
    ...(share > 0.5 && { goal: { of: 'ours' as const, max: Math.round(percentile(floor, share)) + GOAL_MS } }),
  }));
}
