/**
 * A source feed: a provider's live MPEG-TS, read over one connection for every FFmpeg and every sharing viewer of this
 * worker. It reconnects on its own, and goes on at the next URL when its group does. Its readers see one continuous
 * timeline.
 */

import type { EventTeller } from '../../../registry/registry.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { deferred } from '../async.ts';
import { SourceError, type StreampoolError } from '../errors.ts';
import { SourceNews } from '../events/source-news.ts';
import type { Feed, FeedEnd } from '../feed/feed.ts';
import type { FeedHistory, SourceClock, SourceOrigin } from '../feed/feed-history.ts';
import type { MarkLog } from '../feed/marks/mark-log.ts';
import type { Made } from '../feed/pace.ts';
import type { RingLimits } from '../feed/ring.ts';
import type { Arrivals } from '../mpegts/splicing/arrivals.ts';
import type { FeedTrack } from '../mpegts/splicing/splicer.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { RetrySchedule, type RetrySettings } from '../upstream/failover/retry.ts';
import type { SourceTrouble } from '../upstream/failover/source-trouble.ts';
import { Standby } from '../upstream/failover/standby.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';
import type { SourceKind } from '../upstream/provider/source-kind.ts';
import { type Entered, type Leader, Origin, type Route } from './origin.ts';
import { readProvider } from './provider-input.ts';
import { ReadAhead } from './read-ahead.ts';
import { SourceConnections, type SourceConnectionsDeps } from './source-connections.ts';
import { followLeader, followOwner, type InputEnd } from './source-inputs.ts';
import { type EarlierFeed, type ProgramListener, SourceMedia } from './source-media.ts';
import { SourceMoves } from './source-moves.ts';
import { SourceRetries } from './source-retries.ts';
import { SourceWatch, type SourceWatchSettings } from './source-watch.ts';

export interface SourceSettings extends SourceWatchSettings {
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly retry: RetrySettings;
  /** HLS_SEGMENT_TIME */
  readonly segmentMs: number;
}

export interface SourceFeedDeps extends SourceConnectionsDeps {
  readonly registry: EventTeller;
  readonly settings: SourceSettings;
  readonly ringLimits: () => RingLimits;
  /** How it gets to its next URL; undefined: it has no other. */
  readonly route?: Route | undefined;
  /** See `Entered`. */
  readonly leader?: Leader | undefined;
  readonly leave?: (() => void) | undefined;
  /** What an empty feed goes on with. @param source its key in the registry */
  readonly earlier: (source: string) => EarlierFeed | undefined;
}

export type SourceArrivals = Pick<Arrivals, 'lastVideoMs' | 'lastAudioMs' | 'videoIntervalMs'>;

export class SourceFeed implements Leader {
  readonly #deps: SourceFeedDeps;
  readonly #fromTicks: number | undefined;
  readonly #media: SourceMedia;
  readonly #moves: SourceMoves;
  readonly #retries: SourceRetries;
  readonly #standby: Standby;
  readonly #readAhead: ReadAhead;
  readonly #abort = new AbortController();
  readonly #opened = deferred<SourceKind>();
  /** What it reads now. */
  #origin: Origin;
  /** Ends the input of now, and the pause before the next one. */
  #input = new AbortController();
  /** The input of now delivers. */
  #isLive = false;
  readonly #done: Promise<void>;

