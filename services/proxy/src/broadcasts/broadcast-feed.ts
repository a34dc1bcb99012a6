/** The feed that a broadcast is cut from: a stream's own, which it keeps from ending and takes no viewer's place at. */

import { processFeedKey } from '../../../registry/feed-keys.ts';
import type { FeedStarts } from '../../../registry/registry.ts';
import type { StreamRecord } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import { knownPlace } from '../ownership/known-place.ts';
import type { ProcessFeeds } from '../processes/process-feeds.ts';

/** A feed in use. */
export interface BroadcastFeed {
  /** Of its FFmpeg, if this worker runs one. */
  readonly pid: number | undefined;
  /** Why it has ended; undefined: it has not, or as it should. */
  readonly failure: Error | undefined;
  readonly isOver: boolean;
  /** Its source has no end: what is not recorded in time is gone. */
  readonly isLive: boolean;
  /** Its source has sent media, if not a whole segment yet. */
  readonly hasMedia: boolean;
  /** Its source has an end, and it has been played to there. */
  readonly isComplete: boolean;
  /** Where in a film a picture is that is shown at this PTS, both in s; undefined: its clock does not say that. */
  readonly secondsOf?: ((shownAt: number) => number) | undefined;
  /** Which segments there are; undefined: none yet. */
  readonly news: SegmentNews | undefined;
  /** Calls back when there are others, and at the end. @returns a function that ends the calls */
  onSegment(listener: () => void): () => void;
  /** The media of one. @throws {Error} when it is not there any more */
  media(n: number, signal: AbortSignal): Promise<Buffer>;
  /** It is no longer in use. */
  release(): void;
}

export interface BroadcastFeedDeps {
  readonly registry: FeedStarts;
  readonly feeds: Pick<ProcessFeeds, 'acquire' | 'follow' | 'slotsOf'>;
  readonly clock: Clock;
}

/**
 * @throws {StreampoolError} 503 when this worker runs as many processes as it may
 * @throws by the signal
 */
export async function openFeed(
  { registry, feeds, clock }: BroadcastFeedDeps,
  stream: StreamRecord,
  signal: AbortSignal,
): Promise<BroadcastFeed> {
  feeds.follow(stream);
  const [slot = 0] = feeds.slotsOf(stream.id);
  const place = await knownPlace(registry, processFeedKey(stream.id, slot), signal, clock);
  const { process, release } = await feeds.acquire(stream, slot, place, { converts: true });
  const wanted = process.segments.want();
  const leave = () => {
    wanted.release();
    release();
  };
  try {
    signal.throwIfAborted();
    const segments = wanted.of('ts');
    return {
      get pid() {
        return process.pid;
      },
      get failure() {
        const { end } = process.feed;
        return end?.kind === 'failed' ? end.error : undefined;
      },
      get isOver() {
        return process.feed.end !== undefined;
      },
      isLive: true,
      isComplete: false,
      get hasMedia() {
        return process.feed.ring.head > 0;
      },
      get news() {
        return process.segments.newsOf('ts');
      },
      onSegment: (listener) => process.segments.onSegment(listener),
      media: (n, given) => segments.segment(n, given),
      release: leave,
    };
  } catch (error) {
    leave();
    throw error;
  }
}
