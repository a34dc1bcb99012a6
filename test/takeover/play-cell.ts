/** Plays one cell of the takeover matrix on two workers, and says what the viewers that stay have got. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestCluster } from '../support/cluster.ts';
import { judgeTs, type Verdict } from '../support/judge/index.ts';
import type { ConnectionRecord } from '../support/live-source.ts';
import { picturesIn, type ShownPicture, soundIn } from '../support/numbered/decoded.ts';
import { arrivedMs, type Findings, findings, wrongIn } from '../support/numbered/findings.ts';
import { loopMap, PICTURE_MS } from '../support/numbered/loop-map.ts';
import { type Fault, liveAt, owed } from '../support/numbered/owed.ts';
import { TONE_MS, tonesIn } from '../support/numbered/tone-code.ts';
import type { Recording, RecordingHandle } from '../support/recorder.ts';
import { seeded } from '../support/seed.ts';
import type { Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { type Cell, KINDS, type Kind, nameOf } from './cells.ts';
import { PLANS } from './faults.ts';
import { type Ground, groundOf, openedAt } from './ground.ts';

export interface Played {
  readonly cell: Cell;
  /** Of the viewer of the worker that goes on. */
  readonly found: Findings;
  /** A line for each thing that is not as it should be. */
  readonly wrong: readonly string[];
  /** The recording, when something is wrong. */
  readonly keptAs: string | undefined;
}

const SETTLING_MS = 3_000;
/** As long as a GOP. */
const PHASE_MS = 2_000;
/** After the next connection was opened: an encoder may hold back two seconds. */
const AFTERWARDS_MS = 5_000;
/** A prime: no two seeds share their moments. */
const MOMENTS = 7_919;
const OPENED_WITHIN_MS = 15_000;
const KEPT_IN = join(import.meta.dirname, '..', '..', '.cache', 'takeover');

/**
 * @param main a worker other than the built one
 */
export async function playCell(stage: Stage, cell: Cell, main?: string): Promise<Played> {
  // Not the numbers that have chosen the cell: each kind would always fail at the same moment.
  const random = seeded(cell.seed * MOMENTS);
  const plan = PLANS[cell.fault];
  const ground = await groundOf(stage, cell, main);
  await sleep(SETTLING_MS + random() * PHASE_MS);

  const before = await openedAt(ground);
  const fault = faultOf(cell, before);
  await plan.begin(ground, random);
  if (plan.opens) await openedAgain(ground, before.length, cell);
  await sleep(AFTERWARDS_MS);
  await plan.putRight?.(ground);
  const seen = await seenBy(ground.viewer, { ground, cell, fault });
  // It goes on with the pictures of the FFmpeg that the other worker has started.
  const back = { ...fault, encoderChanges: (KINDS[cell.kind] as Kind).encodes === true };
  const own = plan.ownStays === true ? await seenBy(ground.own, { ground, cell, fault: back }) : undefined;
  const wrong = [...seen.wrong, ...(own?.wrong ?? []).map((line) => `the owner's own viewer: ${line}`)];
  if (wrong.length === 0) return { cell, found: seen.found, wrong, keptAs: undefined };
  if (own !== undefined) keep(cell, own.recording, 'own.ts');
  keepLogs(cell, ground.cluster);
  return { cell, found: seen.found, wrong, keptAs: keep(cell, seen.recording, 'ts') };
}

function faultOf(cell: Cell, before: readonly ConnectionRecord[]): Fault {
  const { readerDies = false, readsOn = false } = PLANS[cell.fault];
  const decoderBegins = readerDies && (KINDS[cell.kind] as Kind).profile !== undefined;
  const atPacket = before.at(-1)?.sent?.[1] ?? 0;
  return { atMs: Date.now(), atPacket: readsOn ? Number.POSITIVE_INFINITY : atPacket, readerDies, decoderBegins };
}

async function openedAgain(ground: Ground, before: number, cell: Cell): Promise<void> {
  await until(async () => (await openedAt(ground)).length > before, {
    timeoutMs: OPENED_WITHIN_MS,
    what: () => `the source to be opened again: ${nameOf(cell)}`,
  });
}

interface Seen {
  readonly recording: Recording;
  readonly found: Findings;
  readonly wrong: readonly string[];
}

interface Watched {
  readonly ground: Ground;
  readonly cell: Cell;
  readonly fault: Fault;
}

async function seenBy(viewer: RecordingHandle, { ground, cell, fault }: Watched): Promise<Seen> {
  const cutShort = viewer.ended;
  const recording = await viewer.stop();
  const map = await loopMap(KINDS[cell.kind].fixture);
  const pictures = await picturesIn(recording.bytes);
  const shown = new Set(pictures.flatMap(({ number }) => number ?? []));
  const nearTone = (Math.min(...shown) * PICTURE_MS) / TONE_MS;
  const tones = tonesIn(await soundIn(recording.bytes), Math.round(nearTone));
  const verdict = judgeTs(recording);
  const encodes = (KINDS[cell.kind] as Kind).encodes === true;
  const behindMs = liveAt(map, fault.atPacket) - shownUntilMs(recording, verdict, pictures, fault.atMs);
  const due = owed(map, await openedAt(ground), encodes ? { ...fault, behindMs } : fault, shown);
  const found = findings(recording, verdict, { pictures, tones }, due);
  return { recording, found, wrong: [...(cutShort ? ['the viewer was cut'] : []), ...wrongIn(found)] };
}

/** The end of the newest picture that had come by then, in ms of the loop. */
function shownUntilMs(recording: Recording, verdict: Verdict, pictures: readonly ShownPicture[], atMs: number): number {
  const came = new Set(
    (verdict.video?.pes ?? [])
      .filter((unit) => recording.startedAt + arrivedMs(recording, unit) <= atMs)
      .map(({ pts }) => pts),
  );
  return (
    (Math.max(-1, ...pictures.flatMap(({ number, pts }) => (came.has(pts) ? (number ?? []) : []))) + 1) * PICTURE_MS
  );
}

function pathOf({ kind, burst, fault, seed }: Cell): string {
  mkdirSync(KEPT_IN, { recursive: true });
  return join(KEPT_IN, `${kind}-${burst}-${fault}-${seed}`);
}

function keep(cell: Cell, { bytes }: Recording, ending: string): string {
  const path = `${pathOf(cell)}.${ending}`;
  writeFileSync(path, bytes);
  return path;
}

function keepLogs(cell: Cell, { workers }: TestCluster): void {
  const lines = workers.flatMap(({ logs }) => logs).sort((a, b) => (String(a.time) < String(b.time) ? -1 : 1));
  writeFileSync(`${pathOf(cell)}.log`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
