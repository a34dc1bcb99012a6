/**
 * A provider that begins its connections with the past, whatever it shows and whatever its clock does: what is new is sent, what is
 * past is sent once, nobody waits for long, and memory is bounded. `TEST_SEED=…` repeats a run; `npm run test:fuzz` goes on for longer.
 */
import { describe, expect, it } from 'vitest';
import type { SourceClock } from '../../../services/proxy/src/feed/feed-history.ts';
import { TrackSurvey } from '../../../services/proxy/src/mpegts/reading/track-survey.ts';
import type { Input } from '../../../services/proxy/src/mpegts/splicing/input.ts';
import { Splicer } from '../../../services/proxy/src/mpegts/splicing/splicer.ts';
import { ClockNews, clockShape, HeardClock } from '../../../services/proxy/src/relay/clock-frames.ts';
import {
  numberIn,
  PICTURE_MS,
  type RepeatingChannel,
  RepeatingConnection,
  repeatingChannel,
} from '../../support/fuzz/repeating-provider.ts';
import { pick, seeded, TEST_SEED } from '../../support/seed.ts';

const SECONDS = Number(process.env.STREAMPOOL_FUZZ_SECONDS) || 8;
const CONNECTIONS = 5;
/** More than this would be a new start of the same media. */
const MAX_PAST_MS = 14_000;
/** How long media may be taken for the past that is none: it comes no faster than it plays. */
const DOUBT_MS = 2_500;
/** The same of pictures that were never sent, and come before the newest one by a clock that has jumped back. */
const JUMP_DOUBT_MS = 1_000;
/** Enough for 60 pictures a second in 15 s. */
const MAX_REMEMBERED = 1_024;

interface Sent {
  readonly n: number;
  /** On the output timeline, not wrapped. */
  readonly dts: number;
}

/** A source feed without its sockets. */
class Reader {
  readonly sent: Sent[] = [];
  readonly splicer: Splicer;
  #dts = 0;

