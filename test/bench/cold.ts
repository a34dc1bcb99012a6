/** Cold start: how long the first viewer of a stream waits, beside a bare FFmpeg with the worker's own arguments. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ffmpegArguments, startBare } from '../support/bare-ffmpeg.ts';
import type { ChannelOptions } from '../support/live-source.ts';
import { type LiveSource, startLiveSourceProcess } from '../support/live-source.ts';
import { type Arrived, timeToPicture } from '../support/picture-probe.ts';
import { startWorker, type Worker } from '../support/worker.ts';
import type { CrowdOrder } from './crowd.ts';
import type { Bench } from './main.ts';
import { median } from './numbers.ts';
import { startRemote } from './remote.ts';
import type { Row } from './table.ts';

/** 2 s GOPs at 640x360. */
const LOOP = '640x360';
const GOP_SECONDS = 2;
const SECOND_PROFILES = 5;

const SOURCES: readonly { name: string; options: ChannelOptions }[] = [
  { name: 'source joined mid-GOP', options: { join: 'packet' } },
  { name: 'source that sends its last GOP first', options: { join: 'keyframe', burstSeconds: GOP_SECONDS } },
];

interface Pair {
  ours: Arrived;
  bare: Arrived;
}

export async function cold({ quick, say }: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, options } of SOURCES) {
    say(`cold start: ${name}`);
    const pairs = await measurePairs(quick ? 3 : 7, options);
    rows.push(
      ...(['keyframeMs', 'firstByteMs'] as const).map((measure): Row => {
        const of = (who: keyof Pair): number => median(pairs.map((pair) => pair[who][measure]));
        return {
          part: 'cold start',
          what: `${name}: ${measure === 'keyframeMs' ? 'first whole keyframe' : 'first byte'}`,
          unit: 'ms',
          ours: of('ours'),
          floor: of('bare'),
          floorIs: 'bare ffmpeg, same arguments and source',
          goal: { of: 'ratio', max: 1.15 },
          note: `median of ${pairs.length} pairs at equal GOP phases`,
        };
      }),
    );
  }
  say('cold start: second profiles of a running channel');
  rows.push(await secondProfile(quick ? 3 : SECOND_PROFILES));
  return rows;
}

/** Every measurement has a channel of its own whose clock starts with its connection, so both of a pair see the same. */
async function measurePairs(count: number, options: ChannelOptions): Promise<Pair[]> {
  const phases = Array.from({ length: count }, (_, n) => ((n + 0.5) / count) * GOP_SECONDS);
  const channels = Object.fromEntries(
    ['ours', 'bare'].flatMap((who) =>
      [0, ...phases].map((startPhaseSeconds, n) => [`/${who}${n}.ts`, { startPhaseSeconds }]),
    ),
  );
  const source = await startLiveSourceProcess({ fixture: LOOP, clockStarts: 'first-connection', ...options, channels });
  const worker = await startWorker({ SHARED_STREAM_GRACE: '0' });
  try {
    const { args } = await startInWorker(worker, source, 0);
    const pairs: Pair[] = [];
    for (let n = 1; n <= count; n++) {
      const bare = () => startBare(args, `${source.origin}/bare${n}.ts`);
      const early = n % 2 === 0 ? await bare() : undefined;
      const { arrived: ours } = await startInWorker(worker, source, n);
      pairs.push({ ours, bare: early ?? (await bare()) });
    }
    return pairs;
  } finally {
    await worker.stop('SIGINT');
    await source.close();
  }
}

async function startInWorker(
  worker: Worker,
  source: LiveSource,
  n: number,
): Promise<{ arrived: Arrived; args: string[] }> {
  const { playUrl } = await worker.api.createTranscode({ url: `${source.origin}/ours${n}.ts` });
  let args: string[] = [];
  const arrived = await timeToPicture(playUrl, () => {
    args = ffmpegArguments(worker);
  });
  while (worker.ffmpegPids().length > 0) await sleep(20);
  return { arrived, args };
}

async function secondProfile(count: number): Promise<Row> {
  const source = await startLiveSourceProcess({ fixture: LOOP });
  const worker = await startWorker({ SHARED_STREAM_GRACE: '0' });
  const viewer = startRemote('crowd.ts');
  try {
    const first = await worker.api.createTranscode({ url: source.url });
    await viewer.call('open', { url: first.playUrl, count: 1, judged: 0 } satisfies CrowdOrder);
    await sleep(4_000);
    const samples: number[] = [];
    for (let n = 0; n < count; n++) {
      const variables = { video_bitrate: `${900 + n}k` };
      const { playUrl } = await worker.api.createTranscode({ url: source.url, profile_variables: variables });
      samples.push((await timeToPicture(playUrl)).keyframeMs);
      // Another place in the GOP for the next one.
      await sleep(730);
    }
    return {
      part: 'cold start',
      what: 'second profile of a running channel: first whole keyframe',
      unit: 'ms',
      ours: median(samples),
      goal: { of: 'ours', max: 500 },
      note: `median of ${count}, slowest ${Math.max(...samples).toFixed(0)} ms`,
    };
  } finally {
    await viewer.end();
    await worker.stop('SIGINT');
    await source.close();
  }
}
