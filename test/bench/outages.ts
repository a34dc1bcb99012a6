/**
 * `npm run bench:outages`: how long a viewer waits for its next picture when a provider breaks, hangs or refuses, and
 * whether it is cut. Several builds can be measured beside each other in one run.
 */
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type LiveSource, startLiveSourceProcess } from '../support/live-source.ts';
import { seeded } from '../support/seed.ts';
import { startWorker, type Worker } from '../support/worker.ts';
import type { CreateBody } from '../support/worker-api.ts';
import { percentile } from './numbers.ts';
import { OUTAGE_FAULTS, type OutageFault } from './outage-faults.ts';
import { PictureTimes } from './picture-times.ts';

/** How a stream is made: with a connection for each viewer, over a shared one, copied or encoded by FFmpeg. */
const PATHS = ['direct', 'shared', 'copy', 'transcode'] as const;
type Path = (typeof PATHS)[number];

const PROFILES = {
  copy: '-i {input_url} -c copy -f {format}',
  transcode:
    '-i {input_url} -c:v libx264 -preset ultrafast -g 250 -sc_threshold 0 -c:a aac -b:a 64k -ac 2 -ar 48000 -f {format}',
};

/** Pictures come 25 times a second. A wait this long is an outage and not the machine. */
const GAP_MS = 700;
const FIRST_PICTURE_MS = 30_000;
/** After the fault, or after its end without a backup. */
const WATCHED_MS = 65_000;
/** Whoever has its picture back must keep it for this long. */
const KEPT_MS = 3_000;

interface Lane {
  readonly build: string;
  readonly path: Path;
  readonly hasBackup: boolean;
  readonly viewer: PictureTimes;
}

interface Sample {
  readonly fault: OutageFault;
  readonly build: string;
  readonly path: Path;
  readonly hasBackup: boolean;
  /** Undefined when no picture came back. */
  readonly seconds: number | undefined;
  readonly cut: string | undefined;
}

interface Build {
  readonly name: string;
  readonly main: string | undefined;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      lanes: { type: 'string', default: '1' },
      settle: { type: 'string', default: '8' },
      seed: { type: 'string', default: '1' },
      beside: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => !OUTAGE_FAULTS.some((fault) => fault.name === name));
  if (unknown.length > 0) {
    const names = OUTAGE_FAULTS.map(({ name }) => name).join('|');
    process.stderr.write(
      `Unknown: ${unknown.join(', ')}. Usage: npm run bench:outages -- [${names}] … [--rounds N] [--lanes N] [--settle SECONDS] [--beside FOLDER] [--json]\n`,
    );
    return 2;
  }
  const builds: Build[] = [
    ...values.beside.map((folder) => ({ name: folder, main: join(resolve(folder), 'dist', 'proxy', 'main.js') })),
    { name: 'this build', main: undefined },
  ];
  const faults = OUTAGE_FAULTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const random = seeded(Number(values.seed));
  const samples: Sample[] = [];
  for (const fault of faults) {
    for (let round = 1; round <= Number(values.rounds); round++) {
      process.stderr.write(`The provider ${fault.about}: round ${round}\n`);
      const settleMs = Number(values.settle) * 1000;
      samples.push(...(await playRound(fault, builds, { lanes: Number(values.lanes), settleMs, random })));
    }
  }
  const rows = rowsOf(samples, faults, builds);
  process.stdout.write(values.json ? `${JSON.stringify(rows, null, 2)}\n` : `${tableOf(rows, builds)}\n`);
  return 0;
}

interface RoundOptions {
  readonly lanes: number;
  readonly settleMs: number;
  readonly random: () => number;
}

/** One provider for the streams with a backup and one for those without, so that the fault can end on one of them alone. */
async function playRound(fault: OutageFault, builds: readonly Build[], options: RoundOptions): Promise<Sample[]> {
  const { lanes: count, settleMs, random } = options;
  const names = builds.flatMap((_build, b) =>
    PATHS.flatMap((path) => numbered(count).map((n) => `/${b}-${path}-${n}.ts`)),
  );
  // A fault falls anywhere into a GOP. A backup shows nothing that its primary has just shown: that would be a repetition.
  const provider = (fromSeconds: number) =>
    startLiveSourceProcess({
      channels: Object.fromEntries(
        names.map((path) => [path, { fixture: 'numbered', startPhaseSeconds: fromSeconds + 8 * random() }]),
      ),
    });
  const sources = { backup: await provider(0), alone: await provider(0) };
  const backups = await provider(32);
  const workers: Worker[] = [];
  const lanes: Lane[] = [];
  try {
    for (const [b, { name, main }] of builds.entries()) {
      const worker = await startWorker({}, main === undefined ? {} : { main });
      workers.push(worker);
      for (const hasBackup of fault.cases.map((each) => each === 'backup')) {
        for (const path of PATHS) {
          for (const n of numbered(count)) {
            const channel = `/${b}-${path}-${n}.ts`;
            const primary = (hasBackup ? sources.backup : sources.alone).channel(channel).url;
            const body = { url: primary, ...(hasBackup ? { failover_urls: [backups.channel(channel).url] } : {}) };
            lanes.push({ build: name, path, hasBackup, viewer: new PictureTimes(await playUrl(worker, path, body)) });
          }
        }
      }
    }
    await untilAll(lanes, ({ viewer }) => viewer.times.length > 0 || viewer.ended !== undefined, FIRST_PICTURE_MS);
    await sleep(settleMs);
    return await measure(fault, sources, lanes);
  } finally {
    for (const { viewer } of lanes) viewer.close();
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all([...Object.values(sources), backups].map((source) => source.close()));
  }
}

