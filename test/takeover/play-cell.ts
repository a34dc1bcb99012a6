/** Plays one cell of the takeover matrix on two workers, and says what the viewer of the one that lives has got. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestCluster } from '../support/cluster.ts';
import { judgeTs } from '../support/judge/index.ts';
import type { LiveSource } from '../support/live-source.ts';
import { picturesIn, soundIn } from '../support/numbered/decoded.ts';
import { type Findings, findings, wrongIn } from '../support/numbered/findings.ts';
import { loopMap, PICTURE_MS } from '../support/numbered/loop-map.ts';
import { type Fault, owed } from '../support/numbered/owed.ts';
import { TONE_MS, tonesIn } from '../support/numbered/tone-code.ts';
import type { Recording } from '../support/recorder.ts';
import { seeded } from '../support/seed.ts';
import { allPlaying, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import { type Cell, KINDS, type Kind, nameOf } from './cells.ts';

export interface Played {
  readonly cell: Cell;
  readonly found: Findings;
  /** A line for each thing that is not as it should be. */
  readonly wrong: readonly string[];
  /** The recording, when something is wrong. */
  readonly keptAs: string | undefined;
}

/** The loop is 64 s long. The clock starts behind the longest burst, and the cell ends before the loop does. */
const STARTS_AT_S = 24;
const SETTLING_MS = 3_000;
/** As long as a GOP. */
const PHASE_MS = 2_000;
/** After the next connection was opened: an encoder may hold back two seconds. */
const AFTERWARDS_MS = 5_000;
const RESUMED_MS = 3_000;
const DROPS_APART_MS = 2_000;
const KEPT_IN = join(import.meta.dirname, '..', '..', '.cache', 'takeover');

/**
 * @param main a worker other than the built one
 */
export async function playCell(stage: Stage, cell: Cell, main?: string): Promise<Played> {
  const random = seeded(cell.seed);
  const kind: Kind = KINDS[cell.kind];
  const cluster = await stage.cluster(0, { DRAIN_TIMEOUT: '4' });
  const [owner, other] = await Promise.all([cluster.start('worker-1', {}, main), cluster.start('worker-2', {}, main)]);
  const source = await stage.source({
    fixture: kind.fixture,
    startPhaseSeconds: STARTS_AT_S,
    burstSeconds: cell.burst === 0 ? undefined : cell.burst,
    burstStart: 'packet',
    clock: cell.fault === 'drop-clock' ? 'own' : 'shared',
    seed: cell.seed,
  });
  const { stream_id } =
    kind.profile === undefined
      ? await owner.api.createStream({ url: source.url, share: true })
      : await owner.api.createTranscode({ url: source.url, profile: kind.profile });
  const own = stage.viewer(`${owner.url}/stream/${stream_id}`);
  await allPlaying([own]);
  const viewer = stage.viewer(`${other.url}/stream/${stream_id}`);
  await allPlaying([viewer]);
  const maker = await cluster.redis.cli('HGET', `sp:owner:p:${stream_id}:0`, 'worker');
  if (maker !== 'worker-1') throw new Error(`worker-1 must own the stream, not '${maker}'`);
  await sleep(SETTLING_MS + random() * PHASE_MS);

  const fault = await faultOf(cell, source, kind.profile !== undefined);
  await begin(cell, owner, source, cluster);
  if (takesOver(cell)) await openedAgain(source, fault.atMs, cell);
  if (cell.fault === 'drop-twice') {
    await sleep(DROPS_APART_MS + random() * DROPS_APART_MS * 0.5);
    const againMs = Date.now();
    await source.cutConnections();
    await openedAgain(source, againMs, cell);
  }
  await sleep(AFTERWARDS_MS);
  await putRight(cell, owner, cluster);
  const cutShort = viewer.ended;
  const recording = await viewer.stop();
  const found = await judge(kind, recording, source, fault);
  const wrong = [...(cutShort ? ['the viewer was cut'] : []), ...wrongIn(found)];
  return { cell, found, wrong, keptAs: wrong.length === 0 ? undefined : keep(cell, recording, cluster) };
}

async function faultOf(cell: Cell, source: LiveSource, hasFfmpeg: boolean): Promise<Fault> {
  const atPacket = (await opened(source)).at(-1)?.sent?.[1] ?? 0;
  const readerDies = cell.fault === 'kill' || cell.fault === 'stop';
  return { atMs: Date.now(), atPacket, readerDies, decoderBegins: readerDies && hasFfmpeg };
}

async function begin({ fault }: Cell, owner: Worker, source: LiveSource, { redis }: TestCluster): Promise<void> {
  switch (fault) {
    case 'kill':
      await owner.kill();
      break;
    case 'stop':
      owner.signal('SIGSTOP');
      break;
    case 'drain':
      owner.signal('SIGTERM');
      break;
    case 'drop':
    case 'drop-twice':
    case 'drop-clock':
      await source.cutConnections();
      break;
    case 'ffmpeg':
      for (const pid of owner.ffmpegPids()) process.kill(pid, 'SIGKILL');
      break;
    case 'redis':
      await redis.kill();
  }
}

/** What has failed is back, and the viewer is watched for a while longer. */
async function putRight({ fault }: Cell, owner: Worker, { redis }: TestCluster): Promise<void> {
  if (fault === 'stop') owner.signal('SIGCONT');
  else if (fault === 'redis') await redis.start();
  else return;
  await sleep(RESUMED_MS);
}

/** Whether the source is opened anew. */
function takesOver({ fault }: Cell): boolean {
  return fault !== 'ffmpeg' && fault !== 'redis';
}

async function openedAgain(source: LiveSource, sinceMs: number, cell: Cell): Promise<void> {
  await until(async () => (await opened(source)).some(({ openedAt }) => openedAt >= sinceMs), {
    timeoutMs: 15_000,
    what: () => `the source to be opened again: ${nameOf(cell)}`,
  });
}

/** Connections that got media. */
async function opened(source: LiveSource) {
  return (await source.stats()).connections.filter(({ sent }) => sent !== undefined);
}

async function judge(kind: Kind, recording: Recording, source: LiveSource, fault: Fault): Promise<Findings> {
  const map = await loopMap(kind.fixture);
  const pictures = await picturesIn(recording.bytes);
  const shown = new Set(pictures.flatMap(({ number }) => number ?? []));
  const nearTone = (Math.min(...shown) * PICTURE_MS) / TONE_MS;
  const tones = tonesIn(await soundIn(recording.bytes), Math.round(nearTone));
  const due = owed(map, await opened(source), fault, shown);
  return findings(recording, judgeTs(recording), { pictures, tones }, due);
}

function keep(cell: Cell, recording: Recording, { workers }: TestCluster): string {
  mkdirSync(KEPT_IN, { recursive: true });
  const path = join(KEPT_IN, `${cell.kind}-${cell.burst}-${cell.fault}-${cell.seed}`);
  writeFileSync(`${path}.ts`, recording.bytes);
  const lines = workers.flatMap(({ logs }) => logs).sort((a, b) => (String(a.time) < String(b.time) ? -1 : 1));
  writeFileSync(`${path}.log`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return `${path}.ts`;
}
