/**
 * The index of a recording, beside its segments: what there is of it, and what was asked for. It is the truth about them. The registry
 * holds a summary, which is made again from it. It is written whole after each segment. Pure.
 */

import { crc32 } from 'node:zlib';
import { z } from 'zod';
import {
  type BroadcastOrder,
  type BroadcastProgress,
  type BroadcastState,
  broadcastState,
  type FeedPosition,
  hasEnded,
  orderShape,
  positionShape,
  type RecordedSegment,
  segmentShape,
} from '../../../../registry/broadcasts/broadcast.ts';
import { parsed } from '../../../../registry/shapes.ts';
import { grownTargetDuration } from '../../feed/hls/window.ts';

export interface RecordingIndex {
  readonly version: 1;
  readonly id: string;
  /** Of the worker that wrote it. The index with the largest one counts. */
  readonly epoch: number;
  readonly order: BroadcastOrder;
  readonly state: BroadcastState;
  /** Why it has failed. */
  readonly error?: string | undefined;
  /** ms since 1970 */
  readonly startedAtMs: number;
  /** The same; undefined while it runs. */
  readonly endedAtMs?: number | undefined;
  /** EXT-X-TARGETDURATION, in s. */
  readonly targetDuration: number;
  /** How many discontinuities were in segments that a window has dropped. */
  readonly droppedDiscontinuities: number;
  /** Number of the next segment. */
  readonly next: number;
  /** How much there is of the programme of now, in s. */
  readonly programmeSeconds: number;
  /** Up to where the feed is in it; undefined: nothing of it. */
  readonly feed?: FeedPosition | undefined;
  /** Of the FFmpeg that makes its feed, else a number that stays with it. */
  readonly pid: number;
  /** Those that are listed, the oldest first. */
  readonly segments: readonly RecordedSegment[];
}

/** A window lists no more than so many; undefined: all are kept. */
export type ListSize = number | undefined;

const count = z.int().nonnegative();

const indexShape: z.ZodType<RecordingIndex> = z.looseObject({
  version: z.literal(1),
  id: z.string(),
  epoch: count,
  order: orderShape,
  state: broadcastState,
  error: z.string().optional(),
  startedAtMs: z.number(),
  endedAtMs: z.number().optional(),
  targetDuration: count,
  droppedDiscontinuities: count,
  next: count,
  programmeSeconds: z.number().nonnegative(),
  feed: positionShape.optional(),
  pid: z.int().positive(),
  segments: z.array(segmentShape),
});

/** The index of a broadcast that begins. */
export function newIndex(id: string, epoch: number, order: BroadcastOrder, nowMs: number): RecordingIndex {
  return {
    ...{ version: 1, id, epoch, order, state: 'starting', startedAtMs: nowMs },
    targetDuration: Math.ceil(order.segmentSeconds),
    ...{ droppedDiscontinuities: 0, next: order.startNumber, programmeSeconds: 0, segments: [] },
    pid: standInPid(id),
  };
}

/** Linux counts processes up to here. */
const MAX_PID = 4_194_304;

/** What stands for the FFmpeg of a broadcast that has none. It is the same each time. */
export function standInPid(id: string): number {
  return 1 + (crc32(id) % MAX_PID);
}

/**
 * The index of the next programme: numbers go on, and the first segment begins with a discontinuity.
 * A window that had ended lists nothing of what was before it.
 */
export function nextProgramme(index: RecordingIndex, order: BroadcastOrder, nowMs: number): RecordingIndex {
  const isNew = hasEnded(index.state) && !order.kept;
  const dropped = isNew ? index.segments.filter(({ discontinuity }) => discontinuity).length : 0;
  const { droppedDiscontinuities } = index;
  return {
    ...{ ...index, order, state: 'starting', error: undefined, endedAtMs: undefined, startedAtMs: nowMs },
    ...{ programmeSeconds: 0, feed: undefined },
    next: isNew ? Math.max(index.next, order.startNumber) : index.next,
    segments: isNew ? [] : index.segments,
    droppedDiscontinuities: droppedDiscontinuities + dropped,
  };
}

/** An index from its text; undefined when it is none. */
export function readIndex(text: string): RecordingIndex | undefined {
  return parsed(indexShape, text);
}

/** Several of them; undefined when the text is anything else. */
export function readIndexes(text: string): RecordingIndex[] | undefined {
  return parsed(z.array(indexShape), text);
}

export function indexText(index: RecordingIndex): string {
  return JSON.stringify(index);
}

/** How many segments an order lists. */
export function listSizeOf({ kept, listSize }: Pick<BroadcastOrder, 'kept' | 'listSize'>): ListSize {
  return kept ? undefined : listSize;
}

/**
 * The index with one more segment. It gets the next number.
 * @returns also the segments that the window no longer lists
 */
export function withSegment(
  index: RecordingIndex,
  segment: Omit<RecordedSegment, 'n'>,
): { readonly index: RecordingIndex; readonly dropped: readonly RecordedSegment[] } {
  const all = [...index.segments, { n: index.next, ...segment }];
  const size = listSizeOf(index.order);
  const dropped = size === undefined ? [] : all.slice(0, Math.max(0, all.length - size));
  const segments = all.slice(dropped.length);
  return {
    index: {
      ...index,
      segments,
      next: index.next + 1,
      programmeSeconds: index.programmeSeconds + segment.seconds,
      targetDuration: grownTargetDuration(index.targetDuration, segment.seconds),
      droppedDiscontinuities:
        index.droppedDiscontinuities + dropped.filter(({ discontinuity }) => discontinuity).length,
    },
    dropped,
  };
}

/** Subtitles go with it, or with something that it lists. */
export function hasSubtitles({ order, segments }: Pick<RecordingIndex, 'order' | 'segments'>): boolean {
  return order.subtitles !== undefined || segments.some(({ subtitled }) => subtitled === true);
}

/** What its media takes. */
export function bytesOf({ segments }: Pick<RecordingIndex, 'segments'>): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** How much is listed, in s. */
export function secondsOf({ segments }: Pick<RecordingIndex, 'segments'>): number {
  return segments.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** What the registry keeps of it. @param granted the epoch of the ownership */
export function progressOf(index: RecordingIndex, granted: number): BroadcastProgress {
  const { order, state, error, startedAtMs, endedAtMs, next, segments, feed, pid, droppedDiscontinuities } = index;
  return {
    ...{ epoch: granted, programme: order.programme, state, error, startedAtMs, endedAtMs, next, feed, pid },
    ...{ bytes: bytesOf(index), seconds: secondsOf(index), segments: segments.length, last: segments.at(-1) },
    programmeSeconds: index.programmeSeconds,
    discontinuities: droppedDiscontinuities + segments.filter(({ discontinuity }) => discontinuity).length,
  };
}
