/** Stands between FFmpeg's output and a feed's ring: the splicer for MPEG-TS, a fragmenter for any other container. */

import type { Input } from '../mpegts/splicing/input.ts';
import type { ResumePoint } from '../mpegts/splicing/resume-point.ts';
import { Splicer } from '../mpegts/splicing/splicer.ts';
import { createFragmenter, type OpaqueContainer } from './containers/index.ts';
import type { Feed } from './feed.ts';
import { feedSink } from './feed-sink.ts';
import type { LocalMarks } from './marks/local-marks.ts';

export interface FeedOutput {
  /** Whether another input can continue the first one without readers noticing. */
  readonly continuable: boolean;
  /** Where a restarted FFmpeg has to continue, on the feed's timeline. */
  readonly resumePoint: ResumePoint;
  /** DTS of the newest picture in the feed, 33 bits; undefined before the first, or when the container does not tell. */
  readonly lastDts: number | undefined;
  /** Ticks between the clock of the current input and the feed's clock; undefined before its first unit. */
  readonly shift: number | undefined;
  /**
   * Arrival of the newest unit of each kind, monotonic ms; undefined before the first, or when the container does not
   * tell.
   */
  readonly lastVideoMs: number | undefined;
  readonly lastAudioMs: number | undefined;
  /** See `Splicer.breaks`; undefined when the container does not tell. */
  readonly breaks: number | undefined;
  /** See `Splicer.goOn`. */
  goOn(dts: number, atMs: number): void;
  begin(input: Input): void;
  push(chunk: Buffer, nowMs: number): void;
  /** Call when the pushed bytes end with whole units. */
  flush(): void;
  /** @param orderly the input was played to its end and not cut off */
  end(orderly: boolean): void;
}

/**
 * @param holdReordered see `SplicerOptions`
 * @param marks take what passes into the feed
 */
export function tsOutput(feed: Feed, holdReordered: boolean, marks?: LocalMarks): FeedOutput {
  const sink = feedSink(feed);
  return splicedOutput(new Splicer(marks?.sink(sink) ?? sink, { holdReordered, firstDts: undefined }));
}

export function splicedOutput(splicer: Splicer): FeedOutput {
  return {
    continuable: true,
    get resumePoint() {
      return splicer.resumePoint;
    },
    get lastDts() {
      return splicer.lastDts;
    },
    get shift() {
      return splicer.shift;
    },
    get lastVideoMs() {
      return splicer.arrivals.lastVideoMs;
    },
    get lastAudioMs() {
      return splicer.arrivals.lastAudioMs;
    },
    get breaks() {
      return splicer.breaks;
    },
    goOn: (dts, atMs) => splicer.goOn(dts, atMs),
    begin: (input) => splicer.beginInput(input),
    push: (chunk, nowMs) => splicer.push(chunk, nowMs),
    flush: () => splicer.flush(),
    end: (orderly) => splicer.endInput(orderly),
  };
}

export function fragmentOutput(feed: Feed, container: OpaqueContainer): FeedOutput {
  const { ring } = feed;
  const startedAtMs = feed.clock.monotonicMs();
  let prefix: Buffer = Buffer.alloc(0);
  const fragmenter = createFragmenter(container, {
    init: (bytes) => {
      prefix = bytes;
    },
    fragment: (parts, randomAccess, mediaTimeSeconds) => {
      const mediaMs = mediaTimeSeconds === undefined ? feed.clock.monotonicMs() - startedAtMs : mediaTimeSeconds * 1000;
      if (randomAccess) ring.mark(prefix, mediaMs);
      else if (ring.entries.length === 0) return;
      else ring.advance(mediaMs);
      for (const part of parts) ring.append(part, 0, part.length);
    },
  });
  return {
    continuable: false,
    resumePoint: { videoPts: undefined, audioPts: undefined },
    lastDts: undefined,
    shift: undefined,
    lastVideoMs: undefined,
    lastAudioMs: undefined,
    breaks: undefined,
    goOn: () => undefined,
    begin: () => undefined,
    push: (chunk) => fragmenter.push(chunk),
    flush: () => undefined,
    end: () => fragmenter.end(),
  };
}
