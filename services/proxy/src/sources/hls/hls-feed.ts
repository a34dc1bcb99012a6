/**
 * One HLS source on this worker, for all who read it here. One worker of the cluster asks the provider: where this one does not, it
 * asks that one. Whoever reads it sees no difference, and what has come is kept for the next one in either case.
 */

import type { Owner, Place, WorkerIdentity } from '../../../../registry/types.ts';
import type { Clock } from '../../../../shared/clock.ts';
import { deferred, pauseBy } from '../../async.ts';
import { SourceError } from '../../errors.ts';
import type { FeedPlace } from '../../ownership/feed-place.ts';
import type { KnownPlace } from '../../ownership/known-place.ts';
import type { FetchedAnswer, FetchedFeed } from '../../relay/fetch-answer.ts';
import { type FetchAsk, type Fetched, fetchFromOwner } from '../../relay/fetch-run.ts';
import { CachedHls } from '../../upstream/hls/cached-hls.ts';
import type { HlsCache } from '../../upstream/hls/hls-cache.ts';
import { type HlsRequests, NotHlsError, type ProviderHls } from '../../upstream/hls/hls-requests.ts';
import type { HlsAsk, HlsUpstream, PlaylistText } from '../../upstream/hls/hls-upstream.ts';
import { OneVariant } from '../../upstream/hls/one-variant.ts';
import type { Media } from '../../upstream/hls/shared-media.ts';
import { accountOf, type ProviderConnections } from '../../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../../upstream/provider/source-address.ts';
import { bodyOf, mediaOf, playlistOf } from './fetched.ts';

export interface HlsFeedDeps {
  readonly requests: HlsRequests;
  readonly cache: HlsCache;
  readonly connections: ProviderConnections;
  /** Asks the registry who makes a feed. */
  readonly acquire: (feed: string) => Promise<Place>;
  /** Media has come from another worker. */
  readonly onFetched: () => void;
  readonly clock: Clock;
}

/** Requests that are under way may end before another worker begins: so long at the most. */
const HANDOVER_MS = 3_000;
const HANDOVER_POLL_MS = 20;
const LEAVE_MS = 500;
/** A connection stays open for so many target durations without a request. */
const KEPT_TARGETS = 2;
/** Before any playlist of media has come. Apple recommends this one. */
const USUAL_TARGET_MS = 6_000;

export class HlsFeed implements HlsUpstream, FetchedFeed {
  readonly place: FeedPlace;
  /** The provider's account. */
  readonly account: string;
  readonly #address: SourceAddress;
  readonly #deps: HlsFeedDeps;
  readonly #cached: CachedHls;
  readonly #variant: OneVariant;
  readonly #over = new AbortController();
  /** The workers that ask this one, with when they last did, monotonic ms. */
  readonly #followers = new Map<string, { readonly worker: WorkerIdentity; readonly atMs: number }>();
  /** Ends what is asked of the provider when another worker asks it from now on. */
  #asking = new AbortController();
  #provider: ProviderHls | undefined;
  #connection: Promise<() => void> | undefined;
  /** Requests to the provider that have no answer yet. */
  #underWay = 0;
  /** It is being handed over. */
  #leaving: Promise<void> | undefined;
  #moving: Promise<void> | undefined;
  /** Another worker asks the provider. */
  #taken = deferred<void>();

