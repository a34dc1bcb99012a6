/** Tells what interrupts a stream's feed, and for how long its viewers got nothing. */

import type { EventTeller } from '../../../registry/registry.ts';
import type { Feed } from '../feed/feed.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { tellFailure } from './stream-failure.ts';

export interface FeedNewsDeps {
  readonly feed: Feed;
  readonly place: FeedPlace;
  readonly registry: EventTeller;
  readonly streamId: string;
  readonly slot: number;
}

export class FeedNews {
  readonly #deps: FeedNewsDeps;

  /** It watches the feed for as long as that lives. */
  constructor(deps: FeedNewsDeps) {
    this.#deps = deps;
    const { feed, place, registry, streamId, slot } = deps;
    feed.onEnd(() => {
      // Where it was read from another worker, that one tells it.
      if (feed.end?.kind !== 'failed' || !place.isOriginal) return;
      tellFailure(registry, streamId, feed.end.error, { worker_id: place.me.workerId, slot });
    });
    place.onTakeover((from, epoch) => {
      const to = place.me.workerId;
      const data = { from: from.workerId, from_incarnation: from.incarnation, to, epoch };
      this.#tellWithMedia('takeover', data);
    });
  }

  /**
   * FFmpeg has ended, and another one replaces it.
   * @param cause a class of exit.ts
   * @param detail a sentence, masked
   */
  restarted(cause: string, detail: string): void {
    this.#tellWithMedia('ffmpeg_restarted', { cause, detail });
  }

  /** The event comes with the next media, if this worker still makes the feed then. */
  #tellWithMedia(type: 'takeover' | 'ffmpeg_restarted', data: Readonly<Record<string, unknown>>): void {
    const { feed, place, registry, streamId, slot } = this.#deps;
    const { head } = feed.ring;
    const lastMs = feed.lastMediaMs;
    const stop = feed.onPublish(() => {
      if (feed.ring.head === head) return;
      stop();
      if (!place.isOriginal) return;
      // Without it the feed had no media yet, so nobody waited.
      const gapMs = lastMs === undefined ? undefined : Math.round(feed.clock.monotonicMs() - lastMs);
      registry.tellEvent({ type, streamId, data: { worker_id: place.me.workerId, slot, ...data, gap_ms: gapMs } });
    });
    feed.onEnd(stop);
  }
}
