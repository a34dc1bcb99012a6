/** Tells that a source feed has no input, and that it has one again. */

import type { EventTeller } from '../../../registry/registry.ts';
import type { Feed } from '../feed/feed.ts';

export interface SourceNewsDeps {
  readonly feed: Feed;
  readonly registry: EventTeller;
  readonly workerId: string;
}

export class SourceNews {
  readonly #deps: SourceNewsDeps;
  /** Failures of the outage of now; 0: there is none. */
  #attempt = 0;

  constructor(deps: SourceNewsDeps) {
    this.#deps = deps;
  }

  /**
   * The input has failed. The first failure of an outage is told; the next media ends it.
   * @param source the URL, masked
   */
  lost(reason: string, source: string): void {
    const { feed, registry, workerId } = this.#deps;
    this.#attempt++;
    if (this.#attempt > 1) return;
    const { head } = feed.ring;
    const lastMs = feed.lastMediaMs;
    registry.tellEvent({ type: 'source_lost', data: { worker_id: workerId, reason, source } });
    const stop = feed.onPublish(() => {
      if (feed.ring.head === head) return;
      stop();
      const outageMs = lastMs === undefined ? undefined : Math.round(feed.clock.monotonicMs() - lastMs);
      const data = { worker_id: workerId, source, attempt: this.#attempt, outage_ms: outageMs };
      this.#attempt = 0;
      registry.tellEvent({ type: 'source_back', data });
    });
    feed.onEnd(stop);
  }
}
