/** Many sessions: what it costs the worker to give them playlists and segments, beside nginx with the same files. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processInfo } from '../../support/processes.ts';
import type { Bench } from '../main.ts';
import { startRemote } from '../remote.ts';
import type { Row } from '../table.ts';
import { copyStream } from './copied-stream.ts';
import type { HlsCrowdOrder, HlsCrowdReport } from './crowd.ts';
import { serveFiles } from './nginx.ts';
import { startStream } from './running.ts';

const COUNT = 1_000;
/** A player looks once a segment. */
const PERIOD_MS = 2_000;
const SETTLE_MS = 3_000;
const WINDOW_MS = 8_000;
/** The worker and nginx take turns, since a shared machine is never the same for long. */
const ROUNDS = 2;

export interface Served extends HlsCrowdReport {
  readonly cpuSeconds: number;
}

export async function sessions({ quick, say }: Bench): Promise<Row[]> {
  const count = quick ? COUNT / 5 : COUNT;
  say('sessions: the window of a stream fills');
  const stream = await startStream();
  const nginx = await serveFiles();
  const media = join(nginx.folder, 'media');
  const copying = await serveFiles({ media, sendfile: false });
  const copied = await copyStream(stream.url, media);
  const [ours, floor, copies]: [Served[], Served[], Served[]] = [[], [], []];
  try {
    for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
      say(`${count} sessions: nginx, round ${round}`);
      floor.push(await serve([nginx.origin + copied.entry], count, () => nginx.cpuSeconds()));
      say(`${count} sessions: nginx without sendfile, round ${round}`);
      copies.push(await serve([copying.origin + copied.entry], count, () => copying.cpuSeconds()));
      say(`${count} sessions: the worker, round ${round}`);
      ours.push(await serve([stream.url], count, () => processInfo(stream.worker.pid)?.cpuSeconds ?? 0));
    }
  } finally {
    copied.stop();
    await copying.stop();
    await nginx.stop();
    await stream.stop();
  }
  const rate = (of: Served): string => `${((of.bytes * 8) / 1e9 / of.seconds).toFixed(2)} Gbit/s`;
  const part = 'hls';
  const what = `${count} sessions at 4 Mbit/s`;
  const [bestOurs, bestFloor] = [cheapest(ours), cheapest(floor)];
  return [
    {
      ...{ part, what: `${what}: CPU per Gbit`, unit: 's', ours: perGbit(bestOurs), floor: perGbit(bestFloor) },
      floorIs: 'nginx with the same files in memory',
      goal: { of: 'ratio', max: 1.5 },
      note: `${rate(bestOurs)} delivered, floor ${rate(bestFloor)}; the least of all rounds on both sides`,
    },
    {
      ...{ part, what: `${what}: CPU per Gbit`, unit: 's', ours: perGbit(bestOurs), floor: perGbit(cheapest(copies)) },
      floorIs: 'the same nginx without sendfile',
    },
    {
      ...{ part, what: `${what}: a whole segment, p95`, unit: 'ms' },
      ...{ ours: bestOurs.segmentMs, floor: bestFloor.segmentMs, floorIs: 'nginx' },
    },
    {
      ...{ part, what: `${what}: requests that failed`, unit: '', goal: { of: 'ours', max: 0 } },
      ours: ours.reduce((sum, { failures }) => sum + failures, 0),
    },
  ];
}

export function perGbit({ cpuSeconds, bytes }: Served): number {
  return cpuSeconds / ((bytes * 8) / 1e9);
}

export function cheapest(rounds: readonly Served[]): Served {
  return rounds.reduce((one, other) => (perGbit(other) < perGbit(one) ? other : one));
}

/**
 * What a crowd gets in a window of time.
 * @param cpuSeconds of the server so far
 * @param periodMs `parts`: low latency
 */
export async function serve(
  urls: readonly string[],
  count: number,
  cpuSeconds: () => number,
  periodMs: number | 'parts' = PERIOD_MS,
): Promise<Served> {
  const crowd = startRemote('hls/crowd.ts');
  try {
    await crowd.call('open', { urls, count, periodMs } satisfies HlsCrowdOrder);
    await sleep(SETTLE_MS);
    const before = cpuSeconds();
    await crowd.call('mark');
    await sleep(WINDOW_MS);
    const after = cpuSeconds();
    const report = await crowd.call<HlsCrowdReport>('report');
    return { ...report, cpuSeconds: after - before };
  } finally {
    await crowd.end();
  }
}
