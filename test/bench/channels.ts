/** What a channel costs: many copied channels with one viewer each, beside FFmpegs that copy them without a worker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLiveSourceProcess } from '../support/live-source.ts';
import { processInfo } from '../support/processes.ts';
import { startWorker, type Worker } from '../support/worker.ts';
import type { CrowdOrder, CrowdReport } from './crowd.ts';
import type { Bench } from './main.ts';
import { COPY_PROFILE } from './profiles.ts';
import { type Remote, startRemote } from './remote.ts';
import type { Row } from './table.ts';

const CHANNELS = 10;
const SETTLE_MS = 4_000;
/** Rings fill for 20 s (RETAIN_MS) and take fresh memory, which costs more; a channel that has run for longer is what counts. */
const FILLED_MS = 24_000;
const WINDOW_MS = 8_000;
/** A viewer that gets nothing for this long waits: its player's buffer is usually larger, but not by much. */
const WAIT_MS = 1_000;
const STEP = 10;
const MOST = 80;

const WAYS = ['copied by FFmpeg', 'shared direct', 'direct, not shared'] as const;
type Way = (typeof WAYS)[number];

/** Of a core, in percent. */
const GOALS: Partial<Record<Way, number>> = { 'copied by FFmpeg': 1, 'shared direct': 0.6 };

export async function channels({ quick, say }: Bench): Promise<Row[]> {
  const most = quick ? CHANNELS : MOST;
  const paths = Array.from({ length: most }, (_, n) => `/${n}.ts`);
  const source = await startLiveSourceProcess({
    fixture: 'heavy',
    burstSeconds: 1,
    channels: Object.fromEntries(paths.map((path) => [path, {}])),
  });
  try {
    const urls = paths.map((path) => source.channel(path).url);
    say(`${CHANNELS} channels: FFmpeg alone`);
    const bare = await measureBare(urls.slice(0, CHANNELS));
    const rows: Row[] = [];
    for (const way of WAYS) {
      say(`${CHANNELS} channels, ${way}`);
      rows.push(...(await channelRows(way, urls.slice(0, CHANNELS), bare)));
    }
    if (!quick) rows.push(await carried(urls, say));
    return rows;
  } finally {
    await source.close();
  }
}

async function channelRows(way: Way, urls: readonly string[], bare: number): Promise<Row[]> {
  const { worker, crowd } = await playAll(way, urls);
  const share = async () => {
    await crowd.call('mark');
    const before = cpuOf(worker.pid);
    await sleep(WINDOW_MS);
    const seconds = cpuOf(worker.pid) - before;
    const { seconds: window, longestGapMs } = await crowd.call<CrowdReport>('report');
    return { percent: (seconds / window / urls.length) * 100, longestGapMs };
  };
  try {
    await sleep(SETTLE_MS);
    const filling = await share();
    await sleep(FILLED_MS - SETTLE_MS - WINDOW_MS);
    const filled = await share();
    const what = `${urls.length} channels at 4 Mbit/s with a viewer each, ${way}: the worker's CPU for one`;
    const common = { part: 'channels', unit: '%', floor: bare, floorIs: 'ffmpeg -c copy, alone' };
    const note = (longestGapMs: number) => `of a core; longest wait of any viewer ${longestGapMs.toFixed(0)} ms`;
    return [
      {
        ...common,
        what,
        ours: filled.percent,
        ...(GOALS[way] === undefined ? {} : { goal: { of: 'ours', max: GOALS[way] } as const }),
        note: note(filled.longestGapMs),
      },
      {
        ...common,
        what: `${what}, in its first seconds`,
        ours: filling.percent,
        note:
          way === 'direct, not shared'
            ? note(filling.longestGapMs)
            : `${note(filling.longestGapMs)}; its ring takes fresh memory`,
      },
    ];
  } finally {
    await crowd.end();
    await worker.stop('SIGINT');
  }
}

/** Adds channels until a viewer of any waits. */
async function carried(urls: readonly string[], say: Bench['say']): Promise<Row> {
  const { worker, crowd } = await playAll('copied by FFmpeg', []);
  let good = 0;
  let why = `no more than ${urls.length} were tried`;
  try {
    while (good < urls.length) {
      const next = urls.slice(good, good + STEP);
      say(`copied channels of one worker: ${good + next.length}`);
      await join(worker, crowd, 'copied by FFmpeg', next);
      await sleep(SETTLE_MS);
      await crowd.call('mark');
      await sleep(WINDOW_MS);
      const { longestGapMs, lost } = await crowd.call<CrowdReport>('report');
      why = `then the longest wait was ${longestGapMs.toFixed(0)} ms`;
      if (longestGapMs > WAIT_MS || lost > 0) break;
      good += next.length;
    }
  } finally {
    await crowd.end();
    await worker.stop('SIGINT');
  }
  return {
    part: 'channels',
    what: 'copied channels at 4 Mbit/s that one worker carries until a viewer waits for a second',
    unit: '',
    ours: good,
    note: `${why}; sources, FFmpegs and viewers share the cores`,
  };
}

async function playAll(way: Way, urls: readonly string[]): Promise<{ worker: Worker; crowd: Remote }> {
  const worker = await startWorker({ MAX_PROCESSES: '0', MAX_CPU: '0' });
  const crowd = startRemote('crowd.ts');
  await join(worker, crowd, way, urls);
  return { worker, crowd };
}

async function join(worker: Worker, crowd: Remote, way: Way, urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    const { playUrl } =
      way === 'copied by FFmpeg'
        ? await worker.api.createTranscode({ url, profile: COPY_PROFILE })
        : await worker.api.createStream({ url, share: way === 'shared direct' });
    await crowd.call('open', { url: playUrl, count: 1, judged: 0 } satisfies CrowdOrder);
  }
}

/** Percent of a core that one FFmpeg takes to copy one channel. */
async function measureBare(urls: readonly string[]): Promise<number> {
  const children = urls.map((url) => startCopy(url));
  try {
    await sleep(SETTLE_MS);
    const before = children.map(({ pid }) => cpuOf(pid ?? 0));
    await sleep(WINDOW_MS);
    const used = children.map(({ pid }, n) => cpuOf(pid ?? 0) - (before[n] ?? 0));
    return (used.reduce((sum, each) => sum + each, 0) / children.length / (WINDOW_MS / 1000)) * 100;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  }
}

function startCopy(url: string): ChildProcess {
  const args = ['-v', 'error', '-i', url, '-map', '0:v:0', '-map', '0:a:0', '-c', 'copy', '-f', 'mpegts', 'pipe:1'];
  const child = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.resume();
  return child;
}

function cpuOf(pid: number): number {
  return processInfo(pid)?.cpuSeconds ?? 0;
}
