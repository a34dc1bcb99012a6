/**
 * One FFmpeg that decodes one track of a feed and says something of it, for all who want to know. It runs while somebody listens and
 * the feed has such a track.
 */

import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { Cursor } from '../feed/cursor.ts';
import type { Feed } from '../feed/feed.ts';
import type { Sandbox } from '../ffmpeg/host/sandbox.ts';
import { type FfmpegProcess, spawnFfmpeg } from '../ffmpeg/process/process.ts';
import type { FfmpegTally } from '../ffmpeg/process/tally.ts';
import { type SourceTrack, trackChoices } from '../ffmpeg/process/track-choice.ts';
import { PACKET_SIZE, pidOf } from '../mpegts/syntax/packet.ts';

/** What is measured. */
export interface Measure<Reading> {
  /** In the log. */
  readonly name: string;
  readonly kind: 'audio' | 'video';
  /** Options of FFmpeg before its input. */
  readonly input?: readonly string[];
  /** Options after it, which write to stdout. */
  readonly output: readonly string[];
  /** Reads what one FFmpeg writes, piece by piece. */
  readonly reader: () => (bytes: Buffer) => Reading[];
}

/** MPEG-TS that is measured. */
export interface Measured {
  readonly feed: Feed;
  /** Of a source feed. Undefined: FFmpeg finds out which there are. */
  readonly tracks?: readonly SourceTrack[];
  /** Calls back when it has other tracks. @returns a function that ends the calls */
  readonly onProgramChange?: (listener: () => void) => () => void;
}

export interface MeterDeps {
  readonly sandbox: Sandbox;
  readonly tally?: FfmpegTally | undefined;
  /** In the form of `languageCode`, the preferred one first. */
  readonly preferredAudioLanguages: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

const LOOK_MS = 1_000;
/** How long an FFmpeg that has ended by itself is not replaced: nothing in the track can be decoded. */
const AGAIN_MS = 30_000;

interface Running {
  readonly process: FfmpegProcess;
  readonly cursor: Cursor;
  /** Undefined: FFmpeg has chosen. */
  readonly pid: number | undefined;
}

export class Meter<Reading> {
  readonly #measured: Measured;
  readonly #measure: Measure<Reading>;
  readonly #deps: MeterDeps;
  readonly #listeners = new Set<(reading: Reading) => void>();
  #timer: Timer | undefined;
  #running: Running | undefined;
  #notBeforeMs = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(measured: Measured, measure: Measure<Reading>, deps: MeterDeps) {
    this.#measured = measured;
    this.#measure = measure;
    this.#deps = deps;
  }

  /** @returns a function that ends the calls */
  listen(listener: (reading: Reading) => void): () => void {
    this.#listeners.add(listener);
    if (this.#timer === undefined) this.#begin();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    };
  }

  /** Whether an FFmpeg measures now. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  #begin(): void {
    this.#timer = this.#deps.clock.setInterval(() => this.#look(), LOOK_MS);
    this.#unsubscribe = this.#measured.onProgramChange?.(() => this.#stop());
    this.#look();
  }

  #end(): void {
    this.#deps.clock.clearInterval(this.#timer);
    this.#timer = undefined;
    this.#unsubscribe?.();
    this.#stop();
  }

  #stop(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.cursor.close();
    running?.process.kill();
  }

  #look(): void {
    const { feed, tracks } = this.#measured;
    const pid = this.#best;
    const hasTrack = tracks === undefined || pid !== undefined;
    if (this.#running !== undefined && (!hasTrack || this.#running.pid !== pid)) this.#stop();
    const isDue = this.#deps.clock.monotonicMs() >= this.#notBeforeMs;
    if (this.#running === undefined && hasTrack && isDue && feed.end === undefined) this.#start(pid);
  }

  /** The track that viewers get unless they ask for another one. */
  get #best(): number | undefined {
    const { tracks } = this.#measured;
    const [best] = trackChoices(tracks ?? [], this.#deps.preferredAudioLanguages);
    return best?.[this.#measure.kind][0];
  }

  #start(pid: number | undefined): void {
    const { feed, tracks } = this.#measured;
    const entry = feed.ring.entries.at(-1);
    if (entry === undefined) return;
    const { sandbox, tally, log } = this.#deps;
    const { name, input = [], output, reader } = this.#measure;
    const others = new Set((tracks ?? []).map((track) => track.pid).filter((each) => each !== pid));
    const process = spawnFfmpeg({
      ...{ sandbox, tally, log, name, input: 'pipe' },
      args: [...BEFORE, ...input, ...AS_MPEGTS, '-map', this.#specifier(pid), ...output],
    });
    const { stdin } = process;
    const cursor = new Cursor(
      feed,
      entry,
      {
        isMeter: true,
        write: (bytes, done) => {
          const kept = others.size === 0 ? bytes : without(others, bytes);
          if (kept.length === 0 || stdin === null) feed.clock.setImmediate(done);
          else stdin.write(kept, () => done());
        },
        finished: () => this.#stop(),
        dropped: () => this.#stop(),
      },
      0,
    );
    const running = { process, cursor, pid };
    this.#running = running;
    const read = reader();
    process.stdout.on('data', (bytes: Buffer) => {
      if (this.#running !== running) return;
      for (const reading of read(bytes)) for (const listener of [...this.#listeners]) listener(reading);
    });
    void process.exited.then(({ detail }) => {
      if (this.#running !== running) return;
      log.debug({ meter: name, detail }, 'an FFmpeg that measures has ended');
      this.#notBeforeMs = this.#deps.clock.monotonicMs() + AGAIN_MS;
      this.#stop();
    });
  }

  #specifier(pid: number | undefined): string {
    if (pid !== undefined) return `0:i:${pid}`;
    return this.#measure.kind === 'audio' ? '0:a:0' : '0:v:0';
  }
}

const BEFORE = ['-hide_banner', '-nostdin', '-loglevel', 'level+info', '-stats_period', '10', '-threads', '1'];
/** As for an FFmpeg that makes media; the other tracks do not come, and are not waited for. */
const AS_MPEGTS = [
  ...['-f', 'mpegts', '-probesize', '2000000', '-analyzeduration', '500000', '-max_probe_packets', '25'],
  ...['-i', 'pipe:0'],
];

/** Whole packets that are of none of these tracks. */
function without(pids: ReadonlySet<number>, bytes: Buffer): Buffer {
  const kept = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let offset = 0; offset + PACKET_SIZE <= bytes.length; offset += PACKET_SIZE) {
    if (!pids.has(pidOf(bytes, offset))) length += bytes.copy(kept, length, offset, offset + PACKET_SIZE);
  }
  return kept.subarray(0, length);
}