  constructor() {
    const sink = {
      packets: (bytes: Buffer, start: number, end: number) => {
        for (let at = start; at < end; at += 188) {
          const n = numberIn(bytes.subarray(at, at + 188));
          if (n !== undefined) this.sent.push({ n, dts: this.#dts });
        }
      },
      progress: (dts: number) => {
        this.#dts = dts;
      },
      programChanged: () => undefined,
      randomAccess: () => undefined,
      continuation: () => undefined,
    };
    this.splicer = new Splicer(sink, { holdReordered: false, firstDts: 900_000, survey: new TrackSurvey() });
  }
}

/** A worker that has heard all of this source over a relay, and takes it over. */
function takenOver({ splicer }: Reader, shift: number, nowMs: number): Reader {
  const reader = new Reader();
  const sent = splicer.sentPictures;
  const clock: SourceClock = {
    timeline: 'provider',
    shift,
    origin: { source: 's:x', shift, sent },
  };
  const heard = new HeardClock();
  heard.take(clockShape.parse(JSON.parse(JSON.stringify(new ClockNews().of(clock)?.clock))), nowMs);
  const origin = heard.current?.origin;
  if (origin?.sent.newest !== undefined) {
    reader.splicer.goOn(origin.sent.newest.dts, origin.sent.newestAtMs);
    reader.splicer.sentPictures.replaceBy(origin.sent);
  }
  return reader;
}

interface Begun {
  readonly channel: RepeatingChannel;
  readonly shift: number | undefined;
  readonly before: readonly Sent[];
  readonly from: number;
  readonly isTakeover: boolean;
}

/** What the next connection may be, for whoever opens it. */
function inputOf(random: () => number, { channel, shift, before, from, isTakeover }: Begun): Input {
  if (shift === undefined) return { kind: 'source' };
  const which = isTakeover ? 1 : random();
  if (which < 0.3) return { kind: 'other_source', repeats: false };
  if (which > 0.5 || !channel.isPlain) return { kind: 'reconnection', shift };
  const repeats = before.some(({ n }) => n >= from && n % channel.gop === 0);
  return { kind: 'prepared_connection', shift, repeats };
}

/** Plays connections of one channel, one after the other. */
function* play(channel: RepeatingChannel, random: () => number) {
  let reader = new Reader();
  let before: readonly Sent[] = [];
  let nowMs = 20_000;
  let begun = false;
  let shift: number | undefined;
  let oldest: number | undefined;
  const pastMs = pick(random, [0, 0, 500, 1_000, 3_000, random() * MAX_PAST_MS]);
  for (let k = 0; k < CONNECTIONS; k++) {
    const isOwn = random() < 0.4;
    const speed = pick(random, [Number.POSITIVE_INFINITY, 8, 2]);
    // Far from each other and from the channel's. A clock that goes on by chance where the one before ended is not told from
    // that one: one of 12,000 does.
    const connection = new RepeatingConnection(channel, isOwn ? Math.floor((k + 1 + random() / 2) * 2 ** 30) : 0);
    const isTakeover = begun && random() < 0.3;
    shift = reader.splicer.shift ?? shift;
    // Pictures from before the first one ever sent cannot be known.
    oldest ??= reader.sent[0]?.n;
    const from = Math.max(oldest ?? 0, Math.floor((nowMs - pastMs) / PICTURE_MS));
    before = [...reader.sent];
    if (isTakeover) reader = takenOver(reader, shift ?? 0, nowMs);
    const already = isTakeover ? 0 : reader.sent.length;
    const input = inputOf(random, { channel, shift, before, from, isTakeover });
    reader.splicer.beginInput(input);
    const endMs = nowMs + 500 + random() * 12_000;
    let n = from;
    for (let atMs = nowMs; atMs < endMs; atMs += PICTURE_MS) {
      const due = Math.min(Math.floor(atMs / PICTURE_MS), from + ((atMs - nowMs) * speed) / PICTURE_MS + 1);
      const pieces: Buffer[] = [];
      for (; n < due; n++) pieces.push(connection.picture(n));
      if (pieces.length > 0) reader.splicer.push(Buffer.concat(pieces), atMs);
    }
    reader.splicer.endInput(false);
    begun = true;
    const what = `connection ${k} from picture ${from} with ${Math.round(pastMs)} ms of the past, ${speed} times as fast as it plays${isOwn ? ', on a clock of its own' : ''}, as ${input.kind}${isTakeover ? ', at another worker' : ''}`;
    yield { reader, before, isTakeover, sent: reader.sent.slice(already), from, to: n, what };
    nowMs = endMs + pick(random, [0, 20, 300, 2_000]);
  }
}

function runsOf(numbers: readonly number[]): string {
  const runs: string[] = [];
  let from: number | undefined;
  for (const [at, n] of numbers.entries()) {
    from ??= n;
    if (numbers[at + 1] === n + 1) continue;
    runs.push(from === n ? `${n}` : `${from}-${n}`);
    from = undefined;
  }
  return runs.join(' ');
}

/**
 * What lies before a keyframe cannot be decoded, and media in doubt may hold one. A programme that ends behind its keyframe hides that.
 */
function mayLoseMs({ gop, isPlain, isEven, isOneProgramme }: RepeatingChannel): number {
  const gopMs = gop * PICTURE_MS;
  const doubtMs = isPlain ? (isEven ? 0 : JUMP_DOUBT_MS) : DOUBT_MS + gopMs;
  return gopMs + doubtMs + (isOneProgramme ? 0 : gopMs);
}

function check(channel: RepeatingChannel, seed: number): void {
  const random = seeded(seed);
  for (const { reader, before, isTakeover, sent, from, to, what } of play(channel, random)) {
    const about = `TEST_SEED=${seed}: ${channel.what}; a keyframe every ${channel.gop} pictures; ${what}; sent before ${runsOf(before.map(({ n }) => n)).slice(-80)}; sent ${runsOf(sent.map(({ n }) => n))}`;
    const newest = Math.max(-1, ...before.map(({ n }) => n));
    const due = Array.from({ length: to - from }, (_, at) => from + at).filter((n) => n > newest);
    const got = new Set(sent.map(({ n }) => n));
    // The last picture is whole only with the next one.
    const lost = due.slice(0, -1).filter((n) => !got.has(n));
    expect(lost.length * PICTURE_MS, `${about}: lost ${runsOf(lost)}`).toBeLessThanOrEqual(mayLoseMs(channel));
    expect(reader.splicer.sentPictures.after(0).length, about).toBeLessThanOrEqual(MAX_REMEMBERED);
    const numbers = sent.map(({ n }) => n);
    expect(new Set(numbers).size, `${about}: twice`).toBe(numbers.length);
    if (!channel.isPlain) continue;
    const sentBefore = new Map(before.map(({ n, dts }) => [n, dts]));
    const again = sent.filter(({ n }) => sentBefore.has(n));
    if (isTakeover) {
      // The whole repetition stays, at the times that it had.
      for (const { n, dts } of again) expect(dts, `${about}: the time of ${n}`).toBe(sentBefore.get(n));
    } else expect(again, `${about}: sent again`).toEqual([]);
  }
}

/** A number as a worker says it, or as none does: so many of them, from 0 to 1. */
function saidNumber(random: () => number, usual: number, wrong = 0.1): unknown {
  if (random() >= wrong) return usual;
  return pick(random, [0, -1, 0.5, -usual, usual * 1_000, 2 ** 33, 2 ** 52, 2 ** 53, 1e308, -1e308, null, '7', {}, []]);
}

/** What a `clock` frame may hold: times of pictures that come one after the other, or that mean nothing. */
function saidClock(random: () => number): unknown {
  if (random() < 0.05) return pick(random, [null, 7, 'clock', [], {}]);
  const count = Math.floor(random() * pick(random, [3, 400, 2 * MAX_REMEMBERED]));
  // One wrong number among many, and nothing is believed of any.
  const wrong = pick(random, [0, 0.001, 0.1]);
  const step = pick(random, [3_600, 0, 1, -3_600, 90_000 * 3_600]);
  const start = random() * pick(random, [2 ** 20, 2 ** 33, 2 ** 50]);
  const sent = Array.from({ length: count }, (_, n) => [
    saidNumber(random, Math.round(start + n * step), wrong),
    saidNumber(random, Math.floor(random() * pick(random, [2, 2 ** 48])), wrong),
  ]);
  const shift = saidNumber(random, Math.floor(random() * 2 ** 33));
  const from = sent[Math.floor(random() * count)]?.[0] ?? 0;
  const later = [from, saidNumber(random, random() * 2 ** 33)];
  const shifts = pick<unknown>(random, [[], 7, [7], [[from, shift]], [later, [start, shift]]]);
  const origin = { source: 's:x', shift, sent, shifts };
  return { timeline: saidNumber(random, 0) === 0 ? 'provider' : 7, shift, origin };
}

/** A worker that has heard of a source what nobody should say, and takes it over. */
function checkHeard(seed: number): void {
  const random = seeded(seed);
  const heard = new HeardClock();
  for (let n = 0; n < 3; n++) {
    heard.take(clockShape.safeParse(JSON.parse(JSON.stringify(saidClock(random)))).data, 1_000 * n);
    expect(heard.current?.origin?.sent.after(0).length ?? 0).toBeLessThanOrEqual(MAX_REMEMBERED);
  }
  const reader = new Reader();
  const { shift, sent } = heard.current?.origin ?? {};
  if (sent?.newest !== undefined) {
    reader.splicer.goOn(sent.newest.dts, sent.newestAtMs);
    reader.splicer.sentPictures.replaceBy(sent);
  }
  reader.splicer.beginInput(shift === undefined ? { kind: 'source' } : { kind: 'reconnection', shift });
  const channel: RepeatingChannel = {
    ...repeatingChannel(seeded(0)),
    gop: 25,
    bytes: () => 700,
    content: (n) => n,
    ticks: (n) => 900_000 + 3_600 * n,
  };
  const connection = new RepeatingConnection(channel, 0);
  for (let n = 0; n < 100; n++) reader.splicer.push(connection.picture(n), 5_000 + n * PICTURE_MS);
  const about = `TEST_SEED=${seed}: heard ${JSON.stringify(heard.current?.origin?.sent.newest)}, ${shift}`;
  expect(reader.sent.length, about).toBeGreaterThanOrEqual(99 - channel.gop);
  for (const [at, { dts }] of reader.sent.entries()) {
    expect(Number.isSafeInteger(dts), `${about}: a time of ${dts}`).toBe(true);
    if (at > 0) expect(dts, about).toBeGreaterThan(reader.sent[at - 1]?.dts ?? 0);
  }
}

describe(`a provider that repeats itself, for ${SECONDS} s (TEST_SEED=${TEST_SEED})`, () => {
  it('loses nothing and holds nothing back', { timeout: SECONDS * 1_000 + 60_000 }, () => {
    const endMs = performance.now() + SECONDS * 1_000;
    for (let n = 0; performance.now() < endMs; n++) check(repeatingChannel(seeded(TEST_SEED + n)), TEST_SEED + n);
  });

  it('is taken over by a worker that has heard nonsense of it', { timeout: 60_000 }, () => {
    for (let n = 0; n < 200; n++) checkHeard(TEST_SEED + n);
  });
});
