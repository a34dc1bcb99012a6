/** FFmpeg restart: what viewers notice when the FFmpeg of their stream is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fixture } from '../support/fixtures.ts';
import { judgeTs, missingOrDoubledFrames } from '../support/judge/index.ts';
import { startLiveSourceProcess } from '../support/live-source.ts';
import { type RecordingHandle, startRecording } from '../support/recorder.ts';
import { startWorker } from '../support/worker.ts';
import type { Bench } from './main.ts';
import { median, percentile } from './numbers.ts';
import type { Row } from './table.ts';

const LOOP = '640x360';
/** The viewer's first media comes at once; arrivals are regular after that. */
const SETTLE_MS = 3_000;
const BASELINE_MS = 4_000;
/** Time for one restart and the catching up after it. */
const RESTART_MS = 3_000;

export async function restart({ quick, say }: Bench): Promise<Row[]> {
  const kills = quick ? 2 : 4;
  const source = await startLiveSourceProcess({ fixture: LOOP });
  const worker = await startWorker();
  try {
    const { playUrl } = await worker.api.createTranscode({ url: source.url });
    say(`FFmpeg restart: kill -9, ${kills} times`);
    const viewer = startRecording(playUrl);
    await sleep(SETTLE_MS);
    const baseline = await gapsDuring(viewer, BASELINE_MS);
    const gaps: number[] = [];
    for (let n = 0; n < kills; n++) {
      const [pid] = worker.ffmpegPids();
      if (pid === undefined) throw new Error('the worker has no FFmpeg to kill');
      process.kill(pid, 'SIGKILL');
      gaps.push(Math.max(...(await gapsDuring(viewer, RESTART_MS))));
    }
    const { video, pids } = judgeTs(await viewer.stop());
    const frameTicks = (await fixture(LOOP)).video?.frameTicks ?? 0;
    const frames = video === undefined ? undefined : missingOrDoubledFrames(video, frameTicks);
    const missing = frames?.missing.reduce((sum, { count }) => sum + count, 0) ?? Number.NaN;
    const faults = pids.reduce((sum, pid) => sum + pid.continuityErrors.length + pid.dtsBackSteps.length, 0);
    const part = 'restart';
    return [
      {
        part,
        what: 'longest wait for bytes after kill -9 of FFmpeg, median',
        unit: 'ms',
        ours: median(gaps),
        floor: Math.max(...baseline),
        floorIs: `longest without a kill (p95 ${percentile(baseline, 0.95).toFixed(0)} ms)`,
        note: `worst of ${kills}: ${Math.max(...gaps).toFixed(0)} ms`,
      },
      {
        part,
        what: `video frames missing or doubled after ${kills} kills`,
        unit: '',
        ours: missing + (frames?.doubled.length ?? 0),
        goal: { of: 'ours', max: 0 },
      },
      { part, what: 'counter errors and DTS steps back', unit: '', ours: faults, goal: { of: 'ours', max: 0 } },
    ];
  } finally {
    await worker.stop('SIGINT');
    await source.close();
  }
}

/** Times between arrivals from now on, the one that is under way included. */
async function gapsDuring(viewer: RecordingHandle, ms: number): Promise<number[]> {
  const from = viewer.snapshot().arrivals.length;
  await sleep(ms);
  const times = viewer.snapshot().arrivals.slice(Math.max(0, from - 1));
  return times.slice(1).map(({ atMs }, n) => atMs - (times[n]?.atMs ?? atMs));
}
