/**
 * Gives slots of streams up in the registry. Who wants to begin the feed of such a slot meanwhile waits: the registry might give the
 * feed away a moment later.
 */

import { processFeedKey } from '../../../registry/feed-keys.ts';
import type { FeedOwners, Viewers } from '../../../registry/registry.ts';

export class SlotReleases {
  readonly #registry: Pick<Viewers & FeedOwners, 'releaseSlot' | 'release'>;
  /** By the feed's key in the registry. */
  readonly #underWay = new Map<string, Set<Promise<unknown>>>();

  constructor(registry: Pick<Viewers & FeedOwners, 'releaseSlot' | 'release'>) {
    this.#registry = registry;
  }

  /** Gives a slot up that nobody is in. False when somebody is. */
  ofEmpty(streamId: string, slot: number): Promise<boolean> {
    return this.#note(processFeedKey(streamId, slot), this.#registry.releaseSlot(streamId, slot));
  }

  /** Gives a slot up whose feed cannot be made here, whoever is in it. */
  ofUnmade(streamId: string, slot: number): Promise<void> {
    const feed = processFeedKey(streamId, slot);
    return this.#note(feed, this.#registry.release(feed));
  }

  /** Resolves when it is decided whether a slot is given up; undefined when nothing is under way. */
  decision(streamId: string, slot: number): Promise<unknown> | undefined {
    const underWay = this.#underWay.get(processFeedKey(streamId, slot));
    return underWay && Promise.allSettled(underWay);
  }

  async #note<T>(feed: string, release: Promise<T>): Promise<T> {
    const underWay = this.#underWay.get(feed) ?? new Set();
    this.#underWay.set(feed, underWay.add(release));
    try {
      return await release;
    } finally {
      underWay.delete(release);
      if (underWay.size === 0) this.#underWay.delete(feed);
    }
  }
}
