/** The HLS sources that this worker reads, or asks the provider of for others. Each is open while somebody reads it. */

import type { FeedOwners, FeedStarts } from '../../../../registry/registry.ts';
import type { WorkerIdentity } from '../../../../registry/types.ts';
import type { Timer } from '../../../../shared/clock.ts';
import type { FeedPlace, PlaceOf } from '../../ownership/feed-place.ts';
import { knownPlace } from '../../ownership/known-place.ts';
import type { FetchedFeed } from '../../relay/fetch-answer.ts';
import type { HlsLease } from '../../upstream/hls/hls-upstream.ts';
import type { SourceAddress } from '../../upstream/provider/source-address.ts';
import { hlsFeedOf } from '../../upstream/provider/source-key.ts';
import { HlsFeed, type HlsFeedDeps } from './hls-feed.ts';

export interface HlsFeedsDeps extends Omit<HlsFeedDeps, 'acquire' | 'onFetched'> {
  readonly registry: FeedOwners & FeedStarts;
  readonly placeOf: PlaceOf;
  /** How long a viewer may ask for nothing: CLIENT_TIMEOUT. */
  readonly clientTimeoutMs: number;
}

interface Entry {
  readonly feed: Promise<HlsFeed>;
  /** Once it is known where it is asked. */
  opened: HlsFeed | undefined;
  readers: number;
}

/** Another worker that has asked nothing for so many target durations reads it no more, or for CLIENT_TIMEOUT if that is longer. */
const KEPT_TARGETS = 3;
const SWEEP_MS = 1_000;

export class HlsFeeds {
  /** They have no rings, which is what the feeds of a worker share memory for. */
  readonly size = 0;
  readonly #deps: HlsFeedsDeps;
  /** By key in the registry. */
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new Set<Promise<void>>();
  readonly #sweeper: Timer;
  #fetched = 0;

  constructor(deps: HlsFeedsDeps) {
    this.#deps = deps;
    this.#sweeper = deps.clock.setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Opens a source for one reader of this worker. */
  of(address: SourceAddress): HlsLease {
    const key = hlsFeedOf(address);
    const entry = this.#entries.get(key) ?? this.#open(key, address);
    entry.readers += 1;
    let isReleased = false;
    return {
      name: key,
      isSingle: this.#deps.requests.isSingle,
      playlist: async (ask) => (await entry.feed).playlist(ask),
      media: async (ask) => (await entry.feed).media(ask),
      release: (isLeft) => {
        if (isReleased) return;
        isReleased = true;
        entry.readers -= 1;
        if (entry.readers === 0 && (isLeft || !this.#isFollowed(entry))) this.#close(key, entry);
      },
    };
  }

  /** Requests to providers since the start. */
  get requestCount(): number {
    return this.#deps.requests.count;
  }

  /** Media that came from other workers. */
  get fetchedCount(): number {
    return this.#fetched;
  }

  /** How often a reader needed no request, to the provider or to another worker. */
  get cacheHits(): number {
    return this.#deps.cache.hits;
  }

  /** Bytes of media that are kept. */
  get heldBytes(): number {
    return this.#deps.cache.heldBytes;
  }

  placeOf(feed: string): FeedPlace | undefined {
    return this.#entries.get(feed)?.opened?.place;
  }

  /** The sources that this worker asks the provider of. */
  get owned(): readonly HlsFeed[] {
    return this.#opened().filter(({ place }) => place.isOriginal);
  }

  /** The workers that read a source through this one. */
  followersOf(key: string): readonly WorkerIdentity[] {
    const feed = this.#entries.get(key)?.opened;
    return feed === undefined ? [] : feed.followers(this.#keptMs(feed));
  }

  /** Closes what holds a place at the account and has no reader. */
  async endIdle(account: string): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (entry.readers === 0 && entry.opened?.account === account && !this.#isFollowed(entry)) this.#close(key, entry);
    }
    await Promise.all(this.#closing);
  }

  /**
   * A source for another worker that asks this one.
   *
   * @param via also one that belongs to a third worker
   */
  async find(key: string, via: boolean): Promise<FetchedFeed | undefined> {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      // The record of a source that is not open would mislead the other workers.
      if (!via) await this.#deps.registry.release(key);
      return undefined;
    }
    const feed = await entry.feed;
    if (via) return feed;
    await feed.confirm();
    return feed.place.isOriginal ? feed : undefined;
  }

  /** Whether this worker reads a source that another one asks for, so that it can ask in its place. */
  async prepare(key: string): Promise<boolean> {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.readers > 0;
  }

  async close(): Promise<void> {
    this.#deps.clock.clearInterval(this.#sweeper);
    for (const [key, entry] of this.#entries) this.#close(key, entry);
    await Promise.all(this.#closing);
  }

  #opened(): HlsFeed[] {
    return [...this.#entries.values()].flatMap(({ opened }) => (opened === undefined ? [] : [opened]));
  }

  #open(key: string, address: SourceAddress): Entry {
    const feed = this.#placed(key, address);
    const entry: Entry = { feed, opened: undefined, readers: 0 };
    this.#entries.set(key, entry);
    feed.then(
      (opened) => {
        entry.opened = opened;
      },
      () => this.#entries.get(key) === entry && this.#entries.delete(key),
    );
    return entry;
  }

  async #placed(key: string, address: SourceAddress): Promise<HlsFeed> {
    const { registry, placeOf } = this.#deps;
    // Until what is being closed has released its record, it would be taken for open.
    await Promise.all(this.#closing);
    const place = placeOf(key, await knownPlace(registry, key), () => false);
    const acquire = (feed: string) => registry.acquire(feed);
    const onFetched = () => {
      this.#fetched += 1;
    };
    return new HlsFeed(address, place, { ...this.#deps, acquire, onFetched });
  }

  #keptMs({ targetDurationMs }: HlsFeed): number {
    return Math.max(this.#deps.clientTimeoutMs, KEPT_TARGETS * targetDurationMs);
  }

  #isFollowed({ opened }: Entry): boolean {
    if (opened === undefined || !opened.place.isOriginal) return false;
    return opened.followers(this.#keptMs(opened)).length > 0;
  }

  #sweep(): void {
    for (const [key, entry] of this.#entries)
      if (entry.readers === 0 && !this.#isFollowed(entry)) this.#close(key, entry);
  }

  #close(key: string, entry: Entry): void {
    this.#entries.delete(key);
    const closed = entry.feed
      .then((feed) => feed.close())
      .catch(() => undefined)
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}
