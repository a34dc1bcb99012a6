/** Compares what a viewer saw and heard with what it was owed: each number once, in order, each tone once, on an even grid of time. */
import type { PesRecord, TimedBytes, Verdict } from '../judge/index.ts';
import { arrivalOf } from '../judge/index.ts';
import type { ShownPicture } from './decoded.ts';
import { PICTURE_TICKS } from './loop-map.ts';
import type { Owed } from './owed.ts';
import { type HeardTone, TONE_MS } from './tone-code.ts';

/** A run of numbers or tones that did not come, and what came before and after it. */
export interface MissingRun {
  readonly after: number;
  readonly before: number;
  /** How many of them the provider had sent to whoever lives. */
  readonly lost: number;
}

export interface Findings {
  /** Longest time between two units of picture or sound, in ms. */
  readonly gapMs: number;
  /** How long a player stands still in all that begins with the first picture it gets, and keeps what it got ahead of time. */
  readonly freezeMs: number;
  readonly pictures: number;
  readonly missing: readonly MissingRun[];
  /** Numbers that were shown before. */
  readonly twice: readonly number[];
  /** Numbers that came after a larger one, and not before it. */
  readonly late: readonly number[];
  /** Pictures whose number could not be read. */
  readonly broken: number;
  /** Steps of the picture's times that are not what their numbers say, in ms too much. Without those over a hole. */
  readonly timeSteps: readonly { readonly number: number; readonly tooMuchMs: number }[];
  readonly tonesMissing: readonly MissingRun[];
  readonly tonesTwice: readonly number[];
  /** Tones that sound for longer or shorter than they should. */
  readonly tonesUneven: readonly { readonly tone: number; readonly ms: number }[];
  /** Where the times of sound do not follow from its frames, in ms. Without those over a hole. */
  readonly soundSteps: readonly number[];
  /** Discontinuities that the stream signalled. */
  readonly signalled: number;
}

const PACKET = 188;
/** What a recording shows only a part of at its end: pictures that are decoded late. */
const REORDERED = 8;
/** How exactly the length of a tone is known: two borders, and what AAC does to each. One AAC frame lasts 21 ms. */
const UNEVEN_MS = 15;
/** AAC hears what is up to two frames away from a cut. */
const NEAR_A_HOLE_MS = 150;
/** An encoder of AAC begins with 1,024 samples of silence: the sound of the loop is that much late. */
const LATE_MS = (1024 * 1000) / 48_000;

export function findings(
  recording: TimedBytes,
  verdict: Verdict,
  seen: { readonly pictures: readonly ShownPicture[]; readonly tones: readonly HeardTone[] },
  owed: Owed,
): Findings {
  return {
    gapMs: longestGap(recording, verdict),
    freezeMs: freeze(recording, verdict),
    ...pictureFindings(seen.pictures.slice(0, -REORDERED), owed),
    ...toneFindings(seen.tones, owed),
    soundSteps: soundSteps(verdict, owed),
    signalled: verdict.video?.signalledDiscontinuities.filter(({ atStart }) => !atStart).length ?? 0,
  };
}

/** Everything that is not as it should be, a line each; none when the viewer got all that it was owed, once and in order. */
export function wrongIn(found: Findings): string[] {
  const list = (what: string, items: readonly unknown[]) =>
    items.length === 0 ? [] : [`${what}: ${JSON.stringify(items.slice(0, 5))}${items.length > 5 ? ' …' : ''}`];
  return [
    ...list(
      'pictures lost',
      found.missing.filter(({ lost }) => lost > 0),
    ),
    ...list('pictures shown twice', found.twice),
    ...list('pictures out of order', found.late),
    ...(found.broken > 0 ? [`${found.broken} pictures are broken`] : []),
    ...list('times of pictures off their grid', found.timeSteps),
    ...list(
      'tones lost',
      found.tonesMissing.filter(({ lost }) => lost > 0),
    ),
    ...list('tones heard twice', found.tonesTwice),
    ...list('tones cut or stretched', found.tonesUneven),
    ...list('times of sound off their grid, in ms', found.soundSteps),
  ];
}

function longestGap(recording: TimedBytes, verdict: Verdict): number {
  const arrivals = [...(verdict.video?.pes ?? []), ...(verdict.audio?.pes ?? [])]
    .map((unit) => arrivedMs(recording, unit))
    .sort((a, b) => a - b);
  return Math.round(Math.max(0, ...arrivals.slice(1).map((atMs, at) => atMs - (arrivals[at] ?? 0))));
}

