/** Assertions on a verdict that list all faults at once, each with its packet index and PTS. */
import { AssertionError } from 'node:assert';
import { DEFAULT_GAP_MS } from './pid-judge.ts';
import type { PidVerdict, Verdict } from './verdict.ts';

export interface CleanExpectation {
  /** Whether PAT, PMT and a keyframe must come first; default true. */
  cleanStart?: boolean;
  /** Demand (true) or forbid (false) a video or audio stream; default: either is fine. */
  video?: boolean;
  audio?: boolean;
  /** Minimum media time, in seconds. */
  minSeconds?: number;
  /** Longest allowed DTS step on any stream, in ms; default 1000. `judgeTs` must have looked for gaps that long: its `gapMs`. */
  maxGapMs?: number;
  /** Longest allowed time without an arrival, in ms. */
  maxStallMs?: number;
  /** Ticks of a video frame: if given, no frame may be missing or doubled. */
  frameTicks?: number;
  /** Maximum of signalled discontinuities on any PID after its start; default: any number. */
  maxSignalled?: number;
  /** Largest audio slip in ticks; default: not checked. */
  maxAudioSlipTicks?: number;
  /** Maximum of broken PES; default 0. */
  maxPartialPes?: number;
}

/** Throws an AssertionError that lists every fault of the recording; does nothing when there is none. */
export function expectClean(verdict: Verdict, expectation: CleanExpectation = {}): void {
  const faults = faultsOf(verdict, expectation);
  if (faults.length === 0) return;
  throw new AssertionError({ message: `${faults.length} faults in ${describe(verdict)}:\n  ${faults.join('\n  ')}` });
}

/**
 * The faults as text lines, for tests that expect some.
 *
 * @throws {RangeError} for a `maxGapMs` below the verdict's own limit: it has no gaps that short, so nothing would be checked
 */
export function faultsOf(verdict: Verdict, expectation: CleanExpectation = {}): string[] {
  const maxGapMs = maxGapOf(expectation);
  if (maxGapMs < verdict.gapMs) {
    throw new RangeError(
      `maxGapMs is ${maxGapMs}, but only gaps over ${verdict.gapMs} ms were looked for. Give judgeTs a gapMs.`,
    );
  }
  return [
    ...transportFaults(verdict),
    ...(expectation.cleanStart === false ? [] : startFaults(verdict)),
    ...verdict.pids.flatMap((pid) => pidFaults(pid, expectation)),
    ...timeFaults(verdict, expectation),
  ];
}

function maxGapOf({ maxGapMs = DEFAULT_GAP_MS }: CleanExpectation): number {
  return maxGapMs;
}

function describe(verdict: Verdict): string {
  return `${verdict.packets} packets, ${verdict.durationSeconds.toFixed(2)} s of media`;
}

function transportFaults(verdict: Verdict): string[] {
  const faults: string[] = [];
  if (verdict.packets === 0) faults.push(`no MPEG-TS packet in ${verdict.bytes} bytes`);
  for (const error of first(verdict.syncErrors)) {
    faults.push(`sync lost at byte ${error.offset} for ${error.skippedBytes} bytes`);
  }
  if (verdict.transportErrors > 0) faults.push(`${verdict.transportErrors} packets with transport_error_indicator`);
  if (verdict.crcErrors > 0) faults.push(`${verdict.crcErrors} PAT/PMT sections with a wrong CRC`);
  for (const step of first(verdict.pcr.backSteps)) {
    faults.push(`PCR steps back at packet ${step.packetIndex}: ${step.from} -> ${step.to}`);
  }
  return faults;
}

function startFaults({ startsWith: start, video }: Verdict): string[] {
  const faults: string[] = [];
  if (start.bytesBeforeSync > 0) faults.push(`${start.bytesBeforeSync} bytes before the first packet`);
  if (start.packetsBeforePat > 0)
    faults.push(`${start.packetsBeforePat} packets before the first PAT (${start.pat ?? 'none'})`);
  const media = start.firstMedia ?? Number.POSITIVE_INFINITY;
  if (start.pmt === undefined || start.pmt > media) {
    faults.push(`first PMT at packet ${start.pmt ?? 'none'}, first media at ${start.firstMedia ?? 'none'}`);
  }
  if (video !== undefined && !start.firstVideoIsKeyframe) {
    faults.push(`first video PES (packet ${start.firstVideo}, PTS ${video.ptsList[0]}) is no keyframe`);
  }
  return faults;
}

