/** All source feeds of this worker: at most one per source URL and credentials. Each is open while it has readers. */

import { createHash } from 'node:crypto';
import { sourceFeedKey } from '../../../registry/feed-keys.ts';
import type { FeedOwners, FeedStarts } from '../../../registry/registry.ts';
import type { FeedPlace, PlaceOf } from '../ownership/feed-place.ts';
import { type KnownPlace, knownPlace } from '../ownership/known-place.ts';
import type { RelayedFeed } from '../relay/relayed-feed.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';
import { hintFromUrl, type SourceKind } from '../upstream/provider/source-kind.ts';
import { type SourceBeginning, SourceFeed, type SourceFeedDeps } from './source-feed.ts';

/** A source that is open for one reader until `release`. */
export interface SourceLease {
  readonly kind: SourceKind['kind'];
  /** The live MPEG-TS; undefined for any other kind of source, which FFmpeg opens itself. */
  readonly feed: SourceFeed | undefined;
  release(): void;
}

export interface SourceStatus {
  readonly url: string;
  readonly readers: number;
  readonly ringBytes: number;
  readonly place: KnownPlace;
}

interface Entry {
  readonly url: string;
  readonly source: SourceFeed;
  leases: number;
  /** Closes it if no reader comes back. */
  lingering: NodeJS.Timeout | undefined;
}

/** A worker dials a cut relay again after 250 ms. Until then the provider's connection stays open. */
const RELAY_LINGER_MS = 1_000;

export interface SourceFeedsDeps extends Omit<SourceFeedDeps, 'takeConnection' | 'account'> {
  readonly registry: FeedOwners & FeedStarts;
  readonly placeOf: PlaceOf;
}

export class SourceFeeds {
  readonly #deps: SourceFeedsDeps;
  readonly #connections: ProviderConnections;
  readonly #entries = new Map<string, Entry>();
  readonly #opening = new Map<string, Promise<Entry>>();
  /** Connections that are being closed. A provider counts them until they are closed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(deps: SourceFeedsDeps, connections: ProviderConnections) {
    this.#deps = deps;
    this.#connections = connections;
  }

  get size(): number {
    return this.#entries.size;
  }

  get heldBytes(): number {
    return this.status().reduce((bytes, { ringBytes }) => bytes + ringBytes, 0);
  }

  status(): SourceStatus[] {
    return [...this.#entries.values()].map(({ url, source }) => ({
      url,
      readers: source.feed.readerCount,
      ringBytes: source.feed.ring.heldBytes,
      place: source.place.current,
    }));
  }

  /**
   * Opens a source, or joins its readers.
   *
   * @param streamId the stream that reads the source
   * @param signal abandons the source while it is still being opened
   * @param beginning where a source that is not open here begins
   * @throws {SourceError} when it cannot be opened
   * @throws {StreampoolError} 503 at the provider's connection limit
   */
  async acquire(
    streamId: string,
    address: SourceAddress,
    signal: AbortSignal,
    beginning: SourceBeginning = {},
  ): Promise<SourceLease> {
    const hint = hintFromUrl(address.url);
    if (hint === 'hls' || hint === 'finite') return this.#openedByFfmpeg(hint, streamId, address, signal);
    const key = keyOf(address);
    const entry = await this.#entry(key, address, beginning);
    const lease = this.#lease(key, entry);
    signal.addEventListener('abort', lease.release, { once: true });
    if (signal.aborted) lease.release();
    try {
      const { kind } = await entry.source.opened;
      if (kind === 'mpegts') return lease;
      lease.release();
      await this.settle();
      return await this.#openedByFfmpeg(kind, streamId, address, signal);
    } catch (error) {
      lease.release();
      throw error;
    } finally {
      signal.removeEventListener('abort', lease.release);
    }
  }

