/** A feed of this worker, as other workers get it. */

import type { Owner } from '../../../registry/types.ts';
import type { Feed } from '../feed/feed.ts';
import type { FeedHistory, SourceClock } from '../feed/feed-history.ts';
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

/** A feed for other workers. */
export interface RelayedFeed {
  readonly feed: Feed;
  readonly place: RelayedPlace;
  readonly history: FeedHistory;
  /** How its times relate to those of its source; undefined when not known. */
  readonly sourceClock: () => SourceClock | undefined;
  readonly marks: () => RelayedMarks;
  /** Set for a feed that this worker only passes on: it may end here and continue elsewhere. */
  readonly passedOn?: { readonly owner: Owner; readonly isStopped: () => boolean };
  /** Called once, when the relay is over. */
  readonly release: () => void;
}
