/**
 * All source feeds of this worker: one for each group of streams that move together, and at most one connection for each
 * URL with its credentials. Each is open while it has readers.
 */

import { sourceFeedKey } from '../../../registry/feed-keys.ts';
import type { EventTeller, FeedOwners, FeedStarts } from '../../../registry/registry.ts';
import type { Timer } from '../../../shared/clock.ts';
import { SourceError } from '../errors.ts';
import type { FeedPlace, PlaceOf } from '../ownership/feed-place.ts';
import { type KnownPlace, knownPlace } from '../ownership/known-place.ts';
import type { RelayedFeed } from '../relay/relayed-feed.ts';
import { NotHlsError } from '../upstream/hls/hls-requests.ts';
import type { OpenHls } from '../upstream/hls/hls-upstream.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { GroupSource, SourceAddress } from '../upstream/provider/source-address.ts';
import { sourceFeedOf } from '../upstream/provider/source-key.ts';
import { hintFromUrl, isLiveByName, type SourceKind } from '../upstream/provider/source-kind.ts';
import type { Entered } from './origin.ts';
import { SourceFeed, type SourceFeedDeps } from './source-feed.ts';
import type { EarlierFeed } from './source-media.ts';

/** Where a source feed begins. */
export interface SourceBeginning {
  /** How far back a relay must start, in 33-bit ticks on the feed's timeline. */
  readonly fromTicks?: number | undefined;
  /** What its reader knows of the source. */
  readonly goesOn?: EarlierFeed | undefined;
}

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
  /** How fast it comes; undefined in its first second. */
  readonly made: SourceFeed['made'];
}

interface Entry {
  readonly source: SourceFeed;
  leases: number;
  /** Closes it if no reader comes back. */
  lingering: Timer | undefined;
}

/** Who of this worker reads a URL for all. */
interface Leader {
  readonly group: object;
  readonly place: Promise<FeedPlace>;
  /** Undefined until it is known. */
  known: FeedPlace | undefined;
}

/** A worker dials a cut relay again after 250 ms. Until then the provider's connection stays open. */
const RELAY_LINGER_MS = 1_000;

export interface SourceFeedsDeps
  extends Omit<SourceFeedDeps, 'takeConnection' | 'account' | 'route' | 'leader' | 'leave' | 'earlier'> {
  readonly registry: FeedOwners & FeedStarts & EventTeller;
  readonly placeOf: PlaceOf;
  /** Opens an HLS source as viewers read it. Unset: each FFmpeg asks the provider by itself, and counts as a connection. */
  readonly openHls?: OpenHls | undefined;
}

export class SourceFeeds {
  readonly #deps: SourceFeedsDeps;
  readonly #connections: ProviderConnections;
  /** By group. */
  readonly #entries = new Map<object, Entry>();
  readonly #opening = new Map<object, Promise<Entry>>();
  /** By the key of the URL's feed in the registry. */
  readonly #leaders = new Map<string, Leader>();
  /** Connections that are being closed. A provider counts them until they are closed. */
  readonly #closing = new Set<Promise<void>>();
  #known: () => readonly (EarlierFeed | undefined)[] = () => [];

  constructor(deps: SourceFeedsDeps, connections: ProviderConnections) {
    this.#deps = deps;
    this.#connections = connections;
  }

  /**
   * The source that goes on here with what another worker has read may be opened by a feed that has heard nothing of it yet.
   * @param known what the feeds that read sources know of them
   */
  learnFrom(known: () => readonly (EarlierFeed | undefined)[]): void {
    this.#known = known;
  }

  /** The newest that is known here of a source, which may be what is about to read it. */
  #earlier(source: string, reader: EarlierFeed | undefined): EarlierFeed | undefined {
    const known = [reader, ...this.#known()].filter((each) => each?.origin?.source === source);
    const atMs = (each: EarlierFeed | undefined) => each?.origin?.sent.newestAtMs ?? 0;
    return known.reduce((one, other) => (atMs(other) > atMs(one) ? other : one), known[0]);
  }

  get size(): number {
    return this.#entries.size;
  }

  get heldBytes(): number {
    return this.status().reduce((bytes, { ringBytes }) => bytes + ringBytes, 0);
  }

