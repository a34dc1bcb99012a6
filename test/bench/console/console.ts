/** The console of a cluster with 1,000 streams and 10,000 viewers: how soon it shows them, and what people who look on cost. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ConsoleBrowser } from '../../support/console-browser.ts';
import { CHROMIUM } from '../../support/players/hls-players.ts';
import { processInfo } from '../../support/processes.ts';
import { type RedisServer, startRedis } from '../../support/redis.ts';
import { startWorker, type Worker } from '../../support/worker.ts';
import { createStreams } from '../cluster-simulation.ts';
import type { Bench } from '../main.ts';
import { RedisLog } from '../redis-log.ts';
import { startRemote } from '../remote.ts';
import type { SimulationOrder } from '../simulated-workers.ts';
import type { Row } from '../table.ts';
import type { PageName, PagesOrder } from './pages.ts';

const WORKERS = 3;
const STREAMS = 1_000;
const VIEWERS = 10_000;
/** Viewers of one process. */
const CAP = 100;
const FILL_SECONDS = 120;
/** For what a page asks when it is opened. */
const SETTLE_MS = 12_000;
/** A page is shown so often; the longest time counts. */
const TIMES = 5;
const GOALS = { shownMs: 1_000, cpuPercent: 5, commands: 2 };

/** What of a cluster people look at. */
const PAGES: readonly { readonly what: string; readonly open: readonly (readonly [PageName, number])[] }[] = [
  { what: 'nobody looks', open: [] },
  { what: 'one first page', open: [['now', 1]] },
  { what: '50 first pages', open: [['now', 50]] },
  { what: '50 lists of streams', open: [['streams', 50]] },
  {
    what: '10 each of first page, streams, viewers, cluster, providers',
    open: (['now', 'streams', 'viewers', 'cluster', 'providers'] as const).map((name) => [name, 10] as const),
  },
];

interface Measured {
  /** Of a core. */
  readonly cpuPercent: number;
  /** That the worker sends to Redis. */
  readonly commandsPerSecond: number;
  readonly kilobytesPerSecond: number;
  readonly listed: string;
}

export async function consolePages({ quick, beside, say }: Bench): Promise<Row[]> {
  const windowMs = quick ? 5_000 : 20_000;
  const redis = await startRedis();
  const cluster = startRemote('simulated-workers.ts');
  try {
    say(`console: ${VIEWERS} viewers of ${STREAMS} streams join ${WORKERS} workers`);
    const streamIds = await createStreams(redis, STREAMS);
    const workers = Array.from({ length: WORKERS }, (_, n) => n + 1);
    const order: SimulationOrder = { redisPort: redis.port, workers, streamIds, cap: CAP, tellsMaking: true };
    await cluster.call('start', order);
    const joined = await cluster.call<number>('fill', { count: VIEWERS, seconds: FILL_SECONDS });
    if (joined < VIEWERS) throw new Error(`only ${joined} viewers have joined`);
    const floorIs = 'the worker beside';
    const ours = await measure(redis, windowMs, say);
    const floor = beside === undefined ? undefined : await measure(redis, windowMs, say, beside);
    const part = 'console';
    const rows: Row[] = [];
    for (const [at, { what, ms }] of ours.shown.entries()) {
      const [before] = [floor?.shown[at]];
      rows.push({
        ...{ part, what: `${what}, longest of ${TIMES}`, unit: 'ms', ours: Math.max(...ms) },
        ...{ goal: { of: 'ours', max: GOALS.shownMs }, note: ms.map((each) => Math.round(each)).join(', ') },
        ...(before === undefined ? {} : { floor: Math.max(...before.ms), floorIs }),
      });
    }
    const [nobody] = ours.costs;
    for (const [at, { what, open }] of PAGES.entries()) {
      const [cost, before] = [ours.costs[at], floor?.costs[at]];
      if (cost === undefined || nobody === undefined) continue;
      const views = nobody.commandsPerSecond + GOALS.commands * Math.max(1, open.length);
      rows.push({
        ...{ part, what: `CPU of the worker: ${what}`, unit: '% of a core', ours: cost.cpuPercent },
        ...(open.length === 0 ? {} : { goal: { of: 'ours', max: nobody.cpuPercent + GOALS.cpuPercent } }),
        note: `${Math.round(cost.kilobytesPerSecond)} kB a second to the pages`,
        ...(before === undefined ? {} : { floor: before.cpuPercent, floorIs }),
      });
      rows.push({
        ...{ part, what: `commands to Redis: ${what}`, unit: '/s', ours: cost.commandsPerSecond, note: cost.listed },
        ...(open.length === 0 ? {} : { goal: { of: 'ours', max: views } }),
        ...(before === undefined ? {} : { floor: before.commandsPerSecond, floorIs }),
      });
    }
    return rows;
  } finally {
    await cluster.end();
    await redis.stop();
  }
}

