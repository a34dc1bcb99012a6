/**
 * What workers tell each other of the segments of a feed, without their media: one JSON line each time. The owner says which segments
 * there are; a worker that follows says first which it knows, for an owner that has just taken the feed over.
 */

import { z } from 'zod';
import type { ListedSegment, SegmentNews } from '../feed/hls/segment-list.ts';

/** More than any window has. */
const MAX_SEGMENTS = 4_096;
/** Of one line. */
export const MAX_NEWS_BYTES = 2 * 1024 * 1024;
/** Longer segments nobody lists. */
const MAX_SECONDS = 3_600;
/** Dates that can be written. */
const MAX_MS = Date.UTC(9_000, 0, 1);
const MAX_BYTES = 2 ** 31;
const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 52);

const segmentShape = z
  .looseObject({
    n: count,
    mark: count,
    seconds: z.number().min(0).max(MAX_SECONDS),
    pdtMs: z.number().min(0).max(MAX_MS),
    discontinuity: z.boolean(),
    discontinuities: count,
    gap: z.boolean(),
    independent: z.boolean(),
    bytes: z.number().int().min(0).max(MAX_BYTES),
    crc: count,
    counters: z.array(z.tuple([z.number().int().min(0).max(0x1fff), z.number().int().min(0).max(15)])).max(256),
  })
  .transform(({ counters, ...segment }): ListedSegment => ({ ...segment, counters: new Map(counters) }));

const newsShape = z.looseObject({
  targetDuration: z.number().int().min(1).max(MAX_SECONDS),
  segments: z.array(segmentShape).max(MAX_SEGMENTS).refine(areInOrder),
});

function areInOrder(segments: readonly ListedSegment[]): boolean {
  return segments.every(({ n }, at) => at === 0 || n > (segments[at - 1] as ListedSegment).n);
}

export function newsLine({ targetDuration, segments }: SegmentNews): string {
  const said = segments.map((segment) => ({ ...segment, counters: [...segment.counters] }));
  return `${JSON.stringify({ targetDuration, segments: said })}\n`;
}

/** Undefined for what no worker says. */
export function readNews(line: string): SegmentNews | undefined {
  try {
    return newsShape.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