function freeze(recording: TimedBytes, { video }: Verdict): number {
  const [first] = video?.pes ?? [];
  if (video === undefined || first === undefined) return 0;
  const startMs = arrivedMs(recording, first);
  const lateMs = video.pes.map((unit) => arrivedMs(recording, unit) - startMs - (unit.dts - first.dts) / 90);
  return Math.round(Math.max(...lateMs));
}

/** When a unit began to come, in ms of the recording. */
export function arrivedMs({ arrivals }: TimedBytes, { packetIndex }: PesRecord): number {
  return arrivalOf(arrivals, packetIndex * PACKET + 1) ?? 0;
}

function pictureFindings(pictures: readonly ShownPicture[], { pictures: due, holes }: Owed) {
  const begin = pictures.findIndex(({ number }) => number !== undefined);
  const missing: MissingRun[] = [];
  const twice: number[] = [];
  const late: number[] = [];
  const timeSteps: { number: number; tooMuchMs: number }[] = [];
  const seen = new Set<number>();
  let broken = 0;
  let newest: { number: number; pts: number } | undefined;
  for (const { number, pts } of begin === -1 ? [] : pictures.slice(begin)) {
    if (number === undefined) {
      broken++;
      continue;
    }
    if (seen.has(number)) twice.push(number);
    else if (newest !== undefined && number < newest.number) late.push(number);
    seen.add(number);
    if (newest !== undefined) {
      const overHole = holes.some(({ toMs }) => toMs === number * (PICTURE_TICKS / 90));
      const tooMuch = pts - newest.pts - (number - newest.number) * PICTURE_TICKS;
      if (!overHole && tooMuch !== 0) timeSteps.push({ number, tooMuchMs: tooMuch / 90 });
    }
    newest = { number, pts };
  }
  const numbers = [...seen].sort((a, b) => a - b);
  for (const [at, before] of numbers.entries()) {
    const after = numbers[at - 1];
    if (after !== undefined && before > after + 1) missing.push(run(after, before, (number) => due.has(number)));
  }
  return { pictures: seen.size, missing, twice, late, broken, timeSteps };
}

function toneFindings(tones: readonly HeardTone[], { sounds, holes }: Owed) {
  const isDue = (tone: number) => covered(tone * TONE_MS + LATE_MS, (tone + 1) * TONE_MS + LATE_MS, sounds);
  const tonesMissing: MissingRun[] = [];
  const tonesTwice: number[] = [];
  const tonesUneven: { tone: number; ms: number }[] = [];
  // The first one is what a decoder makes of sound whose beginning it lacks; the last one is cut.
  const whole = tones.slice(1);
  for (const [at, { tone, fromMs, toMs }] of whole.entries()) {
    const last = whole[at - 1];
    const next = whole[at + 1];
    if (last === undefined) continue;
    if (tone > last.tone + 1) tonesMissing.push(run(last.tone, tone, isDue));
    if (tone < last.tone) tonesTwice.push(tone);
    if (next?.tone !== tone + 1 || last.tone !== tone - 1) continue;
    const nearHole = holes.some(
      (hole) => (tone + 1) * TONE_MS + NEAR_A_HOLE_MS > hole.fromMs && tone * TONE_MS - NEAR_A_HOLE_MS < hole.toMs,
    );
    const ms = Math.round(toMs - fromMs);
    if (Math.abs(ms - TONE_MS) > UNEVEN_MS && !nearHole) tonesUneven.push({ tone, ms });
  }
  return { tonesMissing, tonesTwice, tonesUneven };
}

/** @param isDue whether the viewer was owed it */
function run(after: number, before: number, isDue: (number: number) => boolean): MissingRun {
  const between = Array.from({ length: before - after - 1 }, (_, at) => after + 1 + at);
  return { after, before, lost: between.filter(isDue).length };
}

function covered(fromMs: number, toMs: number, sounds: Owed['sounds']): boolean {
  let reached = fromMs;
  for (const sound of [...sounds].sort((a, b) => a.fromMs - b.fromMs)) {
    if (sound.fromMs <= reached + 0.1) reached = Math.max(reached, sound.toMs);
  }
  return reached >= toMs;
}

/** Over each hole, time may step once. */
function soundSteps(verdict: Verdict, { holes }: Owed): number[] {
  const steps = verdict.audio?.audioSlips.map(({ slipTicks }) => slipTicks / 90) ?? [];
  return steps.sort((a, b) => Math.abs(b) - Math.abs(a)).slice(holes.length);
}