  /** The place of a source of this worker, by its key in the registry. */
  placeOf(feed: string): FeedPlace | undefined {
    return [...this.#entries.values()].map(({ source }) => source.place).find((place) => place.feed === feed);
  }

  /** Closes sources that hold a connection to a provider account and have no reader. Resolves when they are closed. */
  async endIdle(account: string): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (entry.lingering !== undefined && entry.leases === 0 && entry.source.account === account)
        this.#close(key, entry);
    }
    await this.settle();
  }

  /** Resolves when every abandoned connection is closed. */
  async settle(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Closes everything. Resolves when no connection is left. Followers may then open the sources themselves. */
  async close(): Promise<void> {
    await Promise.allSettled(this.owned.map(({ place }) => place.giveUp()));
    await Promise.all([...this.#entries.values()].map((entry) => entry.source.close()));
    this.#entries.clear();
    await this.settle();
  }

  async #openedByFfmpeg(
    kind: SourceLease['kind'],
    streamId: string,
    address: SourceAddress,
    signal: AbortSignal,
  ): Promise<SourceLease> {
    return { kind, feed: undefined, release: await this.#connections.acquire(streamId, address, signal) };
  }

  #lease(key: string, entry: Entry, lingerMs = 0): SourceLease {
    clearTimeout(entry.lingering);
    entry.lingering = undefined;
    entry.leases++;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      entry.leases--;
      if (entry.leases > 0) return;
      if (lingerMs === 0 || entry.source.place.current.kind !== 'own') this.#close(key, entry);
      else entry.lingering = setTimeout(() => this.#close(key, entry), lingerMs);
    };
    return { kind: 'mpegts', feed: entry.source, release };
  }

  async #entry(key: string, address: SourceAddress, beginning: SourceBeginning): Promise<Entry> {
    for (;;) {
      const known = this.#entries.get(key);
      if (known !== undefined) return known;
      const opening = this.#opening.get(key) ?? this.#open(key, address, beginning);
      const entry = await opening;
      // When several wait for it and the first leaves at once, it may be over already.
      if (this.#entries.get(key) === entry) return entry;
    }
  }

  #open(key: string, address: SourceAddress, beginning: SourceBeginning): Promise<Entry> {
    const opening = this.#openHere(key, address, beginning).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  async #openHere(key: string, address: SourceAddress, beginning: SourceBeginning): Promise<Entry> {
    const { registry, placeOf } = this.#deps;
    await this.settle();
    const feed = sourceFeedKey(key);
    const first = await knownPlace(registry, feed);
    const place = placeOf(feed, first, () => false);
    const takeConnection = (signal: AbortSignal) => this.#connections.acquire(feed, address, signal);
    const account = this.#connections.watch(address);
    const source = new SourceFeed(address, place, { ...this.#deps, takeConnection, account }, beginning);
    const entry: Entry = { url: address.url, source, leases: 0, lingering: undefined };
    this.#entries.set(key, entry);
    entry.source.feed.onEnd(() => {
      // A reader that comes after its end opens the source anew.
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      if (place.isOriginal) void registry.release(feed).catch(() => undefined);
    });
    return entry;
  }

  /**
   * A source for another worker that relays it. Undefined when it is not open here, or this worker is not its owner.
   * Call `release` when the relay is over.
   *
   * @param via also accept a source that is relayed here
   */
  async relay(key: string, via: boolean): Promise<RelayedFeed | undefined> {
    const entry = this.#entries.get(key) ?? (await this.#opening.get(key));
    if (via) return entry && this.#passOn(key, entry);
    if (entry === undefined) {
      // Release the record of a source that is not open, because it would mislead the other workers.
      await this.#deps.registry.release(sourceFeedKey(key));
      return undefined;
    }
    const { source } = entry;
    const { feed, place, history } = source;
    if (!place.isOriginal) return undefined;
    const { release } = this.#lease(key, entry, RELAY_LINGER_MS);
    return { feed, place, history, sourceClock: () => source.sourceClock, release };
  }

  /** For a worker that cannot reach the owner. */
  #passOn(key: string, entry: Entry): RelayedFeed | undefined {
    const { source } = entry;
    const { feed, place, history } = source;
    if (place.placeAnswer === undefined) return undefined;
    const passedOn = { owner: place.placeAnswer.owner, isStopped: () => source.isStopped };
    const { release } = this.#lease(key, entry);
    return { feed, place, history, sourceClock: () => source.sourceClock, passedOn, release };
  }

  /**
   * Gets ready to own a source that is relayed here. Returns false when it is not relayed here, or this worker cannot.
   */
  async prepare(key: string): Promise<boolean> {
    return (await this.#entries.get(key)?.source.prepare()) ?? false;
  }

  /** The sources that this worker reads itself. */
  get owned(): SourceFeed[] {
    return [...this.#entries.values()].map(({ source }) => source).filter(({ place }) => place.isOriginal);
  }

  #close(key: string, entry: Entry): void {
    clearTimeout(entry.lingering);
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    const closed = entry.source.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

/** The key of a source's feed in the registry. */
export function sourceFeedOf(address: SourceAddress): string {
  return sourceFeedKey(keyOf(address));
}

function keyOf({ url, headers, userAgent }: SourceAddress): string {
  const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([url, sorted, userAgent]))
    .digest('hex');
}
