/**
 * What live direct streams consist of whose viewers have a connection each. Nothing else reads their media, so it is read here: now and
 * then some seconds of what one of the viewers gets.
 */

import type { MadeStream } from '../../../registry/types.ts';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import type { MediaFacts } from '../../../shared/media-facts.ts';
import { readMedia } from '../feed/hls/variant.ts';
import { Pace } from '../feed/pace.ts';
import { TrackSurvey } from '../mpegts/reading/track-survey.ts';
import { Splicer } from '../mpegts/splicing/splicer.ts';
import { TICKS_PER_SECOND } from '../mpegts/syntax/timestamp.ts';

/** A viewer of a stream, as its packets pass. */
export interface DirectTap {
  /**
   * Takes whole packets, which stay as they are.
   * @param isFirst of a connection to the provider, which may send something else than the one before
   */
  packets(bytes: Buffer, isFirst: boolean): void;
  /** Call it once, when the viewer has left. */
  end(): void;
}

/** Codecs and sizes change when a source does, mostly with its connection. */
const READ_AGAIN_MS = 60_000;
/** Shows the rate of the pictures, and sound that comes in long units. */
const READ_TICKS = 2 * TICKS_PER_SECOND;
/** Where that is more, less time is enough. */
const MOST_BYTES = 4 * 1024 * 1024;
/** A source that has no keyframe for so long is not waited for. */
const GIVE_UP_MS = 20_000;

export class DirectMedia {
  readonly #clock: Clock;
  readonly #streams = new Map<string, DirectStream>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** A viewer gets a stream over a connection of its own. */
  begin(streamId: string): DirectTap {
    const stream = this.#streams.get(streamId) ?? new DirectStream(this.#clock);
    this.#streams.set(streamId, stream);
    const viewer = {};
    stream.viewers.add(viewer);
    return {
      packets: (bytes, isFirst) => stream.take(viewer, bytes, isFirst),
      end: () => {
        stream.viewers.delete(viewer);
        if (stream.viewers.size === 0 && this.#streams.get(streamId) === stream) this.#streams.delete(streamId);
      },
    };
  }

  /** By stream. Only streams of MPEG-TS: nothing is known of others. */
  made(): Record<string, MadeStream> {
    return Object.fromEntries([...this.#streams].flatMap(([id, stream]) => (stream.made ? [[id, stream.made]] : [])));
  }
}

class DirectStream {
  readonly viewers = new Set<object>();
  readonly #clock: Clock;
  /** The viewer whose packets are looked at. */
  #followed: object | undefined;
  #pace = new Pace();
  #bytes = 0;
  #lastMs: number | undefined;
  #facts: MediaFacts | undefined;
  #reading: MediaReading | undefined;
  #readAgainMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(viewer: object, bytes: Buffer, isFirst: boolean): void {
    if (this.#followed === undefined || !this.viewers.has(this.#followed)) this.#follow(viewer);
    if (this.#followed !== viewer) return;
    const nowMs = this.#clock.monotonicMs();
    if (isFirst) this.#readAgainMs = nowMs;
    this.#bytes += bytes.length;
    this.#lastMs = nowMs;
    if (isFirst || (this.#reading === undefined && nowMs >= this.#readAgainMs)) {
      this.#reading = new MediaReading(nowMs);
      this.#readAgainMs = nowMs + READ_AGAIN_MS;
    }
    const read = this.#reading?.push(bytes, nowMs);
    if (read === undefined || read === 'more') return;
    this.#reading = undefined;
    if (read !== 'none') this.#facts = read;
  }

  #follow(viewer: object): void {
    this.#followed = viewer;
    this.#pace = new Pace();
    this.#bytes = 0;
    this.#reading = undefined;
  }

  get made(): MadeStream | undefined {
    if (this.#lastMs === undefined) return undefined;
    const nowMs = this.#clock.monotonicMs();
    // Nobody looks at its media time.
    const bitsPerSecond = this.#pace.measure(nowMs, this.#bytes, nowMs)?.bitsPerSecond;
    const input = { ...this.#facts, bitsPerSecond, lastByteAgoMs: Math.round(nowMs - this.#lastMs) };
    return { failures: 0, bitsPerSecond, input, output: this.#facts };
  }
}

/** Some seconds of a source, put in order as a feed has them. */
export class MediaReading {
  readonly #sinceMs: number;
  readonly #pieces: Buffer[] = [];
  readonly #splicer: Splicer;
  #bytes = 0;
  #firstDts: number | undefined;
  #ticks = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    const note = (dts: number) => {
      this.#firstDts ??= dts;
      this.#ticks = Math.max(this.#ticks, dts - this.#firstDts);
    };
    this.#splicer = new Splicer(
      {
        packets: (bytes, start, end) => this.#keep(Buffer.from(bytes.subarray(start, end))),
        progress: note,
        programChanged: () => undefined,
        randomAccess: ({ prefix, dts }) => {
          if (this.#pieces.length === 0) this.#keep(prefix);
          note(dts);
        },
        continuation: () => undefined,
      },
      { holdReordered: false, firstDts: undefined, survey: new TrackSurvey() },
    );
    this.#splicer.beginInput({ kind: 'source' });
  }

  /** `more`: it needs more; `none`: there was nothing to read. */
  push(bytes: Buffer, nowMs: number): MediaFacts | 'more' | 'none' {
    // The splicer writes into what it gets.
    this.#splicer.push(Buffer.from(bytes), nowMs);
    const isEnough = this.#ticks >= READ_TICKS || this.#bytes >= MOST_BYTES;
    if (isEnough) return this.facts;
    return nowMs - this.#sinceMs > GIVE_UP_MS ? 'none' : 'more';
  }

  /** What is known so far. */
  get facts(): MediaFacts {
    return readMedia(this.#pieces).facts;
  }

  #keep(bytes: Buffer): void {
    if (this.#bytes >= MOST_BYTES) return;
    this.#bytes += bytes.length;
    this.#pieces.push(bytes);
  }
}
