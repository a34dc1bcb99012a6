/** Fan-out: what it costs the worker to deliver one stream to many, beside a loop that only writes. */
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { wakeIntervalMs } from '../../services/proxy/src/feed/feed.ts';
import { fixture } from '../support/fixtures.ts';
import { startLiveSourceProcess } from '../support/live-source.ts';
import { processInfo } from '../support/processes.ts';
import { startWorker } from '../support/worker.ts';
import type { CrowdOrder, CrowdReport } from './crowd.ts';
import type { FloorKind, FloorOrder } from './floor.ts';
import type { Bench } from './main.ts';
import { COPY_PROFILE } from './profiles.ts';
import { type Remote, startRemote } from './remote.ts';
import type { Row } from './table.ts';

/** For the media that joining clients get at once to be delivered. */
const SETTLE_MS = 2_500;
const WINDOW_MS = 4_000;
/** Until the stream's rings are full and its code is compiled; viewers come to a channel that has run for a while. */
const WARM_MS = 24_000;
/** The floor and the worker take turns, since a shared machine is never the same for long. */
const ROUNDS = 2;
const JUDGED = 5;
export interface Measured extends CrowdReport {
  /** Of the server. */
  serverCpuSeconds: number;
}

export async function fanout({ quick, say }: Bench): Promise<Row[]> {
  const source = await startLiveSourceProcess({ fixture: 'heavy', burstSeconds: 1 });
  const worker = await startWorker({ MAX_CLIENTS_PER_SHARED_STREAM: '0', SHARED_STREAM_GRACE: '600' });
  try {
    const { playUrl } = await worker.api.createTranscode({ url: source.url, profile: COPY_PROFILE });
    say('fan-out to 1 client: the worker');
    const channel = await measure(playUrl, worker.pid, 1, 0, {}, WARM_MS);
    const measured: { count: number; rounds: Record<'ours' | 'floor' | 'http', Measured[]> }[] = [];
    for (const count of quick ? [200] : [200, 1000]) {
      const rounds: Record<'ours' | 'floor' | 'http', Measured[]> = { ours: [], floor: [], http: [] };
      for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
        say(`fan-out to ${count} clients: bare socket.write, round ${round}`);
        rounds.floor.push(await measureFloor('socket', count));
        say(`fan-out to ${count} clients: the worker, round ${round}`);
        rounds.ours.push(await measure(playUrl, worker.pid, count, JUDGED));
        if (round > 1) continue;
        say(`fan-out to ${count} clients: bare res.write`);
        rounds.http.push(await measureFloor('http', count));
      }
      measured.push({ count, rounds });
    }
    return measured.flatMap(({ count, rounds: { ours, floor, http } }) =>
      rowsOf(count, sum(ours), sum(floor), sum(http), channel),
    );
  } finally {
    await worker.stop('SIGINT');
    await source.close();
  }
}

/** Several rounds as if they were one. */
export function sum(rounds: readonly Measured[]): Measured {
  const total = (of: (round: Measured) => number): number => rounds.reduce((all, round) => all + of(round), 0);
  const worst = (of: (round: Measured) => number): number => Math.max(...rounds.map(of));
  return {
    seconds: total((round) => round.seconds),
    bytes: total((round) => round.bytes),
    behindSeconds: worst((round) => round.behindSeconds),
    longestGapMs: worst((round) => round.longestGapMs),
    lost: total((round) => round.lost),
    faults: total((round) => round.faults),
    cpuSeconds: total((round) => round.cpuSeconds),
    serverCpuSeconds: total((round) => round.serverCpuSeconds),
  };
}

function rowsOf(count: number, ours: Measured, floor: Measured, http: Measured, channel: Measured): Row[] {
  const gbit = (of: Measured): number => (of.bytes * 8) / 1e9;
  const perGbit = (of: Measured): number => of.serverCpuSeconds / gbit(of);
  const channelShare = channel.serverCpuSeconds / channel.seconds;
  const delivery = (ours.serverCpuSeconds - channelShare * ours.seconds) / gbit(ours);
  const rate = (of: Measured): string => `${(gbit(of) / of.seconds).toFixed(2)} Gbit/s`;
  const part = 'fan-out';
  const what = `${count} clients at 4 Mbit/s`;
  return [
    {
      part,
      what: `${what}: CPU per Gbit`,
      unit: 's',
      ours: perGbit(ours),
      floor: perGbit(floor),
      floorIs: `socket.write loop (res.write loop: ${perGbit(http).toFixed(3)} s)`,
      goal: { of: 'ratio', max: 1.5 },
      note: `${rate(ours)} delivered, floor ${rate(floor)}`,
    },
    {
      part,
      what: `${what}: CPU per Gbit, without the channel's own`,
      unit: 's',
      ours: delivery,
      floor: perGbit(floor),
      floorIs: 'socket.write loop',
      note: `with one client the channel takes ${(channelShare * 100).toFixed(1)} % of a core: source, splicers, FFmpeg's pipes`,
    },
    {
      part,
      what: `${what}: CPU of the readers per Gbit`,
      unit: 's',
      ours: ours.cpuSeconds / gbit(ours),
      floor: floor.cpuSeconds / gbit(floor),
      floorIs: 'the same readers at the loop',
    },
    {
      part,
      what: `${what}: faults seen by ${JUDGED} judged clients`,
      unit: '',
      ours: ours.faults + ours.lost,
      goal: { of: 'ours', max: 0 },
      note: 'counters, discontinuities, DTS, broken PES, lost connections',
    },
    {
      part,
      what: `${what}: slowest client behind the median`,
      unit: 's',
      ours: ours.behindSeconds,
      floor: floor.behindSeconds,
      floorIs: 'socket.write loop',
      goal: { of: 'ours', max: 1 },
      note: 'by bytes, all clients; a skip loses more',
    },
    {
      part,
      what: `${what}: longest wait of any client`,
      unit: 'ms',
      ours: ours.longestGapMs,
      floor: floor.longestGapMs,
      floorIs: 'socket.write loop',
    },
  ];
}

async function measureFloor(kind: FloorKind, count: number): Promise<Measured> {
  const { path, loopTicks } = await fixture('heavy');
  const { size } = await stat(path);
  const server = startRemote('floor.ts');
  try {
    const url = await server.call<string>('start', {
      kind,
      file: path,
      bytesPerSecond: size / (loopTicks / 90_000),
      intervalMs: wakeIntervalMs(count),
    } satisfies FloorOrder);
    return await measure(url, server.pid, count, 0);
  } finally {
    await server.end();
  }
}

/**
 * @param pid of the server
 * @param settleMs from the first bytes of all clients to the measurement
 */
export async function measure(
  url: string,
  pid: number,
  count: number,
  judged: number,
  headers: Record<string, string> = {},
  settleMs = SETTLE_MS,
): Promise<Measured> {
  const crowd: Remote = startRemote('crowd.ts');
  try {
    await crowd.call('open', { url, count, judged, headers } satisfies CrowdOrder);
    await sleep(settleMs);
    const before = processInfo(pid)?.cpuSeconds ?? 0;
    await crowd.call('mark');
    await sleep(WINDOW_MS);
    const after = processInfo(pid)?.cpuSeconds ?? 0;
    const report = await crowd.call<CrowdReport>('report');
    return { ...report, serverCpuSeconds: after - before };
  } finally {
    await crowd.end();
  }
}
