/** All feeds of this worker, for what treats process feeds and source feeds alike. Empty until the kinds are added. */

import type { FeedPlace } from '../ownership/feed-place.ts';

/** The feeds of one kind. */
export interface FeedKind {
  readonly size: number;
  /** The place of a feed of this worker, by its key in the registry. */
  placeOf(feed: string): FeedPlace | undefined;
  /** Ends feeds that hold a connection to a provider account and serve nobody. Resolves when the connections are closed. */
  endIdle(account: string): Promise<void>;
}

export class FeedsHere {
  #kinds: readonly FeedKind[] = [];

  /** @param kinds those that read others first: when they end, the ones that they read become idle */
  add(...kinds: readonly FeedKind[]): void {
    this.#kinds = [...this.#kinds, ...kinds];
  }

  get size(): number {
    return this.#kinds.reduce((sum, { size }) => sum + size, 0);
  }

  placeOf(feed: string): FeedPlace | undefined {
    for (const kind of this.#kinds) {
      const place = kind.placeOf(feed);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  async endIdle(account: string): Promise<void> {
    for (const kind of this.#kinds) await kind.endIdle(account);
  }
}
