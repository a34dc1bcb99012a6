/** What this worker holds in a cluster: feeds, clients, connections. Kept here because the shared registry may lose it. */

import { type Clock, systemClock } from '../../shared/clock.ts';
import { streamOfFeed } from '../feed-keys.ts';
import type { StreamReport } from '../stream-report.ts';
import type {
  ClientRecord,
  MovedFeed,
  Place,
  ProviderConnection,
  RegisteredPlace,
  StreamRecord,
  WorkerIdentity,
} from '../types.ts';
import { type GivenUp, GivenUpList } from './given-up.ts';
import { MemoryRegistry } from './memory-registry.ts';
import { UntoldClients } from './untold-clients.ts';

/** A feed's epoch before any registry has granted one; smaller than every real epoch. */
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
  /** The previous owner, if this worker found it dead while the registry could not be told. */
  readonly dead?: string | undefined;
}

/** A client of this worker. */
export interface HeldClient extends ClientRecord {
  /** Of a session: for how many ms it lasts from now on. */
  readonly lastsMs?: number | undefined;
  /** The registry has known of it. */
  readonly told: boolean;
}

/** Everything a returning registry must be told. */
export interface Holdings {
  readonly streams: readonly StreamRecord[];
  readonly clients: readonly HeldClient[];
  readonly feeds: readonly HeldFeed[];
  readonly connections: readonly ProviderConnection[];
  readonly deleted: readonly Deletion[];
  readonly givenUp: GivenUp;
}

export class LocalHoldings {
  /** The streams that this worker knows, and its own clients and connections. */
  readonly records: MemoryRegistry;
  /** What it has given up while the registry could not be told. */
  readonly givenUp = new GivenUpList();
  /** The clients that it has counted in while the registry could not be told. */
  readonly untold = new UntoldClients();
  /** The feeds that this worker makes, with their epochs. */
  readonly #feeds = new Map<string, number>();
  /** Feeds whose owner was found dead during an outage, with its incarnation. */
  readonly #orphaned = new Map<string, string>();
  /** Feeds that another worker makes, as last known. */
  readonly #others = new Set<string>();
  /** The places of the feeds that another worker has taken over from here, until whoever makes them here is told. */
  readonly #taken = new Map<string, RegisteredPlace>();
  readonly #deleted = new Map<string, number>();
  readonly #clock: Clock;

  /** @param graceMs see MemoryRegistry */
  constructor(me: WorkerIdentity, graceMs: number, clock: Clock = systemClock) {
    this.#clock = clock;
    this.records = new MemoryRegistry(me, graceMs, clock);
  }

  async snapshot(): Promise<Holdings> {
    return {
      streams: await this.records.streams(),
      clients: (await this.records.clients()).map((client) => this.#held(client)),
      feeds: [...this.#feeds].map(([feed, epoch]) => ({ feed, epoch, dead: this.#orphaned.get(feed) })),
      connections: this.records.connections(),
      deleted: [...this.#deleted].map(([id, atMs]) => ({ id, atMs })),
      givenUp: this.givenUp.snapshot,
    };
  }

  #held(client: ClientRecord): HeldClient {
    const told = !this.untold.has(client);
    return client.session === undefined
      ? { ...client, told }
      : { ...client, told, lastsMs: this.records.lastsMs(client) };
  }

  /** The registry may not know of these clients. Those that have left meanwhile are not counted. */
  noteUntold(clients: readonly ClientRecord[]): void {
    for (const client of clients) {
      if (this.records.connectedAtMs(client.streamId, client.id) === client.connectedAtMs || client.session === true)
        this.untold.add(client);
    }
  }

  isMadeElsewhere(feed: string): boolean {
    return this.#others.has(feed);
  }

  isMadeHere(feed: string): boolean {
    return this.#feeds.has(feed);
  }

  /** This worker's own place for a feed when the registry does not answer. */
  unconfirmedPlace(feed: string): Extract<Place, { kind: 'own' }> {
    return { kind: 'own', epoch: this.#feeds.get(feed) ?? UNCONFIRMED_EPOCH };
  }

  /** Its owner is proven dead, but the registry cannot be told. */
  noteDeath(feed: string, deadIncarnation: string): void {
    this.#orphaned.set(feed, deadIncarnation);
  }

  notePlace(feed: string, place: Place): void {
    if (place.kind === 'own') {
      this.#feeds.set(feed, place.epoch);
      this.#others.delete(feed);
      this.#taken.delete(feed);
    } else if (place.kind === 'relay') {
      if (this.#feeds.has(feed)) this.#taken.set(feed, place);
      this.forgetFeed(feed);
      this.#others.add(feed);
    }
  }

  /** The feeds that this worker made, and that the registry has said another worker makes; each is returned once. */
  takeTaken(): MovedFeed[] {
    const taken = [...this.#taken].filter(([feed]) => this.#others.has(feed));
    this.#taken.clear();
    return taken.map(([feed, place]) => ({ feed, place }));
  }

  /** Whether a message about another worker's claim to a feed is out of date: this worker may have won the ownership since. */
  isStale({ feed, place }: MovedFeed): boolean {
    const epoch = this.#feeds.get(feed);
    return place.kind === 'relay' && epoch !== undefined && epoch > place.owner.epoch;
  }

  forgetFeed(feed: string): void {
    this.#feeds.delete(feed);
    this.#orphaned.delete(feed);
    this.#others.delete(feed);
  }

  /** @returns whether the stream existed */
  async deleteStream(id: string): Promise<boolean> {
    const nowMs = this.#clock.wallMs();
    for (const [each, atMs] of this.#deleted) if (nowMs - atMs > DELETED_MS) this.#deleted.delete(each);
    this.#deleted.set(id, nowMs);
    return this.forgetStream(id);
  }

  /** What this worker itself knows of a stream. */
  streamReport(id: string): StreamReport {
    const viewers = this.records.viewersOf(id);
    return { stream: this.records.remembered(id), viewers, deletedAtMs: this.#deleted.get(id) };
  }

  /**
   * The stream was deleted. The feeds that this worker makes stay until it gives them up: the stream may be created anew before it has
   * ended them, and then they go on.
   */
  async forgetStream(id: string): Promise<boolean> {
    for (const feed of this.#others) if (streamOfFeed(feed) === id) this.#others.delete(feed);
    return this.records.deleteStream(id);
  }

  /** The stream exists, perhaps again. */
  adoptStream(stream: StreamRecord): void {
    this.#deleted.delete(stream.id);
    this.records.adoptStream(stream);
  }
}