async function measure(
  fault: OutageFault,
  sources: Readonly<Record<'backup' | 'alone', LiveSource>>,
  lanes: readonly Lane[],
): Promise<Sample[]> {
  const beganMs = Date.now();
  await Promise.all(fault.cases.map((each) => fault.begin(sources[each])));
  const healsAll = fault.heals === true;
  let healedMs = beganMs;
  if (fault.cases.includes('alone') || healsAll) {
    await sleep(fault.lastsMs);
    healedMs = Date.now();
    if (fault.cases.includes('alone')) await fault.end(sources.alone);
  }
  // With a backup the wait begins with the fault. Without one it begins when the provider is well again.
  const fromMs = ({ hasBackup }: Lane) => (hasBackup ? beganMs : healedMs);
  const backAt = (lane: Lane) => lane.viewer.backAt(fromMs(lane), GAP_MS);
  const isDecided = (lane: Lane) => {
    const back = backAt(lane);
    return lane.viewer.ended !== undefined || (back !== undefined && Date.now() - back > KEPT_MS);
  };
  await untilAll(lanes, isDecided, WATCHED_MS);
  return lanes.map((lane) => {
    const back = backAt(lane);
    // Without a gap in the pictures nobody has waited.
    const last = lane.viewer.times.at(-1) ?? 0;
    const isSeamless = back === undefined && Date.now() - last < GAP_MS;
    const seconds = isSeamless ? 0 : back === undefined ? undefined : (back - fromMs(lane)) / 1000;
    const { build, path, hasBackup, viewer } = lane;
    const cut = viewer.ended && `${((viewer.ended.atMs - beganMs) / 1000).toFixed(0)} s`;
    return { fault, build, path, hasBackup, seconds, cut };
  });
}

async function playUrl(worker: Worker, path: Path, body: CreateBody): Promise<string> {
  const { api } = worker;
  if (path === 'direct' || path === 'shared') {
    return (await api.createStream({ ...body, share: path === 'shared' })).playUrl;
  }
  return (await api.createTranscode({ ...body, profile: PROFILES[path] })).playUrl;
}

async function untilAll(lanes: readonly Lane[], isSo: (lane: Lane) => boolean, timeoutMs: number): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!lanes.every(isSo) && Date.now() < endMs) await sleep(100);
}

interface Row {
  readonly fault: string;
  readonly backup: boolean;
  readonly path: Path;
  /** By build: 95th percentile and worst in seconds, samples, viewers without a picture, times of the cuts. */
  readonly builds: Readonly<Record<string, { p95: number; worst: number; of: number; never: number; cuts: string[] }>>;
}

function rowsOf(samples: readonly Sample[], faults: readonly OutageFault[], builds: readonly Build[]): Row[] {
  return faults.flatMap((fault) =>
    fault.cases.flatMap((each) =>
      PATHS.map((path) => ({
        fault: fault.about,
        backup: each === 'backup',
        path,
        builds: Object.fromEntries(
          builds.map(({ name }) => {
            const mine = samples.filter(
              (sample) =>
                sample.fault === fault &&
                sample.build === name &&
                sample.path === path &&
                sample.hasBackup === (each === 'backup'),
            );
            const seconds = mine.flatMap((sample) => sample.seconds ?? []);
            const cuts = mine.flatMap(({ cut }) => cut ?? []);
            const p95 = percentile(seconds, 0.95);
            return [
              name,
              { p95, worst: Math.max(...seconds), of: mine.length, never: mine.length - seconds.length, cuts },
            ];
          }),
        ),
      })),
    ),
  );
}

function tableOf(rows: readonly Row[], builds: readonly Build[]): string {
  const head = ['the provider …', 'backup', 'path', ...builds.map(({ name }) => `${name}: p95 (worst) of n`)];
  const lines = rows.map((row) => [
    row.fault,
    row.backup ? 'yes' : 'no',
    row.path,
    ...builds.map(({ name }) => cellOf(row.builds[name])),
  ]);
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cellOf(cell: Row['builds'][string] | undefined): string {
  if (cell === undefined) return '';
  const { p95, worst, of, never, cuts } = cell;
  const seconds = never === of ? '-' : `${p95.toFixed(1)} s (${worst.toFixed(1)})`;
  const cut = cuts.length > 0 ? `; cut after ${cuts.join(', ')}` : '';
  const lost = never > cuts.length ? `; no picture: ${never - cuts.length}` : '';
  return `${seconds} of ${of}${cut}${lost}`;
}

function numbered(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

process.exit(await main());