  /**
   * @param place whether this worker opens the source or follows the owner
   * @param fromTicks how far back a relay must start, in 33-bit ticks on the feed's timeline
   */
  constructor(address: SourceAddress, place: FeedPlace, deps: SourceFeedDeps, fromTicks?: number) {
    const { clock } = deps;
    this.#deps = deps;
    this.#fromTicks = fromTicks;
    this.#media = new SourceMedia(place.feed, deps.ringLimits, deps.settings.segmentMs, clock);
    this.#readAhead = new ReadAhead(this.#media.feed.ring, clock);
    const { route, account, takeConnection, leader, leave = () => undefined } = deps;
    const originOf = (to: SourceAddress, index: number, entered: Entered) => this.#originOf(to, index, entered);
    this.#origin = originOf(address, route?.source.index ?? -1, { place, account, takeConnection, leader, leave });
    this.#moves = new SourceMoves({
      route,
      originOf,
      current: () => this.#origin,
      isLive: () => this.#isLive,
      interrupt: () => this.#interrupt(),
      signal: this.#abort.signal,
      streamTimeoutMs: deps.settings.streamTimeoutMs,
      log: deps.log,
    });
    const schedule = new RetrySchedule(deps.settings.retry, () => clock.monotonicMs());
    const { source } = route ?? {};
    this.#standby = new Standby({
      source,
      moves: this.#moves,
      current: () => this.#origin,
      media: this.#media,
      mayMove: () => source !== undefined && schedule.mayMove(source),
      signal: this.#abort.signal,
      clock,
      log: deps.log,
    });
    this.#retries = new SourceRetries({
      schedule,
      standby: this.#standby,
      source,
      moves: this.#moves,
      current: () => this.#origin,
      news: new SourceNews({ feed: this.#media.feed, registry: deps.registry, workerId: place.me.workerId }),
      clock,
      log: deps.log,
    });
    this.#opened.promise.catch(() => undefined);
    this.#done = this.#run();
  }

  #originOf(address: SourceAddress, index: number, entered: Entered): Origin {
    const log = this.#deps.log.child({ source: maskUrl(address.url) });
    const hasSent = (content: number) => this.#media.hasSent(content);
    const connections = new SourceConnections(address, { ...this.#deps, ...entered, log }, hasSent, this.#abort.signal);
    const watch = new SourceWatch(address.url, this.#deps.settings, this.#media, this.#deps.clock);
    watch.silence.onHalf(() => this.#standby.silent());
    return new Origin({ ...entered, address, index, connections, watch });
  }

  get feed(): Feed {
    return this.#media.feed;
  }

  get history(): FeedHistory {
    return this.#media.history;
  }

  get place(): FeedPlace {
    return this.#origin.place;
  }

  get address(): SourceAddress {
    return this.#origin.address;
  }

  /** Of its address among those of its group. */
  get index(): number {
    return this.#origin.index;
  }

  /** From where on its ring has media of where its group plays; undefined while it has none. */
  get freshFrom(): number | undefined {
    return this.#moves.isElsewhere || this.#moves.isReady ? undefined : this.#media.freshFrom;
  }

  /** Whether it reads the feed of another group of this worker. */
  get isLed(): boolean {
    return this.#origin.leader !== undefined;
  }

  get #log(): Logger {
    return this.#deps.log.child({ source: maskUrl(this.address.url) });
  }

  /** What kind the source is; this feed reads only `mpegts`. Rejects when the source cannot be opened. */
  get opened(): Promise<SourceKind> {
    return this.#opened.promise;
  }

  /** How the provider's clock relates to the feed's, here or on the owner. */
  get sourceClock(): SourceClock | undefined {
    return this.#media.clock;
  }

  /** Where the segments of all feeds that are made of it begin. */
  get marks(): MarkLog {
    return this.#media.marks.log;
  }

  /** How another worker can go on with it. */
  get origin(): SourceOrigin | undefined {
    return this.#media.clock?.origin;
  }

  /** When its newest pictures and sounds arrived. */
  get arrivals(): SourceArrivals {
    return this.#media.arrivals;
  }

  /** When its newest picture was passed on, monotonic ms; undefined before the first. Without pictures, the newest sound. */
  get progressMs(): number | undefined {
    return this.#media.progressMs;
  }

  /** How fast it comes; undefined in its first second. */
  get made(): Made | undefined {
    return this.#media.made;
  }

  /** How often the provider's clock has jumped since this worker opened it; undefined: another worker or group reads it. */
  get repairs(): number | undefined {
    return this.place.current.kind === 'own' && !this.isLed ? this.#media.repairs : undefined;
  }

  /** Its audio and video tracks, in the order of its tables. */
  get tracks(): FeedTrack[] {
    return this.#media.tracks;
  }

  /**
   * Calls back with the position from which the source has other tracks or pictures of another shape. Other tracks
   * means another codec, or audio that appeared or disappeared.
   * @returns a function that ends the calls
   */
  onProgramChange(listener: ProgramListener): () => void {
    return this.#media.onProgramChange(listener);
  }

  /** What is wrong with a source that still sends. Another source would be better; no source would be worse. */
  get trouble(): SourceTrouble | undefined {
    return this.#origin.watch.trouble;
  }

  /**
   * The error of a source that another worker or group reads, when it has nothing to pass on for so long that this group
   * had better move to another source. The other one may have none.
   */
  get lost(): SourceError | undefined {
    return this.#origin.isOwn ? undefined : this.#origin.watch.lostElsewhere;
  }

  /** The provider account that it reads from, in the terms of `accountOf`. */
  get account(): string {
    return this.#origin.account;
  }

  /**
   * Keeps a broken connection from being opened again until the returned function is called. A provider that allows one
   * connection may have cut it for another one, and the two would cut each other again and again.
   */
  holdRetries(): () => void {
    return this.#retries.hold();
  }

  /**
   * Gets ready to read the source itself while another worker reads it. It opens a second connection and waits until a
   * keyframe of it has also come over the relay. If the provider allows no second connection, there is nothing to
   * prepare.
   * @returns false when this worker cannot read the source
   */
  async prepare(): Promise<boolean> {
    if (this.place.current.kind === 'own' || this.#media.isEmpty) return false;
    return this.#origin.connections.prepare();
  }

  /** Lets another worker read the source. Returns false when it stays here. */
  handOver(to: WorkerIdentity): Promise<boolean> {
    return this.place.handOver(to);
  }

  /** Goes on where its group plays now. */
  async switchSource(): Promise<void> {
    await this.#moves.toCurrent();
  }

  /** Whether it only holds a source in case it needs it. It leaves that to another reader then. */
  yields(feedKey: string): boolean {
    return this.#moves.yields(feedKey);
  }

  onLeave(feedKey: string, listener: () => void): () => void {
    return this.#moves.onLeave(feedKey, listener);
  }

  /** This worker has ended it. Another worker may continue it. */
  get isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Closes the connection. Resolves when it is closed. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.place.close();
    await this.#done;
  }

  #interrupt(): void {
    this.#input.abort();
    this.#origin.connections.close();
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#enterNext();
      this.#input = new AbortController();
      this.#origin.watch.begin();
      this.#media.lag.restart();
      const signal = AbortSignal.any([this.#abort.signal, this.#input.signal]);
      const end = await this.#readInput(signal);
      this.#isLive = false;
      if (end === 'other_kind' || this.#abort.signal.aborted) {
        this.#finish(new SourceError('stopped', 'The source is no longer wanted.'), { kind: 'ended' });
        return;
      }
      // The provider may have cut this connection for the next one.
      await this.#moves.settled();
      if (end === 'moved' || this.#moves.isReady || (await this.#retries.recover(end, signal))) continue;
      const error = this.#retries.lastError(end);
      // What FFmpeg has to open next, the FFmpegs open when they start anew.
      this.#finish(error, this.#moves.isForFfmpeg ? { kind: 'ended' } : { kind: 'failed', error });
      return;
    }
  }

  #enterNext(): void {
    const next = this.#moves.take();
    if (next === undefined) return;
    const before = this.#origin;
    this.#origin = next;
    this.#moves.leave(before);
    this.#media.changeSource(next.place.feed);
    this.#retries.schedule.switched();
    const from = maskUrl(before.address.url);
    this.#log.info({ from, index: next.index }, 'the source feed goes on at another source');
  }

  async #readInput(signal: AbortSignal): Promise<InputEnd> {
    const input = {
      origin: this.#origin,
      media: this.#media,
      signal,
      onOpened: (kind: SourceKind) => this.#opened.resolve(kind),
      onMedia: () => {
        this.#isLive = true;
      },
    };
    const { leader, place } = this.#origin;
    if (leader !== undefined) {
      const end = await followLeader(input, leader);
      if (end !== 'left') return end;
      const isGoingOn = await this.#moves.again();
      return isGoingOn ? 'moved' : new SourceError('ended', 'The feed that read the source closed it.');
    }
    if (place.current.kind === 'relay') {
      return followOwner(input, this.#fromTicks, () => {
        this.#isLive = false;
        return this.#moves.calledAway();
      });
    }
    return readProvider(input, {
      retry: this.#retries.schedule,
      readAhead: this.#readAhead,
      goesOn: this.#deps.earlier(place.feed),
    });
  }

  #finish(error: StreampoolError, end: FeedEnd): void {
    this.#opened.reject(error);
    this.#standby.close();
    this.#moves.close();
    this.#origin.close();
    if (this.isLed) this.#origin.leave();
    this.feed.finish(end);
  }
}
