/** One channel for many viewers: what a server takes for each gigabit that it delivers, at first and later. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startLiveSourceProcess } from '../../support/live-source.ts';
import type { Measure } from './results.ts';
import { FLOOR, type Server, withFfmpeg } from './servers/servers.ts';
import { inTurn, type Order, Sheet } from './sheet.ts';
import { countCpu, megabytesOf } from './usage.ts';
import { bytesPerSecond, type Seen, startFloor, startViewers, type Viewers } from './viewers.ts';

const FEW = 50;
const MORE = [200, 500];

export const FAN_OUT_TIMES = {
  whole: { firstMs: 10_000, warmMs: 60_000, settleMs: 4_000, windowMs: 12_000 },
  quick: { firstMs: 3_000, warmMs: 6_000, settleMs: 2_000, windowMs: 3_000 },
};

export async function fanOut(servers: readonly Server[], { quick, rounds, say }: Order): Promise<Measure[]> {
  const { warmMs } = quick ? FAN_OUT_TIMES.quick : FAN_OUT_TIMES.whole;
  const counts = quick ? MORE.slice(0, 1) : MORE;
  const most = counts.at(-1) ?? FEW;
  const perGbit = { unit: 'CPU s per Gbit', beside: FLOOR, resolution: 0.005 };
  const after = `after ${warmMs / 1000} s`;
  const sheet = new Sheet(rounds, [
    { id: 'viewers-50-first', what: `one channel of 4 Mbit/s, ${FEW} viewers, at first`, ...perGbit },
    { id: 'viewers-50', what: `the same, ${after}`, ...perGbit },
    ...counts.map((count) => ({ id: `viewers-${count}`, what: `${count} viewers, ${after}`, ...perGbit })),
    { id: 'wait-50', what: `longest wait of ${FEW} viewers`, unit: 'ms', beside: FLOOR, resolution: 10 },
    { id: 'lack-most', what: `of ${most} viewers' media, what they lacked`, unit: '%', beside: FLOOR, resolution: 1 },
    { id: 'memory-50', what: `memory with ${FEW} viewers, without FFmpeg`, unit: 'MB', resolution: 1 },
    { id: 'client-50', what: `what ${FEW} viewers take themselves`, ...perGbit },
  ]);
  const source = await startLiveSourceProcess({ fixture: 'heavy', burstSeconds: 1 });
  const unshared = await startFloor(1);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const server of inTurn(servers, round)) {
        say(`fan-out, round ${round + 1}: ${server.name}`);
        await measure(server, server.isUnshared === true ? unshared.url : source.url, sheet, counts, quick).catch(
          (error) => say(`${server.name} has failed: ${error}`),
        );
      }
    }
  } finally {
    await unshared.end();
    await source.close();
  }
  return sheet.measures();
}

async function measure(
  { name, start }: Server,
  source: string,
  sheet: Sheet,
  counts: readonly number[],
  quick: boolean,
): Promise<void> {
  const { firstMs, warmMs, settleMs, windowMs } = quick ? FAN_OUT_TIMES.quick : FAN_OUT_TIMES.whole;
  const server = await start(source);
  const viewers = startViewers();
  const take = async (id: string, ms: number): Promise<Seen> => {
    const { seen, cpu, withFfmpegs } = await during(viewers, server.pids(), server.ffmpegs(), ms);
    const gbit = (seen.bytes * 8) / 1e9;
    sheet.add(id, name, cpu / gbit);
    if (server.ffmpegs().length > 0) sheet.add(id, withFfmpeg(name), withFfmpegs / gbit);
    return seen;
  };
  try {
    server.serve?.(FEW);
    await viewers.open(server.url, FEW);
    await take('viewers-50-first', firstMs);
    await sleep(warmMs - firstMs);
    const seen = await take('viewers-50', windowMs);
    sheet.add('wait-50', name, seen.longestGapMs);
    if (name === FLOOR) sheet.add('client-50', name, seen.cpuSeconds / ((seen.bytes * 8) / 1e9));
    else sheet.add('memory-50', name, megabytesOf(server.pids()));
    let open = FEW;
    for (const count of counts) {
      server.serve?.(count);
      await viewers.open(server.url, count - open);
      open = count;
      await sleep(settleMs);
      const { bytes, seconds } = await take(`viewers-${count}`, windowMs);
      if (count !== counts.at(-1)) continue;
      const share = bytes / seconds / count / (await bytesPerSecond());
      sheet.add('lack-most', name, Math.max(0, 100 * (1 - share)));
    }
  } finally {
    await viewers.end();
    await server.stop();
  }
}

async function during(viewers: Viewers, pids: readonly number[], ffmpegs: readonly number[], ms: number) {
  await viewers.mark();
  const [own, all] = [countCpu(pids), countCpu([...pids, ...ffmpegs])];
  await sleep(ms);
  const [cpu, withFfmpegs] = [own(), all()];
  const seen = await viewers.report();
  if (seen.lost > 0) throw new Error(`${seen.lost} viewers were cut off`);
  return { seen, cpu, withFfmpegs };
}
