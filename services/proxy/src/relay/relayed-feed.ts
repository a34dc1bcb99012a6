/** A feed of this worker, as other workers get it. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Owner } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Feed } from '../feed/feed.ts';
import type { FeedHistory, SourceClock } from '../feed/feed-history.ts';
import type { Container } from '../feed/hls/segment-events.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import type { Visit } from '../visit.ts';
import type { RelayedMarks } from './mark-frames.ts';
import type { PlaceAnswer } from './peers.ts';

/** What a relay needs to know about the place of a feed. */
export interface RelayedPlace {
  /** Where readers of the feed here continue; undefined while it is made here. */
  readonly goesOnAt: { readonly owner: Owner | undefined } | undefined;
  /** What a worker is told that cannot reach the owner. */
  readonly placeAnswer: PlaceAnswer | undefined;
  /** Calls back when the feed holds everything made here and another worker makes the rest. The returned function unsubscribes. */
  onLeave(listener: () => void): () => void;
  /** Calls back when another worker than before makes the feed. The returned function unsubscribes. */
  onOwner(listener: () => void): () => void;
}

/** What another worker asks about the segments of a feed. */
export interface SegmentsAsked {
  /** What stands behind the address of the segments. Empty: it wants some in MPEG-TS, until it has had enough. */
  readonly name: string;
  readonly place: RelayedPlace;
  readonly visit: Visit;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly clock: Clock;
}

/** The segments of a feed, as other workers get them. */
export interface RelayedSegments {
  /** Which there are in a container; undefined: none. */
  newsOf(container: Container): SegmentNews | undefined;
  /** Calls back when that has changed. @returns a function that ends the calls */
  onSegment(listener: () => void): () => void;
  /** @returns how many bytes of media that were; none for a name that it does not know */
  answer(asked: SegmentsAsked): Promise<number>;
}

/** A feed for other workers. */
export interface RelayedFeed {
  readonly feed: Feed;
  readonly place: RelayedPlace;
  readonly history: FeedHistory;
  /** How its times relate to those of its source; undefined when not known. */
  readonly sourceClock: () => SourceClock | undefined;
  readonly marks: () => RelayedMarks;
  /** Undefined: it has none. */
  readonly segments?: RelayedSegments | undefined;
  /** Set for a feed that this worker only passes on: it may end here and continue elsewhere. */
  readonly passedOn?: { readonly owner: Owner; readonly isStopped: () => boolean };
  /** Called once, when the relay is over. */
  readonly release: () => void;
}
