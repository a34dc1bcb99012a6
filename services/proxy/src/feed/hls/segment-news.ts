/**
 * What workers tell each other of the segments of a feed, without their media. The owner says which there are, in its relays. A
 * worker that follows says which it knows, for an owner that has just taken the feed over.
 */

import { z } from 'zod';
import { CONTAINERS } from './segment-events.ts';
import type { ListedBeginning, ListedPart, ListedSegment, SegmentNews } from './segment-list.ts';

/** More than any window has. */
const MAX_SEGMENTS = 4_096;
/** Of a text. */
export const MAX_NEWS_BYTES = 2 * 1024 * 1024;
/** Longer segments nobody lists. */
const MAX_SECONDS = 3_600;
/** Dates that can be written. */
const MAX_MS = Date.UTC(9_000, 0, 1);
const MAX_BYTES = 2 ** 31;
/** HLS_PART_TIME is shorter. */
const MAX_PART_SECONDS = 10;
/** Of one segment. */
const MAX_PARTS = 4_096;
/** mfhd.sequence_number has 32 bits. */
const MAX_CHUNK = 2 ** 32 - 1;
const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 52);

const initShape = z
  .string()
  .regex(/^[0-9a-f]{8}$/)
  .optional();
const partsShape: z.ZodType<readonly ListedPart[]> = z
  .array(
    z.looseObject({
      seconds: z.number().gt(0).max(MAX_PART_SECONDS),
      independent: z.boolean(),
      bytes: z.number().int().min(0).max(MAX_BYTES),
      crc: count,
      gap: z.boolean().optional(),
    }),
  )
  .max(MAX_PARTS);

const openShape: z.ZodType<ListedBeginning> = z
  .looseObject({
    n: count,
    mark: count,
    pdtMs: z.number().min(0).max(MAX_MS),
    discontinuity: z.boolean(),
    discontinuities: count,
    init: initShape,
    parts: partsShape,
  })
  .transform((open) => ({ ...open, init: open.init }));

const segmentShape = z
  .looseObject({
    n: count,
    mark: count,
    seconds: z.number().min(0).max(MAX_SECONDS),
    mediaSeconds: z.number().min(0).max(MAX_SECONDS).optional(),
    pdtMs: z.number().min(0).max(MAX_MS),
    discontinuity: z.boolean(),
    discontinuities: count,
    gap: z.boolean(),
    independent: z.boolean(),
    bytes: z.number().int().min(0).max(MAX_BYTES),
    crc: count,
    counters: z.array(z.tuple([z.number().int().min(0).max(0x1fff), z.number().int().min(0).max(15)])).max(256),
    chunk: z.number().int().min(0).max(MAX_CHUNK).default(0),
    init: initShape,
    parts: partsShape.optional(),
  })
  .transform(({ counters, ...segment }): ListedSegment => ({ ...segment, counters: new Map(counters) }));

export const newsShape: z.ZodType<SegmentNews> = z
  .looseObject({
    container: z.enum(CONTAINERS).optional(),
    targetDuration: z.number().int().min(1).max(MAX_SECONDS),
    partTarget: z.number().gt(0).max(MAX_PART_SECONDS).optional(),
    open: openShape.optional(),
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
  #open: ListedBeginning | undefined;

  /** @returns what it has to be told now; undefined: nothing */
  of(news: SegmentNews | undefined): SegmentNews | undefined {
    const { targetDuration = 1, partTarget, from, segments = [], open } = news ?? {};
    const fresh = segments.filter((segment) => this.#said.get(segment.n) !== segment);
    if (fresh.length === 0 && from === this.#from && open === this.#open) return undefined;
    this.#said = new Map(segments.map((segment) => [segment.n, segment]));
    this.#from = from;
    this.#open = open;
    return {
      ...{ targetDuration, from, segments: fresh },
      ...(partTarget !== undefined && { partTarget }),
      ...(open !== undefined && { open }),
    };
  }
}
