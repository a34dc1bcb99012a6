/** A feed of this worker as it is relayed to others. */

import type { Owner } from '../../../registry/types.ts';
import type { Feed } from '../feed/feed.ts';
import type { FeedHistory, SourceClock } from '../feed/feed-history.ts';

/** Where a feed is made, as far as a relay has to know it. */
export interface RelayedPlace {
  /** Where those who read the feed here find it from now on; undefined while it is made here. */
  readonly goesOnAt: { readonly owner: Owner | undefined } | undefined;
  /** Calls back when all that was made here is in the feed, and the rest is made elsewhere. Call the answer to end that. */
  onLeave(listener: () => void): () => void;
}

/** A feed as others may have it. */
export interface RelayedFeed {
  readonly feed: Feed;
  readonly place: RelayedPlace;
  readonly history: FeedHistory;
  /** How its times relate to those of its source, as far as that is known. */
  readonly sourceClock: () => SourceClock | undefined;
  /** Set for one that this worker only passes on: it may end here and go on elsewhere. */
  readonly passedOn?: { readonly owner: Owner; readonly isStopped: () => boolean };
  /** Called once, when the relay is over. */
  readonly release: () => void;
}