  constructor(address: SourceAddress, place: FeedPlace, deps: HlsFeedDeps) {
    this.#address = address;
    this.place = place;
    this.#deps = deps;
    this.account = accountOf(address);
    const { requests, cache, clock } = deps;
    const now = () => clock.monotonicMs();
    const from: HlsUpstream = {
      isSingle: requests.isSingle,
      playlist: (ask) => this.#ask({ ...ask, kind: 'playlist' }, (provider) => provider.playlist(ask), playlistOf),
      media: (ask) =>
        this.#ask(
          { ...ask, kind: 'media' },
          (provider) => provider.media(ask),
          async ({ head, body }) => mediaOf(head, body),
        ),
    };
    this.#cached = new CachedHls({ name: place.feed, from, cache, now });
    this.#variant = new OneVariant(now);
    place.onTaken(() => {
      this.#leaveProvider(this.#deps.connections.areLimited);
      this.#taken.resolve();
      this.#taken = deferred();
    });
  }

  get isSingle(): boolean {
    return this.#deps.requests.isSingle;
  }

  get targetDurationMs(): number {
    return this.#cached.targetDurationMs;
  }

  async playlist(ask: HlsAsk): Promise<PlaylistText> {
    const asked = this.isSingle && this.place.current.kind === 'own' ? this.#variant.inPlaceOf(ask) : ask;
    if (asked === ask) return this.#cached.playlist(ask);
    try {
      return { ...(await this.#cached.playlist(asked)), isInstead: true };
    } catch (error) {
      this.#variant.forget(asked.variant);
      throw error;
    }
  }

  media(ask: HlsAsk): Promise<Media> {
    return this.#cached.media(ask);
  }

  /** The workers that have asked this one within the last `ms`. */
  followers(ms: number): readonly WorkerIdentity[] {
    const nowMs = this.#deps.clock.monotonicMs();
    return [...this.#followers.values()].filter(({ atMs }) => nowMs - atMs < ms).map(({ worker }) => worker);
  }

  /** An answer that has to come from another worker is that one's to give: it may be the very worker that asks. */
  async fetch(ask: FetchAsk, follower: WorkerIdentity): Promise<FetchedAnswer | { moved: Owner | undefined }> {
    if (ask.kind === 'leave') {
      this.#followers.delete(follower.incarnation);
      return { head: {}, body: bodyOf('') };
    }
    this.#followers.set(follower.incarnation, { worker: follower, atMs: this.#deps.clock.monotonicMs() });
    const answering = this.#answer(ask).catch((error: unknown) => {
      // Nobody reads it here any more. Whoever still does asks the provider from now on.
      if (this.#over.signal.aborted) return undefined;
      throw error;
    });
    const answer = await Promise.race([answering, this.#taken.promise]);
    if (answer !== undefined) return answer;
    answering.then(
      (late) => late?.body.close(),
      () => undefined,
    );
    return { moved: this.place.goesOnAt?.owner };
  }

  async #answer({ kind, ...ask }: FetchAsk): Promise<FetchedAnswer> {
    if (kind === 'media') {
      const { head, body } = await this.media(ask);
      return { head: { status: head.status, headers: { ...head.headers } }, body };
    }
    try {
      const { text, ...head } = await this.playlist(ask);
      return { head, body: bodyOf(text) };
    } catch (error) {
      if (!(error instanceof NotHlsError)) throw error;
      return { head: { notHls: error.message, isDash: error.isDash }, body: bodyOf('') };
    }
  }

  /** Asks the registry whether this worker has become the owner, when another one asks it as if. */
  async confirm(): Promise<void> {
    if (this.place.current.kind === 'own') return;
    const place = await this.#deps.acquire(this.place.feed).catch(() => undefined);
    if (place?.kind === 'own') this.place.set(place);
  }

  /**
   * Makes another worker ask the provider. What is under way ends first: the provider may allow one connection.
   * @returns false when it stays here
   */
  async handOver(to: WorkerIdentity): Promise<boolean> {
    const stays = deferred<void>();
    this.#leaving = stays.promise;
    try {
      const { clock } = this.#deps;
      const untilMs = clock.monotonicMs() + HANDOVER_MS;
      const isBusy = () => this.#underWay > 0 || this.#provider?.isBusy === true;
      while (isBusy() && clock.monotonicMs() < untilMs) {
        await pauseBy(clock, HANDOVER_POLL_MS, this.#over.signal);
      }
      await this.#provider?.rest();
      return await this.place.handOver(to);
    } finally {
      this.#leaving = undefined;
      stays.resolve();
    }
  }

  /** Ends what is under way, and gives back the place at the provider. Another worker may ask it from now on. */
  async close(): Promise<void> {
    const { current } = this.place;
    this.#over.abort();
    this.#leaveProvider();
    this.place.close();
    if (current.kind === 'relay') await this.#sayThatItLeaves(current);
    await this.place.giveUp();
  }

  /** The owner then need not wait for this worker before it gives back its place at the provider. */
  async #sayThatItLeaves({ owner, via }: KnownPlace & { kind: 'relay' }): Promise<void> {
    const { me, secret, wire, feed } = this.place;
    const ask: FetchAsk = { kind: 'leave', url: this.#address.url };
    const { clock } = this.#deps;
    const late = new AbortController();
    const timer = clock.setTimeout(() => late.abort(), LEAVE_MS);
    const { signal } = late;
    // An owner that does not answer notices by itself that nobody asks.
    const said = await fetchFromOwner({ feed, owner, via, me, secret, ask, signal, wire }).catch(() => undefined);
    clock.clearTimeout(timer);
    if (said?.kind === 'fetched') said.body.close();
  }

  /** @param ends what is under way: the provider may count it against the worker that asks from now on */
  #leaveProvider(ends = true): void {
    if (ends) this.#asking.abort();
    this.#asking = new AbortController();
    this.#provider = undefined;
    const giveBack = (release: () => void) => release();
    this.#connection?.then(giveBack, () => undefined);
    this.#connection = undefined;
  }

  /** Asks whoever is to be asked, until it is known what that says. */
  async #ask<T>(
    ask: FetchAsk,
    own: (provider: HlsUpstream) => Promise<T>,
    read: (fetched: Fetched) => Promise<T>,
  ): Promise<T> {
    const { signal } = this.#over;
    for (;;) {
      if (signal.aborted) throw new SourceError('stopped', 'The source is no longer wanted.');
      await this.#leaving;
      const { current } = this.place;
      if (current.kind === 'own') {
        if (!(await this.place.mayPass())) continue;
        const answer = await this.#asked(own).catch((error: unknown) => {
          if (this.place.current.kind === 'own') throw error;
          return undefined;
        });
        if (answer !== undefined) return answer.value;
        continue;
      }
      const { owner, via } = current;
      const { me, secret, wire, feed } = this.place;
      const fetched = await fetchFromOwner({ feed, owner, via, me, secret, ask, signal, wire });
      if (fetched.kind === 'fetched') {
        this.place.relayAnswered();
        if (ask.kind === 'media') this.#deps.onFetched();
        return read(fetched);
      }
      if (!signal.aborted && this.place.current === current) {
        this.#moving ??= this.place.afterRelay(fetched, signal).finally(() => {
          this.#moving = undefined;
        });
        await this.#moving;
      }
    }
  }

  /** Asks the provider. */
  async #asked<T>(own: (provider: HlsUpstream) => Promise<T>): Promise<{ value: T }> {
    this.#underWay += 1;
    try {
      return { value: await own(await this.#opened()) };
    } catch (error) {
      // Whoever plays it as what it is needs the connection.
      if (error instanceof NotHlsError) this.#leaveProvider();
      throw error;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Takes the source's one place at the provider. */
  async #opened(): Promise<ProviderHls> {
    const { connections, requests } = this.#deps;
    const { feed } = this.place;
    const { signal } = this.#asking;
    const taking = this.#connection ?? connections.acquire(feed, this.#address, signal);
    this.#connection = taking;
    try {
      await taking;
    } catch (error) {
      if (this.#connection === taking) this.#connection = undefined;
      throw error;
    }
    if (signal.aborted) throw new SourceError('stopped', 'Another worker asks the provider now.');
    const keptMs = () => KEPT_TARGETS * (this.targetDurationMs || USUAL_TARGET_MS);
    const account = connections.watch(this.#address);
    this.#provider ??= requests.of({ source: this.#address, account, signal, keptMs });
    return this.#provider;
  }
}
