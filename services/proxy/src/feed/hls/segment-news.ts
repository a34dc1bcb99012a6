/**
 * What workers tell each other of the segments of a feed, without their media. The owner says which there are, in its relays. A
 * worker that follows says which it knows, for an owner that has just taken the feed over.
 */

import { z } from 'zod';
import { CONTAINERS } from './segment-events.ts';
import type { ListedSegment, SegmentNews } from './segment-list.ts';

/** More than any window has. */
const MAX_SEGMENTS = 4_096;
/** Of a text. */
export const MAX_NEWS_BYTES = 2 * 1024 * 1024;
/** Longer segments nobody lists. */
const MAX_SECONDS = 3_600;
/** Dates that can be written. */
const MAX_MS = Date.UTC(9_000, 0, 1);
const MAX_BYTES = 2 ** 31;
/** mfhd.sequence_number has 32 bits. */
const MAX_CHUNK = 2 ** 32 - 1;
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
    chunk: z.number().int().min(0).max(MAX_CHUNK).default(0),
    init: z
      .string()
      .regex(/^[0-9a-f]{8}$/)
      .optional(),
  })
  .transform(({ counters, ...segment }): ListedSegment => ({ ...segment, counters: new Map(counters) }));

export const newsShape: z.ZodType<SegmentNews> = z
  .looseObject({
    container: z.enum(CONTAINERS).optional(),
    targetDuration: z.number().int().min(1).max(MAX_SECONDS),
    from: count.optional(),
    segments: z.array(segmentShape).max(MAX_SEGMENTS).refine(areInOrder),
  })
  .transform((news) => ({ ...news, from: news.from }));

function areInOrder(segments: readonly ListedSegment[]): boolean {
  return segments.every(({ n }, at) => at === 0 || n > (segments[at - 1] as ListedSegment).n);
}

/** As JSON. */
export function newsText(news: SegmentNews): string {
  return JSON.stringify(news, withEntries);
}

/** For `JSON.stringify`: the counters of a segment are a map. */
export function withEntries(_: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}

/** Undefined for what no worker says. */
export function readNews(text: string): SegmentNews | undefined {
  try {
    return newsShape.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** What one reader has been told: it gets each segment once, and again when it has changed. */
export class NewsSaid {
  #said: ReadonlyMap<number, ListedSegment> = new Map();
  #from: number | undefined;

  /** @returns what it has to be told now; undefined: nothing */
  of(news: SegmentNews | undefined): SegmentNews | undefined {
    const { targetDuration = 1, from, segments = [] } = news ?? {};
    const fresh = segments.filter((segment) => this.#said.get(segment.n) !== segment);
    if (fresh.length === 0 && from === this.#from) return undefined;
    this.#said = new Map(segments.map((segment) => [segment.n, segment]));
    this.#from = from;
    return { targetDuration, from, segments: fresh };
  }
}
