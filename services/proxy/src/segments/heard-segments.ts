/** Hears of a feed's segments from the worker that makes the feed, whichever that is, as long as this one does not make it itself. */

import { pauseBy } from '../async.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { hearSegments, type SegmentsPeer } from './segments-run.ts';

export interface HeardSegmentsDeps {
  readonly place: FeedPlace;
  /** What this worker knows already. */
  readonly known: () => SegmentNews | undefined;
  readonly onNews: (news: SegmentNews) => void;
}

/** After a connection that ended: a new owner is known sooner than that, or not at all yet. */
const ASK_AGAIN_MS = 250;

export class HeardSegments {
  readonly #deps: HeardSegmentsDeps;
  readonly #over = new AbortController();

  constructor(deps: HeardSegmentsDeps) {
    this.#deps = deps;
    void this.#run();
  }

  close(): void {
    this.#over.abort();
  }

  async #run(): Promise<void> {
    const { place, known, onNews } = this.#deps;
    while (!this.#over.signal.aborted) {
      const peer = peerOf(place);
      const input = new AbortController();
      const unsubscribe = place.onOwner(() => input.abort());
      const signal = AbortSignal.any([this.#over.signal, input.signal]);
      if (peer === undefined) await aborted(signal);
      else await hearSegments(peer, known(), onNews, signal);
      unsubscribe();
      if (!signal.aborted) await pauseBy(place.wire.clock, ASK_AGAIN_MS, signal);
    }
  }
}

/** Whom to ask for the segments of a feed; undefined: this worker makes it. */
export function peerOf(place: FeedPlace): SegmentsPeer | undefined {
  const { current, feed, secret, wire } = place;
  return current.kind === 'own' ? undefined : { feed, owner: current.owner, via: current.via, secret, wire };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
