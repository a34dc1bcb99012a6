/** Tells the worker that makes a feed, whichever that is, that its segments are wanted here, as long as this one does not make it itself. */

import { pauseBy } from '../async.ts';
import type { Container } from '../feed/hls/segment-events.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { peerOf, wantSegments } from './media/segments-run.ts';

export interface WantedSegmentsDeps {
  readonly place: FeedPlace;
  readonly container: Container;
  /** What this worker knows already. */
  readonly known: () => SegmentNews | undefined;
}

/** After a connection that ended: a new owner is known sooner than that, or not at all yet. */
const ASK_AGAIN_MS = 250;

export class WantedSegments {
  readonly #deps: WantedSegmentsDeps;
  readonly #over = new AbortController();

  constructor(deps: WantedSegmentsDeps) {
    this.#deps = deps;
    void this.#run();
  }

  close(): void {
    this.#over.abort();
  }

  async #run(): Promise<void> {
    const { place, container, known } = this.#deps;
    while (!this.#over.signal.aborted) {
      const peer = peerOf(place);
      const input = new AbortController();
      const unsubscribe = place.onOwner(() => input.abort());
      const signal = AbortSignal.any([this.#over.signal, input.signal]);
      if (peer === undefined) await aborted(signal);
      else await wantSegments(peer, { container, known: known(), me: place.me }, signal);
      unsubscribe();
      if (!signal.aborted) await pauseBy(place.wire.clock, ASK_AGAIN_MS, signal);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
