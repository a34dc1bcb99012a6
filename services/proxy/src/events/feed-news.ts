/** Tells what interrupts a stream's feed, and for how long its viewers got nothing. */

import type { EventTeller } from '../../../registry/registry.ts';
import type { Owner } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Feed } from '../feed/feed.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { viewersStayed } from '../ownership/handover.ts';
import { tellFailure } from './stream-failure.ts';

export interface FeedNewsDeps {
  readonly feed: Feed;
  readonly place: FeedPlace;
  readonly registry: EventTeller;
  readonly streamId: string;
  /** The stream's. */
  readonly name: string;
  readonly slot: number;
  readonly log: Logger;
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
      this.#tellWithMedia('takeover', data, (gapMs, clientsKept) => this.#logTakeover(from, epoch, gapMs, clientsKept));
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

  #logTakeover({ workerId: from }: Owner, epoch: number, gapMs: number | undefined, clientsKept?: number): void {
    const { place, streamId, name, slot, log } = this.#deps;
    const to = place.me.workerId;
    const gap = gapMs === undefined ? '' : `: ${gapMs} ms without media`;
    const said = { type: 'takeover', stream: streamId, slot, from, to, epoch, gapMs, clientsKept };
    log.warn(said, `${to} took ${name} over from ${from}${gap}${viewersStayed(clientsKept)}`);
  }

  /**
   * The event comes with the next media, if this worker still makes the feed then.
   * @param onAnswer called when the registry has the event, or does not answer
   */
  #tellWithMedia(
    type: 'takeover' | 'ffmpeg_restarted',
    data: Readonly<Record<string, unknown>>,
    onAnswer?: (gapMs: number | undefined, clientsKept: number | undefined) => void,
  ): void {
    const { feed, place, registry, streamId, slot } = this.#deps;
    const { head } = feed.ring;
    const lastMs = feed.lastMediaMs;
    const stop = feed.onPublish(() => {
      if (feed.ring.head === head) return;
      stop();
      if (!place.isOriginal) return;
      // Without it the feed had no media yet, so nobody waited.
      const gapMs = lastMs === undefined ? undefined : Math.round(feed.clock.monotonicMs() - lastMs);
      const event = { type, streamId, data: { worker_id: place.me.workerId, slot, ...data, gap_ms: gapMs } };
      registry.tellEvent(event, (clientsKept) => onAnswer?.(gapMs, clientsKept));
    });
    feed.onEnd(stop);
  }
}
