/** What it costs to look for silence, and for black or frozen pictures: shared channels with a viewer each, with and without it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLiveSourceProcess } from '../support/live-source.ts';
import { processInfo } from '../support/processes.ts';
import { startWorker } from '../support/worker.ts';
import type { CrowdOrder } from './crowd.ts';
import type { Bench } from './main.ts';
import { startRemote } from './remote.ts';
import type { Row } from './table.ts';

const CHANNELS = 5;
/** The rings are full then, and each FFmpeg has found its track. */
const SETTLE_MS = 24_000;
const WINDOW_MS = 10_000;

const WAYS = {
  nothing: {},
  silence: { ENABLE_SILENCE_DETECTION: 'true' },
  'black and frozen pictures': { BLACK_DETECTION: 'true', FREEZE_DETECTION: 'true' },
};

export async function levels({ quick, say }: Bench): Promise<Row[]> {
  const paths = Array.from({ length: CHANNELS }, (_, n) => `/${n}.ts`);
  const channels = Object.fromEntries([...paths, '/next.ts'].map((path) => [path, {}]));
  const source = await startLiveSourceProcess({ fixture: 'heavy', burstSeconds: 1, channels });
  const next = source.channel('/next.ts').url;
  const urls = paths.map((path) => source.channel(path).url);
  const settleMs = quick ? SETTLE_MS / 4 : SETTLE_MS;
  try {
    say('FFmpeg alone looks for silence');
    const bare = await measureBare(urls[0] ?? '');
    const costs: number[] = [];
    for (const [what, env] of Object.entries(WAYS)) {
      say(`${CHANNELS} channels, looking for ${what}`);
      costs.push(await measure(env, urls, next, settleMs));
    }
    const [without = 0, silence = 0, pictures = 0] = costs;
    const what = `for one channel at 4 Mbit/s and 640x360, the CPU that it takes to look for`;
    const common = { part: 'levels', unit: '%' };
    const note = `of a core, worker and FFmpeg; the channel itself takes ${without.toFixed(2)} %`;
    const floorIs = 'ffmpeg -vn -af silencedetect, alone, which reads the channel itself';
    return [
      { ...common, what: `${what} silence`, ours: silence - without, floor: bare, floorIs, note },
      { ...common, what: `${what} black and frozen pictures`, ours: pictures - without, note },
    ];
  } finally {
    await source.close();
  }
}

/** Percent of a core that one channel takes, with the FFmpegs of the worker. */
async function measure(env: object, urls: readonly string[], next: string, settleMs: number): Promise<number> {
  const worker = await startWorker({ MAX_PROCESSES: '0', MAX_CPU: '0', ...env });
  const crowd = startRemote('crowd.ts');
  try {
    for (const url of urls) {
      const { playUrl } = await worker.api.createStream({ url, failover_urls: [next], share: true });
      await crowd.call('open', { url: playUrl, count: 1, judged: 0 } satisfies CrowdOrder);
    }
    await sleep(settleMs);
    const pids = [worker.pid, ...worker.ffmpegPids()];
    const used = () => pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
    const [before, fromMs] = [used(), performance.now()];
    await sleep(WINDOW_MS);
    return ((used() - before) / ((performance.now() - fromMs) / 1000) / urls.length) * 100;
  } finally {
    await crowd.end();
    await worker.stop('SIGINT');
  }
}

/** Percent of a core. */
async function measureBare(url: string): Promise<number> {
  const args = ['-v', 'error', '-i', url, '-vn', '-af', 'silencedetect=noise=-50dB:d=3', '-f', 'null', '-'];
  const child = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', args, { stdio: 'ignore' });
  try {
    await sleep(4_000);
    const before = cpuOf(child.pid ?? 0);
    await sleep(WINDOW_MS);
    return ((cpuOf(child.pid ?? 0) - before) / (WINDOW_MS / 1000)) * 100;
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

function cpuOf(pid: number): number {
  return processInfo(pid)?.cpuSeconds ?? 0;
}