  status(): SourceStatus[] {
    return [...this.#entries.values()].map(({ source }) => ({
      url: source.address.url,
      readers: source.feed.readerCount,
      ringBytes: source.feed.ring.heldBytes,
      place: source.place.current,
      made: source.made,
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
    source: GroupSource,
    signal: AbortSignal,
    beginning: SourceBeginning = {},
  ): Promise<SourceLease> {
    if (!isLiveByName(source.address.url)) return this.#openedByFfmpeg(streamId, source.address, signal);
    const entry = await this.#entry(source, beginning);
    const lease = this.#lease(entry);
    signal.addEventListener('abort', lease.release, { once: true });
    if (signal.aborted) lease.release();
    try {
      const { kind } = await entry.source.opened;
      if (kind === 'mpegts') return lease;
      lease.release();
      await this.settle();
      if (kind === 'dash') return { kind, feed: undefined, release: () => undefined };
      return await this.#openedByFfmpeg(streamId, source.address, signal, kind);
    } catch (error) {
      lease.release();
      throw error;
    } finally {
      signal.removeEventListener('abort', lease.release);
    }
  }

  /** The feed of a group goes on at the group's current source. */
  switchSource(group: object): void {
    void this.#entries.get(group)?.source.switchSource();
  }

  /** The place of a source of this worker, by its key in the registry. */
  placeOf(feed: string): FeedPlace | undefined {
    // Also of one that a feed only holds, or is about to go to.
    return this.#leaders.get(feed)?.known;
  }

  /** Those that read a URL themselves, or follow another worker. */
  *#reading(): Iterable<Entry> {
    for (const entry of this.#entries.values()) if (!entry.source.isLed) yield entry;
  }

  /** Closes sources that hold a connection to a provider account and have no reader. Resolves when they are closed. */
  async endIdle(account: string): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (entry.lingering !== undefined && entry.leases === 0 && entry.source.account === account) this.#close(entry);
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
    streamId: string,
    address: SourceAddress,
    signal: AbortSignal,
    kind: SourceLease['kind'] = hintFromUrl(address.url) === 'finite' ? 'finite' : 'hls',
  ): Promise<SourceLease> {
    const hls = kind === 'hls' ? await this.#openedHls(address, signal) : undefined;
    if (hls !== undefined) return hls;
    return { kind, feed: undefined, release: await this.#connections.acquire(streamId, address, signal) };
  }

  /** HLS is asked once for all, whoever reads it; so it has one connection. Undefined when it is something else. */
  async #openedHls(address: SourceAddress, signal: AbortSignal): Promise<SourceLease | undefined> {
    const hls = this.#deps.openHls?.(address);
    if (hls === undefined) return undefined;
    const release = () => hls.release(false);
    try {
      // FFmpeg gets the same playlist a moment later, without another request.
      await hls.playlist({ url: address.url });
      if (signal.aborted) throw new SourceError('stopped', 'The viewer has left.');
      return { kind: 'hls', feed: undefined, release };
    } catch (error) {
      release();
      if (error instanceof NotHlsError) return undefined;
      throw error;
    }
  }

