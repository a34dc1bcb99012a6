/** What this worker holds in a cluster, kept here because the shared registry may forget it: feeds, clients, connections. */

import { streamOfFeed } from '../feed-keys.ts';
import type { StreamReport } from '../stream-report.ts';
import type { ClientRecord, MovedFeed, Place, ProviderConnection, StreamRecord, WorkerIdentity } from '../types.ts';
import { MemoryRegistry } from './memory-registry.ts';

/** A feed's epoch before any registry has granted it: less than every other. */
const UNCONFIRMED_EPOCH = 0;
/** How long a deletion is remembered, for a registry that comes back without it. */
const DELETED_MS = 3_600_000;

export interface Deletion {
  readonly id: string;
  readonly atMs: number;
}

/** A feed that this worker makes. */
export interface HeldFeed {
  readonly feed: string;
  readonly epoch: number;
  /** Its owner before, whose death this worker has found proven while nobody could be told. */
  readonly dead?: string | undefined;
}

/** All that a registry has to be told when it comes back. */
export interface Holdings {
  readonly streams: readonly StreamRecord[];
  readonly clients: readonly ClientRecord[];
  readonly feeds: readonly HeldFeed[];
  readonly connections: readonly ProviderConnection[];
  readonly deleted: readonly Deletion[];
}

export class LocalHoldings {
  /** Streams this worker has met, its own clients and connections. */
  readonly records: MemoryRegistry;
  /** Feeds this worker makes, with their epochs. */
  readonly #feeds = new Map<string, number>();
  /** Feeds whose owner was found dead during an outage, with his incarnation. */
  readonly #orphaned = new Map<string, string>();
  /** Feeds that another worker makes, as far as is known. */
  readonly #others = new Set<string>();
  readonly #deleted = new Map<string, number>();

  /** @param graceMs as MemoryRegistry has it */
  constructor(me: WorkerIdentity, graceMs: number) {
    this.records = new MemoryRegistry(me, graceMs);
  }

  async snapshot(): Promise<Holdings> {
    return {
      streams: await this.records.streams(),
      clients: await this.records.clients(),
      feeds: [...this.#feeds].map(([feed, epoch]) => ({ feed, epoch, dead: this.#orphaned.get(feed) })),
      connections: this.records.connections(),
      deleted: [...this.#deleted].map(([id, atMs]) => ({ id, atMs })),
    };
  }

  isMadeElsewhere(feed: string): boolean {
    return this.#others.has(feed);
  }

  isMadeHere(feed: string): boolean {
    return this.#feeds.has(feed);
  }

  /** This worker's own place for a feed when nobody can be asked. */
  unconfirmedPlace(feed: string): Extract<Place, { kind: 'own' }> {
    return { kind: 'own', epoch: this.#feeds.get(feed) ?? UNCONFIRMED_EPOCH };
  }

  /** Its owner is proven dead, with nobody to tell. */
  noteDeath(feed: string, deadIncarnation: string): void {
    this.#orphaned.set(feed, deadIncarnation);
  }

  notePlace(feed: string, place: Place): void {
    if (place.kind === 'own') {
      this.#feeds.set(feed, place.epoch);
      this.#others.delete(feed);
    } else if (place.kind === 'relay') {
      this.forgetFeed(feed);
      this.#others.add(feed);
    }
  }

  /** Whether another worker's claim to a feed is news: it may be about an ownership that this worker has won since. */
  isStale({ feed, place }: MovedFeed): boolean {
    const epoch = this.#feeds.get(feed);
    return place.kind === 'relay' && epoch !== undefined && epoch > place.owner.epoch;
  }

  forgetFeed(feed: string): void {
    this.#feeds.delete(feed);
    this.#orphaned.delete(feed);
    this.#others.delete(feed);
  }

  /** @returns whether there was such a stream */
  async deleteStream(id: string, nowMs = Date.now()): Promise<boolean> {
    for (const [each, atMs] of this.#deleted) if (nowMs - atMs > DELETED_MS) this.#deleted.delete(each);
    this.#deleted.set(id, nowMs);
    return this.forgetStream(id);
  }

  /** What this worker knows of a stream by itself. */
  streamReport(id: string): StreamReport {
    const viewers = this.records.viewersOf(id);
    return { stream: this.records.remembered(id), viewers, deletedAtMs: this.#deleted.get(id) };
  }

  /** Somebody else has deleted it. */
  async forgetStream(id: string): Promise<boolean> {
    for (const feed of [...this.#feeds.keys(), ...this.#others]) {
      if (streamOfFeed(feed) === id) this.forgetFeed(feed);
    }
    return this.records.deleteStream(id);
  }

  /** It exists (again). */
  adoptStream(stream: StreamRecord): void {
    this.#deleted.delete(stream.id);
    this.records.adoptStream(stream);
  }
}