interface Shown {
  readonly what: string;
  readonly ms: readonly number[];
}

async function measure(redis: RedisServer, windowMs: number, say: Bench['say'], main?: string) {
  const others = await connectionsOf(redis);
  const env = { ...redis.env, WORKER_ID: 'looked-at', LOG_LEVEL: 'info', CLEANUP_INTERVAL: '600' };
  const worker = await startWorker(env, main === undefined ? {} : { main });
  const own = new Set([...(await connectionsOf(redis))].filter((address) => !others.has(address)));
  const log = await RedisLog.start(redis.port, own);
  try {
    // What a worker does as it starts is over.
    await sleep(SETTLE_MS);
    const shown = await pagesShown(worker, say);
    const costs: Measured[] = [];
    for (const { what, open } of PAGES) {
      say(`console: ${what}`);
      const pages = startRemote('console/pages.ts');
      try {
        for (const [name, count] of open) {
          await pages.call('open', { url: worker.url, name, count } satisfies PagesOrder);
        }
        await sleep(SETTLE_MS);
        await pages.call('got');
        log.take();
        const [beganMs, before] = [performance.now(), processInfo(worker.pid)?.cpuSeconds ?? 0];
        await sleep(windowMs);
        const seconds = (performance.now() - beganMs) / 1_000;
        const used = (processInfo(worker.pid)?.cpuSeconds ?? 0) - before;
        const commands = log.take();
        const count = [...commands.values()].reduce((sum, each) => sum + each, 0);
        costs.push({
          cpuPercent: (used / seconds) * 100,
          commandsPerSecond: count / seconds,
          kilobytesPerSecond: (await pages.call<number>('got')) / 1_000 / seconds,
          listed: [...commands].map(([name, each]) => `${name} ${(each / seconds).toFixed(1)}`).join(', '),
        });
      } finally {
        await pages.end();
      }
      await sleep(1_000);
    }
    return { shown, costs };
  } finally {
    log.stop();
    await worker.stop();
  }
}

/** How long a browser that has nothing of the console takes until people can use what they see; nobody else looks. */
async function pagesShown(worker: Worker, say: Bench['say']): Promise<Shown[]> {
  if (CHROMIUM === undefined) {
    say('no Chromium: no rows of first views');
    return [];
  }
  const browser = await ConsoleBrowser.start();
  const show = async (path: string, rows: number): Promise<number> => {
    const { page, context, faults } = await browser.tab(worker.url);
    try {
      const beganMs = performance.now();
      await page.goto(`${worker.url}${path}`);
      await page
        .locator('main table tbody tr')
        .nth(rows - 1)
        .waitFor();
      // It answers to who clicks: everything that was waiting has run.
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(done)))');
      const ms = performance.now() - beganMs;
      if (faults.length > 0) throw new Error(faults.join('; '));
      return ms;
    } finally {
      await context.close();
    }
  };
  try {
    const shown: Shown[] = [];
    for (const [what, path, rows] of [
      ['first view', '/console/', 100],
      ['list of streams', '/console/streams', 50],
    ] as const) {
      say(`console: ${what} in Chromium`);
      // The first one starts parts of the browser.
      await show(path, rows);
      const ms: number[] = [];
      for (let n = 0; n < TIMES; n++) ms.push(await show(path, rows));
      shown.push({ what: `${what} of ${STREAMS} streams and ${VIEWERS} viewers in Chromium`, ms });
    }
    return shown;
  } finally {
    await browser.close();
  }
}

async function connectionsOf(redis: RedisServer): Promise<Set<string>> {
  const list = await redis.cli('CLIENT', 'LIST');
  return new Set([...list.matchAll(/ addr=(\S+)/g)].map(([, address]) => address ?? ''));
}