function pidFaults(pid: PidVerdict, expectation: CleanExpectation): string[] {
  const name = `PID ${pid.pid} (${pid.codec || pid.kind})`;
  const faults: string[] = [];
  for (const e of first(pid.continuityErrors)) {
    faults.push(`${name}: counter at packet ${e.packetIndex} is ${e.got}, expected ${e.expected}`);
  }
  for (const s of first(pid.dtsBackSteps)) {
    faults.push(`${name}: DTS steps back at packet ${s.packetIndex}: ${s.fromDts} -> ${s.toDts}`);
  }
  const maxGapMs = maxGapOf(expectation);
  for (const g of first(pid.gaps.filter((gap) => gap.gapMs > maxGapMs))) {
    faults.push(`${name}: gap of ${g.gapMs.toFixed(0)} ms at packet ${g.packetIndex}, DTS ${g.fromDts} -> ${g.toDts}`);
  }
  // A recording that may start anywhere may start inside a PES.
  const firstPes = expectation.cleanStart === false ? (pid.pes[0]?.packetIndex ?? 0) : 0;
  const partial = pid.partialPes.filter((p) => p.packetIndex >= firstPes);
  if (partial.length > (expectation.maxPartialPes ?? 0)) {
    for (const p of first(partial)) {
      const size = p.declaredBytes > 0 ? ` (${p.gotBytes} of ${p.declaredBytes} bytes)` : '';
      faults.push(`${name}: PES at packet ${p.packetIndex}, PTS ${p.pts ?? '?'}, is broken: ${p.reason}${size}`);
    }
  }
  const signalled = pid.signalledDiscontinuities.filter((d) => !d.atStart);
  if (signalled.length > (expectation.maxSignalled ?? Number.POSITIVE_INFINITY)) {
    const where = first(signalled.map((d) => d.packetIndex)).join(', ');
    faults.push(`${name}: ${signalled.length} signalled discontinuities (packets ${where})`);
  }
  const maxSlip = expectation.maxAudioSlipTicks ?? Number.POSITIVE_INFINITY;
  for (const slip of first(pid.audioSlips.filter((s) => Math.abs(s.slipTicks) > maxSlip))) {
    faults.push(
      `${name}: audio slips ${slip.slipTicks.toFixed(0)} ticks at packet ${slip.packetIndex}, PTS ${slip.pts}`,
    );
  }
  if (pid.kind === 'video' && expectation.frameTicks !== undefined) {
    const { missing, doubled } = missingOrDoubledFrames(pid, expectation.frameTicks);
    for (const m of first(missing)) faults.push(`${name}: ${m.count} frames missing after PTS ${m.afterPts}`);
    for (const pts of first(doubled)) faults.push(`${name}: frame doubled at PTS ${pts}`);
  }
  return faults;
}

function timeFaults(verdict: Verdict, expectation: CleanExpectation): string[] {
  const faults: string[] = [];
  for (const kind of ['video', 'audio'] as const) {
    const wanted = expectation[kind];
    if (wanted !== undefined && wanted !== (verdict[kind] !== undefined)) {
      faults.push(wanted ? `no ${kind}` : `unexpected ${kind}`);
    }
  }
  if (verdict.durationSeconds < (expectation.minSeconds ?? 0)) {
    faults.push(`only ${verdict.durationSeconds.toFixed(2)} s of media, expected ${expectation.minSeconds} s`);
  }
  if (verdict.maxStallMs > (expectation.maxStallMs ?? Number.POSITIVE_INFINITY)) {
    faults.push(`nothing arrived for ${verdict.maxStallMs.toFixed(0)} ms, allowed ${expectation.maxStallMs} ms`);
  }
  return faults;
}

function first<T>(faults: readonly T[]): T[] {
  return faults.slice(0, 10);
}

export interface FrameFaults {
  missing: { afterPts: number; count: number }[];
  doubled: number[];
}

/** The end of a plain PTS list may lack pictures that follow later in decoding order; at most this many. */
const MAX_REORDER_FRAMES = 8;

/**
 * Video frames that are missing from, or doubled in, a fixed frame grid of `frameTicks`. For a PidVerdict, only frames due by
 * its last DTS must be there. For a list of PTS, its last 8 frames may be missing.
 */
export function missingOrDoubledFrames(
  times: readonly number[] | Pick<PidVerdict, 'ptsList' | 'dtsList'>,
  frameTicks: number,
): FrameFaults {
  const isList = Array.isArray(times);
  const ptsList: readonly number[] = isList ? times : (times as PidVerdict).ptsList;
  const sorted = [...ptsList].sort((a, b) => a - b);
  const until = isList
    ? (sorted.at(-1 - MAX_REORDER_FRAMES) ?? Number.NEGATIVE_INFINITY)
    : ((times as PidVerdict).dtsList.at(-1) ?? Number.NEGATIVE_INFINITY);
  const missing: FrameFaults['missing'] = [];
  const doubled: number[] = [];
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1] ?? 0;
    const pts = sorted[i] ?? 0;
    const frames = Math.round((pts - before) / frameTicks);
    if (frames < 1) doubled.push(pts);
    else if (frames > 1 && before + frameTicks <= until) missing.push({ afterPts: before, count: frames - 1 });
  }
  return { missing, doubled };
}