  #lease(entry: Entry, lingerMs = 0): SourceLease {
    this.#deps.clock.clearTimeout(entry.lingering);
    entry.lingering = undefined;
    entry.leases++;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      entry.leases--;
      if (entry.leases > 0) return;
      if (lingerMs === 0 || entry.source.place.current.kind !== 'own') this.#close(entry);
      else entry.lingering = this.#deps.clock.setTimeout(() => this.#close(entry), lingerMs);
    };
    return { kind: 'mpegts', feed: entry.source, release };
  }

  async #entry(source: GroupSource, beginning: SourceBeginning): Promise<Entry> {
    for (;;) {
      const { group } = source;
      const known = this.#entries.get(group);
      if (known !== undefined) return known;
      const opening = this.#opening.get(group) ?? this.#open(source, beginning);
      const entry = await opening;
      // When several wait for it and the first leaves at once, it may be over already.
      if (this.#entries.get(group) === entry) return entry;
    }
  }

  #open(source: GroupSource, beginning: SourceBeginning): Promise<Entry> {
    const { group } = source;
    const opening = this.#openHere(source, beginning).finally(() => this.#opening.delete(group));
    this.#opening.set(group, opening);
    return opening;
  }

  async #openHere(source: GroupSource, beginning: SourceBeginning): Promise<Entry> {
    const { group, address } = source;
    const enter = (next: SourceAddress) => this.#enter(next, group);
    const { place, ...entered } = await enter(address);
    const route = { source: source.ofGroup, enter };
    const earlier = (key: string) => this.#earlier(key, beginning.goesOn);
    const feed = new SourceFeed(address, place, { ...this.#deps, ...entered, route, earlier }, beginning.fromTicks);
    const entry: Entry = { source: feed, leases: 0, lingering: undefined };
    this.#entries.set(group, entry);
    feed.feed.onEnd(() => {
      // A reader that comes after its end opens the source anew.
      if (this.#entries.get(group) === entry) this.#entries.delete(group);
      if (feed.isLed) return;
      this.#giveUpLead(feed.place);
      if (feed.place.isOriginal) void this.#deps.registry.release(feed.place.feed).catch(() => undefined);
    });
    return entry;
  }

  /** Finds out who reads a URL: this worker for the group, for another group of it, or another worker. */
  async #enter(address: SourceAddress, group: object): Promise<Entered> {
    const feed = sourceFeedOf(address);
    const takeConnection = (signal: AbortSignal) => this.#connections.acquire(feed, address, signal);
    const reads = { account: this.#connections.watch(address), takeConnection };
    for (;;) {
      await this.settle();
      const known = this.#leaders.get(feed);
      if (known === undefined || known.group === group) break;
      const place = await known.place;
      const leader = this.#entries.get(known.group) ?? (await this.#opening.get(known.group));
      if (leader === undefined || this.#leaders.get(feed) !== known || leader.source.yields(feed)) continue;
      const { release } = this.#lease(leader);
      return { ...reads, place, leader: leader.source, leave: release };
    }
    const { registry, placeOf, clock } = this.#deps;
    const place = knownPlace(registry, feed, undefined, clock).then((first) => {
      leader.known = placeOf(feed, first, () => false);
      return leader.known;
    });
    const leader: Leader = { group, place, known: undefined };
    this.#leaders.set(feed, leader);
    try {
      const own = await place;
      const leave = () => {
        this.#giveUpLead(own);
        void own
          .giveUp()
          .catch(() => undefined)
          .finally(() => own.left());
      };
      return { ...reads, place: own, leave };
    } catch (error) {
      if (this.#leaders.get(feed) === leader) this.#leaders.delete(feed);
      throw error;
    }
  }

  #giveUpLead(place: FeedPlace): void {
    if (this.#leaders.get(place.feed)?.known === place) this.#leaders.delete(place.feed);
  }

  /** Who reads a URL here, with the place that it has for that. */
  async #leaderOf(feed: string): Promise<{ entry: Entry; place: FeedPlace } | undefined> {
    const leader = this.#leaders.get(feed);
    if (leader === undefined) return undefined;
    const place = await leader.place;
    const entry = this.#entries.get(leader.group) ?? (await this.#opening.get(leader.group));
    return entry === undefined || entry.source.yields(feed) ? undefined : { entry, place };
  }

  /**
   * A source for another worker that relays it. Undefined when it is not open here, or this worker is not its owner.
   * Call `release` when the relay is over.
   *
   * @param via also accept a source that is relayed here
   */
  async relay(key: string, via: boolean): Promise<RelayedFeed | undefined> {
    const found = await this.#leaderOf(sourceFeedKey(key));
    if (via) return found && this.#passOn(found.entry);
    if (found === undefined) {
      // Release the record of a source that is not open, because it would mislead the other workers.
      await this.#deps.registry.release(sourceFeedKey(key));
      return undefined;
    }
    const { entry, place } = found;
    const { source } = entry;
    if (!place.isOriginal) return undefined;
    const { release } = this.#lease(entry, RELAY_LINGER_MS);
    return { ...relayed(source), place, release };
  }

  /** For a worker that cannot reach the owner. */
  #passOn(entry: Entry): RelayedFeed | undefined {
    const { source } = entry;
    const { place } = source;
    if (place.placeAnswer === undefined) return undefined;
    const passedOn = { owner: place.placeAnswer.owner, isStopped: () => source.isStopped };
    const { release } = this.#lease(entry);
    return { ...relayed(source), place, passedOn, release };
  }

  /**
   * Gets ready to own a source that is relayed here. Returns false when it is not relayed here, or this worker cannot.
   */
  async prepare(key: string): Promise<boolean> {
    const found = await this.#leaderOf(sourceFeedKey(key));
    return (await found?.entry.source.prepare()) ?? false;
  }

  /** The sources that this worker reads itself. */
  get owned(): SourceFeed[] {
    return [...this.#reading()].map(({ source }) => source).filter(({ place }) => place.isOriginal);
  }

  #close(entry: Entry): void {
    this.#deps.clock.clearTimeout(entry.lingering);
    for (const [group, each] of this.#entries) if (each === entry) this.#entries.delete(group);
    const closed = entry.source.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

function relayed(source: SourceFeed): Pick<RelayedFeed, 'feed' | 'history' | 'sourceClock' | 'marks'> {
  const { feed, history } = source;
  return {
    feed,
    history,
    sourceClock: () => source.sourceClock,
    marks: () => ({ source: source.marks, own: undefined }),
  };
}
