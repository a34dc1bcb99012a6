/** Low latency: what viewers cost who wait for each part, how late parts come, and how old a picture is when a player shows it. */

import { CHROMIUM, HlsPlayers } from '../../support/players/hls-players.ts';
import { processInfo } from '../../support/processes.ts';
import type { Bench } from '../main.ts';
import { percentile } from '../numbers.ts';
import { startRemote } from '../remote.ts';
import type { Row } from '../table.ts';
import { within } from '../within.ts';
import { startStream } from './running.ts';
import { type Served, serve, warmUp } from './sessions.ts';

const COUNT = 200;
const ROUNDS = 2;
/** 4 Mbit/s */
const BYTES_PER_SECOND = 500_000;
const PLAYED_SECONDS = 8;
/** A player gives up before. */
const PLAYER_MS = 90_000;
/** Enough for a player to begin. */
const SEGMENTS = 8;

export async function lowLatency({ quick, say }: Bench): Promise<Row[]> {
  say('low latency: the window of a stream fills');
  // With a burst, media would come before the time that playlists give to it.
  const stream = await startStream({}, { burstSeconds: 0, segments: SEGMENTS });
  const url = `${stream.url}?container=fmp4`;
  const cpuSeconds = () => processInfo(stream.worker.pid)?.cpuSeconds ?? 0;
  const [ours, floor, alone, least]: [Served[], Served[], Served[], Served[]] = [[], [], [], []];
  const bare = startRemote('hls/bare-parts.ts');
  const bareUrl = await bare.call<string>('start', BYTES_PER_SECOND);
  try {
    say('low latency: the worker warms up');
    await warmUp(url, quick);
    await serve([url], COUNT, cpuSeconds, 'parts');
    for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
      say(`${COUNT} sessions: plain, round ${round}`);
      floor.push(await serve([url], COUNT, cpuSeconds));
      say(`${COUNT} sessions: low latency, round ${round}`);
      ours.push(await serve([url], COUNT, cpuSeconds, 'parts'));
      say(`one low-latency session, round ${round}`);
      alone.push(await serve([url], 1, cpuSeconds, 'parts'));
      say(`${COUNT} low-latency sessions of a bare server, round ${round}`);
      least.push(await serve([bareUrl], COUNT, () => 0, 'parts'));
    }
    const behind = CHROMIUM === undefined ? [] : await pictures(url, quick ? 1 : 5, say);
    const earliest = Math.min(...ours.map(({ earliestPartMs }) => earliestPartMs)) / 1000;
    return [...rowsOf(ours, floor, alone, least), ...behind.map((row) => ({ ...row, ours: row.ours - earliest }))];
  } finally {
    await bare.end();
    await stream.stop();
  }
}

/**
 * @param floor without low latency
 * @param alone one session
 * @param least of a server that does nothing else
 */
function rowsOf(
  ours: readonly Served[],
  floor: readonly Served[],
  alone: readonly Served[],
  least: readonly Served[],
): Row[] {
  const part = 'hls';
  const late = (rounds: readonly Served[]): number => Math.min(...rounds.map(({ partLateMs }) => partLateMs));
  const spread = (rounds: readonly Served[]): number => Math.min(...rounds.map(({ partSpreadMs }) => partSpreadMs));
  const perSession = (rounds: readonly Served[]): number =>
    Math.min(...rounds.map(({ cpuSeconds, seconds }) => (cpuSeconds * 1000) / seconds / COUNT));
  return [
    {
      ...{ part, what: `${COUNT} low-latency sessions at 4 Mbit/s: CPU of a session and second`, unit: 'ms' },
      ...{ ours: perSession(ours), floor: perSession(floor), floorIs: 'the same sessions without low latency' },
      note: 'with what the channel takes; the least of all rounds on both sides',
    },
    {
      ...{ part, what: 'the same: a part behind the pace of the earliest one, p95', unit: 'ms' },
      ...{ ours: late(ours), floor: late(alone), floorIs: 'one session alone: the pace of the stream itself' },
    },
    {
      ...{ part, what: 'the same: a whole part behind the first session that has it, p95', unit: 'ms' },
      ...{ ours: spread(ours), goal: { of: 'ours', max: 100 } },
      ...{ floor: spread(least), floorIs: "Node's own HTTP server that does nothing else, with the same crowd" },
    },
    {
      ...{ part, what: 'the same: requests that failed', unit: '', goal: { of: 'ours', max: 0 } },
      ours: ours.reduce((sum, { failures }) => sum + failures, 0),
    },
  ];
}

async function pictures(url: string, joins: number, say: Bench['say']): Promise<Row[]> {
  const browser = await HlsPlayers.start();
  const behind: number[] = [];
  try {
    for (let n = 1; n <= joins; n++) {
      say(`low latency: hls.js in Chromium, ${n} of ${joins}`);
      const { behindDate } = await within(
        browser.hlsjs({ url, seconds: PLAYED_SECONDS, lowLatency: true }),
        PLAYER_MS,
        'hls.js',
      );
      behind.push(behindDate ?? Number.NaN);
    }
  } finally {
    await browser.close();
  }
  return [
    {
      ...{
        part: 'hls',
        what: `low latency: from a part of the worker to its picture in Chromium, the longest of ${joins}`,
        unit: 's',
      },
      ...{ ours: percentile(behind, 1), goal: { of: 'ours', max: 2 } },
      note: `${PLAYED_SECONDS} s after it has joined`,
    },
  ];
}
