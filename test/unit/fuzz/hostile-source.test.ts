/**
 * Whatever a provider sends, a worker reads it in short turns and in bounded memory, and what other viewers get stays the same.
 * Half a minute here; `npm run test:fuzz` goes on for ten minutes, and `TEST_SEED=…` repeats a run.
 */
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import { feedSink } from '../../../services/proxy/src/feed/feed-sink.ts';
import { TrackSurvey } from '../../../services/proxy/src/mpegts/reading/track-survey.ts';
import { Splicer, type SplicerOptions } from '../../../services/proxy/src/mpegts/splicing/splicer.ts';
import { fixture } from '../../support/fixtures.ts';
import { HOSTILE, type HostileSource } from '../../support/fuzz/hostile-ts.ts';
import { seeded, TEST_SEED } from '../../support/seed.ts';

const SECONDS = Number(process.env.STREAMPOOL_FUZZ_SECONDS) || 25;
const KINDS = Object.entries(HOSTILE);
const MIB = 1024 * 1024;
const RING_BYTES = 48 * MIB;
/** Of CPU time: a machine that is busy with other things does not count. */
const LONGEST_TURN_MS = 200;
/** What a source sends in one case, about. */
const CASE_BYTES = 8 * MIB;
const CHUNKS_AT_ONCE = 64;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Memory that is really in use, in bytes. */
function inUse(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function spliced(options: SplicerOptions): { feed: Feed; splicer: Splicer } {
  const feed = new Feed({ retainMs: 20_000, joinBufferMs: 2_000, maxBytes: RING_BYTES });
  const splicer = new Splicer(feedSink(feed), options);
  splicer.beginInput({ kind: 'source' });
  return { feed, splicer };
}

const asSource = () => spliced({ holdReordered: false, firstDts: 900_000, survey: new TrackSurvey() });
const asProcess = () => spliced({ holdReordered: true, firstDts: undefined });

/** A stream that others watch meanwhile: all that its feed has, from its first byte on. */
class Neighbour {
  readonly #feed = asSource();
  readonly #real: Buffer;
  #at = 0;

  constructor(real: Buffer) {
    this.#real = real;
  }

  step(): void {
    const bytes = this.#real.subarray(this.#at, this.#at + 10_000);
    this.#feed.splicer.push(Buffer.from(bytes), (this.#at / this.#real.length) * 4_000);
    this.#at += bytes.length;
  }

  /** All that is in its ring. */
  get media(): Buffer {
    const { ring } = this.#feed.feed;
    const parts: Buffer[] = [];
    for (let at = ring.tail; at < ring.head; ) {
      const part = ring.view(at, ring.head, ring.head - at) as Buffer;
      parts.push(part);
      at += part.length;
    }
    return Buffer.concat(parts);
  }
}

interface Played {
  /** CPU time that each chunk took, in ms. */
  readonly turnsMs: readonly number[];
  readonly keptBytes: number;
}

/** A connection breaks after so many chunks, and the next one may repeat what it sent. */
const RECONNECTED_AFTER = 3 * CHUNKS_AT_ONCE;

/** One hostile source, read as a source feed and as what an FFmpeg copies from it, beside a neighbour. */
function play(source: HostileSource, neighbour: Neighbour): Played {
  const before = inUse();
  const turnsMs: number[] = [];
  const read = asSource();
  const feeds = [read, asProcess()];
  let shift = 0;
  for (let sent = 0; sent < CASE_BYTES && turnsMs.length < 2_000; ) {
    const chunks = Array.from({ length: CHUNKS_AT_ONCE }, () => source());
    // What making them has left behind is not to be collected in the turns that are measured.
    collect();
    for (const chunk of chunks) {
      sent += chunk.length;
      for (const { splicer } of feeds) {
        const given = Buffer.from(chunk);
        const cpu = process.cpuUsage();
        splicer.push(given, turnsMs.length * 10);
        const { user, system } = process.cpuUsage(cpu);
        turnsMs.push((user + system) / 1000);
      }
    }
    neighbour.step();
    shift = read.splicer.shift ?? shift;
    if (turnsMs.length % RECONNECTED_AFTER !== 0) continue;
    read.splicer.endInput(false);
    read.splicer.beginInput({ kind: 'reconnection', shift });
  }
  const keptBytes = inUse() - before;
  for (const { splicer, feed } of feeds) {
    splicer.endInput(false);
    expect(feed.ring.heldBytes).toBeLessThanOrEqual(RING_BYTES + 2 * MIB);
  }
  return { turnsMs, keptBytes };
}

describe(`hostile sources for ${SECONDS} s (TEST_SEED=${TEST_SEED})`, () => {
  let real: Buffer;
  let undisturbed: Buffer;
  const endMs = performance.now() + SECONDS * 1_000;

  beforeAll(async () => {
    real = await readFile((await fixture('plain')).path);
    const alone = new Neighbour(real);
    for (let n = 0; n < 60; n++) alone.step();
    undisturbed = alone.media;
    expect(undisturbed.length).toBeGreaterThan(10_000);
  }, 60_000);

  const longest: number[] = [];
  const kept: number[] = [];
  afterAll(() => {
    const most = (Math.max(...kept) / MIB).toFixed(0);
    console.log(
      `${kept.length} sources; longest turn ${Math.max(...longest).toFixed(0)} ms of CPU, kept ${most} MiB at most`,
    );
  });

  it('are read in short turns and in bounded memory, and disturb nobody', {
    timeout: SECONDS * 1_000 + 120_000,
  }, () => {
    for (let n = 0; n < KINDS.length || performance.now() < endMs; n++) {
      const [kind, make] = KINDS[n % KINDS.length] as (typeof KINDS)[number];
      const seed = TEST_SEED + n;
      const what = `${kind}, TEST_SEED=${seed}`;
      const once = () => {
        const neighbour = new Neighbour(real);
        const played = play(make(seeded(seed), real), neighbour);
        expect(undisturbed.subarray(0, neighbour.media.length).equals(neighbour.media), `${what}: the neighbour`).toBe(
          true,
        );
        expect(neighbour.media.length).toBeGreaterThan(0);
        return played;
      };
      const { turnsMs, keptBytes } = once();
      let longestMs = Math.max(...turnsMs);
      // A collection of garbage falls into another turn the next time; what a source asks for takes as long again.
      if (longestMs >= LONGEST_TURN_MS) {
        const again = once().turnsMs;
        longestMs = Math.max(...turnsMs.map((ms, turn) => Math.min(ms, again[turn] as number)));
      }
      longest.push(longestMs);
      kept.push(keptBytes);
      expect(longestMs, `${what}: a turn, in ms of CPU`).toBeLessThan(LONGEST_TURN_MS);
      // Two rings, and twice what they may have.
      expect(keptBytes, `${what}: memory kept`).toBeLessThan(2 * 2 * RING_BYTES);
    }
  });
});
