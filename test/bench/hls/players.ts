/** A viewer who joins a running stream: how long hls.js in Chromium takes to its first picture. */
import { join } from 'node:path';
import { CHROMIUM, HlsPlayers } from '../../support/players/hls-players.ts';
import type { Bench } from '../main.ts';
import { percentile } from '../numbers.ts';
import type { Row } from '../table.ts';
import { copyStream } from './copied-stream.ts';
import { serveFiles } from './nginx.ts';
import { startStream } from './running.ts';

const PLAYED_SECONDS = 0.1;
/** More than nginx with the same files. */
const GOAL_MS = 50;

export async function players({ quick, say }: Bench): Promise<Row[]> {
  if (CHROMIUM === undefined) {
    say('no Chromium: no rows of players');
    return [];
  }
  const joins = quick ? 5 : 20;
  say('players: the window of a stream fills');
  const stream = await startStream();
  const nginx = await serveFiles();
  const copied = await copyStream(stream.url, join(nginx.folder, 'media'));
  const browser = await HlsPlayers.start();
  const startMs = async (url: string) => (await browser.hlsjs({ url, seconds: PLAYED_SECONDS })).startMs;
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
