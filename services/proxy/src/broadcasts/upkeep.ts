/** Compares the broadcasts of the registry with what is stored: writes back what the registry has lost, and says what is too much. */

import { hasEnded, type ShownBroadcast } from '../../../registry/broadcasts/broadcast.ts';
import type { Registry } from '../../../registry/registry.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { BroadcastReading } from './broadcast-reading.ts';
import { beyondLimits, type RecordingLimits } from './store/limits.ts';
import { newestIndex } from './store/reading.ts';
import { type RecordingStore, StoreError } from './store/recording-store.ts';

export interface UpkeepDeps {
  readonly registry: Pick<Registry, 'broadcasts'>;
  readonly stores: { readonly kept: RecordingStore; readonly window: RecordingStore };
  readonly reading: Pick<BroadcastReading, 'newest'>;
  /** Of kept sequences. */
  readonly limits: RecordingLimits;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
}

export interface Compared {
  readonly all: readonly ShownBroadcast[];
  /** Ids of those that the limits remove. */
  readonly beyond: readonly string[];
  /** Something is stored that the registry does not have: whether it has lost that, or it was removed, the next comparison tells. */
  readonly isUncertain: boolean;
}

export class Upkeep {
  readonly #deps: UpkeepDeps;
  /** What the registry did not have at the last comparison; undefined: this is the first. */
  #missing: ReadonlySet<string> | undefined;

  constructor(deps: UpkeepDeps) {
    this.#deps = deps;
  }

  async compare(): Promise<Compared> {
    const { registry, stores, limits, clock } = this.#deps;
    const known = new Set((await registry.broadcasts.list()).map(({ id }) => id));
    const missing = new Set<string>();
    for (const store of [stores.kept, stores.window]) {
      for (const id of await this.#idsIn(store)) {
        if (known.has(id)) continue;
        // What another worker has removed a moment ago is gone from here when this worker hears of it.
        if (this.#missing === undefined || this.#missing.has(id)) await this.#restore(store, id);
        else missing.add(id);
      }
    }
    this.#missing = missing;
    const all = await registry.broadcasts.list();
    const recordings = all
      .filter(({ order }) => order.kept)
      .map(({ id, progress }) => ({ id, bytes: progress?.bytes ?? 0, endedAtMs: progress?.endedAtMs }));
    return { all, beyond: beyondLimits(recordings, limits, clock.wallMs()), isUncertain: missing.size > 0 };
  }

  /** None of a store that cannot be read now: network channels need none, and go on. */
  async #idsIn(store: RecordingStore): Promise<readonly string[]> {
    try {
      return await store.ids();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#deps.log.warn({ err: error }, 'nobody can say which recordings there are');
      return [];
    }
  }

  async #restore(store: RecordingStore, id: string): Promise<void> {
    const { registry, reading } = this.#deps;
    // What is here may be older than what another worker has in a folder of its own.
    const index = store.isShared ? await newestIndex(store, id) : await reading.newest(id);
    if (index === undefined) return;
    await registry.broadcasts.restore({ id, order: index.order, isStopped: hasEnded(index.state) });
  }
}
