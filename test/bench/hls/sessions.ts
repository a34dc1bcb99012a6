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
import { type RunningStream, startStream } from './running.ts';

const COUNT = 1_000;
/** A player looks once a segment. */
const PERIOD_MS = 2_000;
const SETTLE_MS = 3_000;
const WINDOW_MS = 8_000;
/** All servers take turns, since a shared machine is never the same for long. */
const ROUNDS = 2;

/** V8 compiles what a server does often. A server that runs for days has long done that, so it is not part of its figure. */
const WARM_SEGMENTS = 12_000;
const WARM_VIEWERS = 50;
const WARM_PERIOD_MS = 50;

export interface Served extends HlsCrowdReport {
  readonly cpuSeconds: number;
}

export async function sessions({ quick, beside, say }: Bench): Promise<Row[]> {
  const count = quick ? COUNT / 5 : COUNT;
  say('sessions: the window of a stream fills');
  const stream = await startStream();
  const other = beside === undefined ? undefined : await startStream({}, { main: beside });
  const nginx = await serveFiles();
  const media = join(nginx.folder, 'media');
  const copying = await serveFiles({ media, sendfile: false });
  const bare = startRemote('hls/bare.ts');
  const copied = await copyStream(stream.url, media);
  const bareOrigin = await bare.call<string>('start', media);
  const servers: Server[] = [
    { name: 'nginx', url: nginx.origin + copied.entry, cpuSeconds: () => nginx.cpuSeconds() },
    { name: 'nginx without sendfile', url: copying.origin + copied.entry, cpuSeconds: () => copying.cpuSeconds() },
    { name: 'bare Node', url: bareOrigin + copied.entry, cpuSeconds: () => cpuOf(bare.pid) },
    ...(other === undefined ? [] : [{ name: 'the other worker', ...running(other) }]),
    { name: 'the worker', ...running(stream) },
  ];
  const rounds = new Map(servers.map(({ name }) => [name, [] as Served[]]));
  try {
    for (const { name, url } of servers) {
      say(`sessions: ${name} warms up`);
      await warmUp(url, quick);
    }
    for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
      for (const { name, url, cpuSeconds } of servers) {
        say(`${count} sessions: ${name}, round ${round}`);
        rounds.get(name)?.push(await serve([url], count, cpuSeconds));
      }
    }
  } finally {
    copied.stop();
    await bare.end();
    await copying.stop();
    await nginx.stop();
    await other?.stop();
    await stream.stop();
  }
  return rowsOf(count, rounds);
}

/** What gives the crowd the same media. */
interface Server {
  readonly name: string;
  readonly url: string;
  readonly cpuSeconds: () => number;
}

function running({ url, worker }: RunningStream): Pick<Server, 'url' | 'cpuSeconds'> {
  return { url, cpuSeconds: () => worker.cpuSeconds() };
}

function cpuOf(pid: number): number {
  return processInfo(pid)?.cpuSeconds ?? 0;
}

function rowsOf(count: number, rounds: ReadonlyMap<string, readonly Served[]>): Row[] {
  const part = 'hls';
  const what = `${count} sessions at 4 Mbit/s`;
  const best = (name: string): Served => cheapest(rounds.get(name) ?? []);
  const [ours, nginx] = [best('the worker'), best('nginx')];
  const rate = (of: Served): string => `${((of.bytes * 8) / 1e9 / of.seconds).toFixed(2)} Gbit/s`;
  const beside = (name: string, floorIs: string): Row => ({
    ...{ part, what: `${what}: CPU per Gbit`, unit: 's', ours: perGbit(ours), floor: perGbit(best(name)), floorIs },
  });
  return [
    {
      ...beside('nginx', 'nginx with the same files in memory'),
      goal: { of: 'ratio', max: 1.5 },
      note: `${rate(ours)} delivered, floor ${rate(nginx)}; the least of all rounds on each side`,
    },
    beside('nginx without sendfile', 'the same nginx without sendfile'),
    beside('bare Node', "Node's own HTTP server with the same bytes, which does nothing else"),
    ...(rounds.has('the other worker') ? [beside('the other worker', 'the worker of --beside')] : []),
    {
      ...{ part, what: `${what}: a whole segment, p95`, unit: 'ms' },
      ...{ ours: ours.segmentMs, floor: nginx.segmentMs, floorIs: 'nginx' },
    },
    {
      ...{ part, what: `${what}: requests that failed`, unit: '', goal: { of: 'ours', max: 0 } },
      ours: (rounds.get('the worker') ?? []).reduce((sum, { failures }) => sum + failures, 0),
    },
  ];
}

export function perGbit({ cpuSeconds, bytes }: Served): number {
  return cpuSeconds / ((bytes * 8) / 1e9);
}

export function cheapest(rounds: readonly Served[]): Served {
  return rounds.reduce((one, other) => (perGbit(other) < perGbit(one) ? other : one));
}

/** Until a server has sent so many segments that its code is compiled. */
export async function warmUp(url: string, quick: boolean): Promise<void> {
  const crowd = startRemote('hls/crowd.ts');
  try {
    const order: HlsCrowdOrder = { urls: [url], count: WARM_VIEWERS, periodMs: WARM_PERIOD_MS, again: true };
    await crowd.call('open', order);
    const wanted = quick ? WARM_SEGMENTS / 10 : WARM_SEGMENTS;
    while ((await crowd.call<number>('count')) < wanted) await sleep(200);
  } finally {
    await crowd.end();
  }
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
