/** What a feed that is here consists of, for entries and for people, whether anybody wants its segments or not. */

import type { MediaFacts } from '../../../shared/media-facts.ts';
import type { Feed } from '../feed/feed.ts';
import { peakOf, type Reading, readMedia, type Variant } from '../feed/hls/variant.ts';

/** Codecs and sizes change when a source does. Reading them costs 1 ms. */
const KEPT_MS = 5_000;
/** Shows the rate of the pictures, and sound that comes in long units. */
const READ_MS = 2_000;
/** Where that is more, less time is enough. */
const MOST_BYTES = 4 * 1024 * 1024;

export class FeedVariant {
  readonly #feed: Feed;
  readonly #segmentMs: number;
  #known: { readonly reading: Reading; readonly atMs: number } | undefined;

  /** @param segmentMs HLS_SEGMENT_TIME */
  constructor(feed: Feed, segmentMs: number) {
    this.#feed = feed;
    this.#segmentMs = segmentMs;
  }

  /**
   * Undefined while the feed has too little media.
   * @param peakBitsPerSecond of its segments, if there are any
   */
  of(peakBitsPerSecond: number | undefined): Variant | undefined {
    const peak = peakBitsPerSecond ?? peakOf(this.#feed.ring.entries, this.#segmentMs);
    if (peak === undefined) return undefined;
    return { ...this.#reading().described, peakBitsPerSecond: Math.round(peak) };
  }

  /** Nothing of another container than MPEG-TS, and nothing before there is media. */
  get facts(): MediaFacts {
    const { opaque, ring } = this.#feed;
    return opaque || ring.entries.length === 0 ? {} : this.#reading().facts;
  }

  #reading(): Reading {
    const atMs = this.#feed.clock.monotonicMs();
    if (this.#known === undefined || atMs - this.#known.atMs > KEPT_MS) {
      this.#known = { reading: readMedia(this.#newest()), atMs };
    }
    return this.#known.reading;
  }

  *#newest(): Generator<Buffer> {
    const { ring } = this.#feed;
    const { entries, head, headMs } = ring;
    const from = entries.findLast(({ mediaMs }) => headMs - mediaMs >= READ_MS) ?? entries[0];
    if (from === undefined) return;
    yield from.prefix;
    const end = Math.min(head, from.position + MOST_BYTES);
    for (let at = from.position; at < end; ) {
      const piece = ring.view(at, end, MOST_BYTES);
      if (piece === undefined) return;
      yield piece;
      at += piece.length;
    }
  }
}
