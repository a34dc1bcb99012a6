/** Real media through the splicer of a source feed, with its marks, cut into segments: what the tests of segments share. */

import type { Cut, Done, Part } from '../../services/proxy/src/feed/hls/segment-events.ts';
import { Segmenter, type SegmenterOptions, type SegmenterSink } from '../../services/proxy/src/feed/hls/segmenter.ts';
import type { Mark } from '../../services/proxy/src/feed/marks/mark.ts';
import { markedSink } from '../../services/proxy/src/feed/marks/marked-sink.ts';
import { Marks } from '../../services/proxy/src/feed/marks/marks.ts';
import { TrackSurvey } from '../../services/proxy/src/mpegts/reading/track-survey.ts';
import { Splicer } from '../../services/proxy/src/mpegts/splicing/splicer.ts';
import type { LoopName } from './fixtures.ts';
import { loadLoop } from './live/loop.ts';
import { Player } from './live/player.ts';

export const SECOND = 90_000;
const WALL_MS = Date.UTC(2026, 0, 1);

export interface FeedEntry {
  readonly at: number;
  readonly prefix: Buffer;
  readonly dts: number;
  readonly pts: number;
}

/** A feed with its marks, each where it was said. */
export interface MarkedFeed {
  readonly bytes: Buffer;
  /** How many bytes stand before each mark. */
  readonly marks: readonly { readonly at: number; readonly mark: Mark }[];
  /** Where readers can begin, and what they get before. */
  readonly entries: readonly FeedEntry[];
  readonly firstDts: number;
}

export interface FeedOptions {
  readonly seconds: number;
  readonly segmentSeconds?: number;
  readonly firstDts?: number;
  readonly list?: Mark['list'];
  /** What the provider sends in these 100 ms is lost. @param ms since its beginning */
  readonly isLost?: (ms: number) => boolean;
  /** What comes after that is another connection, which begins with a keyframe. */
  readonly reconnects?: boolean;
}

/** What a provider sends at a time. */
export interface ProviderPiece {
  readonly bytes: Buffer;
  /** Since its beginning. */
  readonly ms: number;
  /** A connection begins with it. */
  readonly anew?: boolean;
}

/** What a source feed makes of pieces of a provider's bytes. */
export function markedFeed(
  pieces: Iterable<ProviderPiece>,
  { segmentSeconds = 2, firstDts = 10 * SECOND, list = 'source' }: Omit<FeedOptions, 'seconds'>,
): MarkedFeed {
  const marks = new Marks(segmentSeconds * SECOND);
  const parts: Buffer[] = [];
  const entries: FeedEntry[] = [];
  const said: { at: number; mark: Mark }[] = [];
  let length = 0;
  const sink = markedSink(
    {
      packets: (bytes, start, end) => {
        parts.push(Buffer.from(bytes.subarray(start, end)));
        length += end - start;
      },
      programChanged: () => undefined,
      continuation: () => undefined,
      randomAccess: ({ prefix, dts, pts }) => entries.push({ at: length, prefix, dts, pts }),
      progress: () => {
        // Before the media that it is about.
        for (const mark of marks.say(WALL_MS)) if (mark.list === list) said.push({ at: length, mark });
      },
    },
    () => marks,
  );
  const splicer = new Splicer(sink, { holdReordered: false, firstDts, survey: new TrackSurvey() });
  splicer.beginInput({ kind: 'source' });
  for (const { bytes, ms, anew } of pieces) {
    if (anew === true) {
      splicer.endInput(false);
      splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    }
    splicer.push(bytes, ms);
  }
  splicer.endInput(true);
  return { bytes: Buffer.concat(parts), marks: said, entries, firstDts };
}

export async function markedLoop(name: LoopName, options: FeedOptions): Promise<MarkedFeed> {
  const player = new Player(await loadLoop(name), { startPts: 900_000, startPhaseSeconds: 0, speed: 1 });
  function* pieces(): Generator<ProviderPiece> {
    let isAway = false;
    for (let ms = 0; ms < options.seconds * 1_000; ms += 100) {
      const block = player.tick(ms);
      const isLost = options.isLost?.(ms) === true;
      if (isLost && options.reconnects === true) isAway = true;
      if (block === undefined || isLost || (isAway && block.keyframeAt < 0)) continue;
      yield isAway ? { bytes: block.bytes.subarray(block.keyframeAt), ms, anew: true } : { bytes: block.bytes, ms };
      isAway = false;
    }
  }
  return markedFeed(pieces(), options);
}

export interface ReaderOptions extends Partial<SegmenterOptions> {
  readonly entry?: number;
  readonly pieceBytes?: number;
}

export interface Segmented {
  readonly cuts: readonly Cut[];
  readonly dones: readonly Done[];
  readonly parts: readonly Part[];
  readonly lateSounds: number;
}

/** Its segments, for a reader that enters at the first entry from `entry` on and gets `pieceBytes` at a time. */
export function segmentsOf(feed: MarkedFeed, options: ReaderOptions = {}): Segmented {
  const cuts: Cut[] = [];
  const dones: Done[] = [];
  const parts: Part[] = [];
  const sink: SegmenterSink = {
    cut: (cut) => cuts.push(cut),
    part: (part) => parts.push(part),
    done: (done) => dones.push(done),
  };
  const lateSounds = readSegments(feed, sink, options);
  return { cuts, dones, parts, lateSounds };
}

/** The same, for one who takes each segment when it ends. @returns how many units of sound came too late */
export function readSegments(
  feed: MarkedFeed,
  sink: SegmenterSink,
  { entry = 0, pieceBytes = 50 * 188, ...options }: ReaderOptions,
): number {
  const start = feed.entries[entry];
  if (start === undefined) throw new Error('the feed has no such entry');
  const segmenter = new Segmenter(sink, { nearTicks: start.dts, ...options });
  segmenter.push(start.prefix);
  let at = start.at;
  const read = (to: number) => {
    for (; at < to; at = Math.min(to, at + pieceBytes)) segmenter.push(feed.bytes, at, Math.min(to, at + pieceBytes));
  };
  for (const { at: position, mark } of feed.marks) {
    read(position);
    segmenter.mark(mark, 0);
  }
  read(feed.bytes.length);
  segmenter.end();
  return segmenter.lateSounds;
}
