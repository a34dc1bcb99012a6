/**
 * A source feed: a provider's live MPEG-TS, read over one connection for every FFmpeg and every sharing viewer of this
 * worker. It reconnects on its own. Its readers see one continuous timeline.
 */

import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { type Deferred, deferred, pause } from '../async.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import { Feed, type FeedEnd } from '../feed/feed.ts';
import { FeedHistory, type SourceClock, type SourceOrigin } from '../feed/feed-history.ts';
import { type FeedOutput, splicedOutput } from '../feed/feed-output.ts';
import { feedSink } from '../feed/feed-sink.ts';
import type { RingLimits } from '../feed/ring.ts';
import { TrackSurvey } from '../mpegts/reading/track-survey.ts';
import type { Input } from '../mpegts/splicing/input.ts';
import { type FeedTrack, type ProgramChange, Splicer } from '../mpegts/splicing/splicer.ts';
import { TICKS_PER_SECOND } from '../mpegts/syntax/timestamp.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { follow, type PlacedFeed } from '../ownership/follow.ts';
import { relayedError } from '../relay/relay-run.ts';
import { LiveReader } from '../upstream/failover/live-reader.ts';
import { RetrySchedule, type RetrySettings } from '../upstream/failover/retry.ts';
import type { SourceTrouble } from '../upstream/failover/source-trouble.ts';
import type { BodyReader } from '../upstream/messages/body-reader.ts';
import { accountOf } from '../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';
import type { SourceKind } from '../upstream/provider/source-kind.ts';
import { ReadAhead } from './read-ahead.ts';
import { type OpenedConnection, SourceConnections, type SourceConnectionsDeps } from './source-connections.ts';
import { SourceWatch, type SourceWatchSettings } from './source-watch.ts';

export interface SourceSettings extends SourceWatchSettings {
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly retry: RetrySettings;
}

export interface SourceFeedDeps extends SourceConnectionsDeps {
  readonly settings: SourceSettings;
  readonly ringLimits: () => RingLimits;
}

/** Where a source feed begins. */
export interface SourceBeginning {
  /** How far back a relay must start, in 33-bit ticks on the feed's timeline. */
  readonly fromTicks?: number | undefined;
  /** Another worker's feed of a source, with which this one goes on if it is its successor. */
  readonly goesOn?: { readonly timeline: string; readonly origin: SourceOrigin | undefined } | undefined;
}

/** DTS of the first unit: leaves room for PCRs and earlier audio, and is far from the 33-bit wrap. */
const FIRST_DTS = 10 * TICKS_PER_SECOND;
const HOLD_POLL_MS = 100;
/** The provider's clock is the clock of a source, whichever worker reads it. */
const PROVIDER = 'provider';

export class SourceFeed implements PlacedFeed {
  readonly feed: Feed;
  readonly place: FeedPlace;
  readonly history = new FeedHistory();
  readonly output: FeedOutput;
  readonly ringLimits: () => RingLimits;
  readonly #address: SourceAddress;
  readonly #log: Logger;
  readonly #splicer: Splicer;
  readonly #abort = new AbortController();
  readonly #retry: RetrySchedule;
  readonly #opened: Promise<SourceKind>;
  readonly #beginning: SourceBeginning;
  readonly #programListeners = new Set<(position: number, change: ProgramChange) => void>();
  /** How the provider's clock relates to the feed's, here or on the owner. */
  #sourceClock: SourceClock | undefined;
  readonly #connections: SourceConnections;
  readonly #readAhead: ReadAhead;
  readonly #watch: SourceWatch;
  #holds = 0;
  /** Why the source has stopped, when its retries with another source would be used up. */
  #lost: SourceError | undefined;
  readonly #done: Promise<void>;

  /**
   * @param place whether this worker opens the source or follows the owner
   */
  constructor(address: SourceAddress, place: FeedPlace, deps: SourceFeedDeps, beginning: SourceBeginning = {}) {
    this.place = place;
    this.#address = address;
    this.#beginning = beginning;
    this.#log = deps.log.child({ source: maskUrl(address.url) });
    this.#retry = new RetrySchedule(deps.settings.retry);
    this.ringLimits = deps.ringLimits;
    this.feed = new Feed(deps.ringLimits());
    const sink = feedSink(this.feed);
    const programChanged = (change: ProgramChange) => {
      sink.programChanged(change);
      for (const listener of [...this.#programListeners]) listener(this.feed.ring.head, change);
    };
    this.#splicer = new Splicer(
      { ...sink, programChanged },
      { holdReordered: false, firstDts: FIRST_DTS, survey: new TrackSurvey() },
    );
    this.output = splicedOutput(this.#splicer);
    this.#watch = new SourceWatch(address.url, deps.settings, this.#splicer.arrivals);
    this.#readAhead = new ReadAhead(this.feed.ring);
    const hasSent = (content: number) => this.#splicer.sentPictures.knows(content);
    this.#connections = new SourceConnections(address, { ...deps, log: this.#log }, hasSent, this.#abort.signal);
    const opened = deferred<SourceKind>();
    this.#opened = opened.promise;
    place.onTaken(() => this.#connections.close());
    this.#done = this.#run(opened);
  }

  /** What kind the source is; this feed reads only `mpegts`. Rejects when the source cannot be opened. */
  get opened(): Promise<SourceKind> {
    return this.#opened;
  }

  get sourceClock(): SourceClock | undefined {
    return this.#sourceClock;
  }

  /** How another worker can go on with it. */
  get origin(): SourceOrigin | undefined {
    return this.#sourceClock?.origin;
  }

  /** When the newest picture arrived, monotonic ms; undefined before the first. */
  get lastVideoMs(): number | undefined {
    return this.#splicer.arrivals.lastVideoMs;
  }

  /** The longest recent time between two of its pictures, in ms; undefined before the second. */
  get videoIntervalMs(): number | undefined {
    return this.#splicer.arrivals.videoIntervalMs;
  }

  /** When the newest sound arrived, monotonic ms; undefined before the first. */
  get lastAudioMs(): number | undefined {
    return this.#splicer.arrivals.lastAudioMs;
  }

  /** Its audio and video tracks, in the order of its tables. */
  get tracks(): FeedTrack[] {
    return this.#splicer.tracks;
  }

  /**
   * Calls back with the position from which the source has other tracks or pictures of another shape. Other tracks
   * means another codec, or audio that appeared or disappeared.
   * @returns a function that ends the calls
   */
  onProgramChange(listener: (position: number, change: ProgramChange) => void): () => void {
    this.#programListeners.add(listener);
    return () => this.#programListeners.delete(listener);
  }

  /** What is wrong with a source that still sends. Another source would be better; no source would be worse. */
  get trouble(): SourceTrouble | undefined {
    return this.#watch.trouble;
  }

  /**
   * The error of a source that keeps being opened in vain, when it is time to move to another one. Without another one
   * the feed goes on trying.
   */
  get lost(): SourceError | undefined {
    return this.place.current.kind === 'relay' ? this.#watch.lostElsewhere : this.#lost;
  }

  /** The provider account that it reads from, in the terms of `accountOf`. */
  get account(): string {
    return accountOf(this.#address);
  }

  /**
   * Keeps a broken connection from being opened again until the returned function is called. A provider that allows one
   * connection may have cut it for another one, and the two would cut each other again and again.
   */
  holdRetries(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
    };
  }

  /**
   * Gets ready to read the source itself while another worker reads it. It opens a second connection and waits until a
   * keyframe of it has also come over the relay. If the provider allows no second connection, there is nothing to
   * prepare.
   * @returns false when this worker cannot read the source
   */
  async prepare(): Promise<boolean> {
    if (this.place.current.kind === 'own' || this.feed.ring.head === 0) return false;
    return this.#connections.prepare();
  }

  /** Lets another worker read the source. Returns false when it stays here. */
  handOver(to: WorkerIdentity): Promise<boolean> {
    return this.place.handOver(to);
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

  async #run(opened: Deferred<SourceKind>): Promise<void> {
    for (;;) {
      const relayed = this.place.current.kind === 'relay';
      this.#watch.begin();
      if (relayed) this.#lost = undefined;
      const end = await (relayed ? this.#follow(opened) : this.#connectAndRead(opened));
      if (end === 'other_kind' || this.#abort.signal.aborted) {
        this.#finish(opened, new SourceError('stopped', 'The source is no longer wanted.'), { kind: 'ended' });
        return;
      }
      if (end === 'moved') continue;
      const delayMs = relayed || !(end instanceof SourceError) ? undefined : this.#retryDelay(end);
      this.#log.warn({ reason: end instanceof SourceError ? end.reason : end.status, retryInMs: delayMs }, end.message);
      if (delayMs === undefined) {
        this.#finish(opened, end, { kind: 'failed', error: end });
        return;
      }
      await pause(delayMs, this.#abort.signal);
      while (this.#holds > 0 && !this.#abort.signal.aborted) await pause(HOLD_POLL_MS, this.#abort.signal);
      // Another worker may have taken it over during the pause.
      if (!relayed) this.#leaveIfMoved();
    }
  }

  #retryDelay(error: SourceError): number | undefined {
    this.#retry.lost(error.reason === 'stalled' ? this.#watch.silence.earlyMs : 0);
    if (this.#retry.isWorthLeaving(error)) this.#lost = error;
    return this.#retry.next(error);
  }

  /** Tells the followers when another worker reads the source now, and leaves it the place at the provider. */
  #leaveIfMoved(): void {
    if (this.place.goesOnAt === undefined) return;
    this.#connections.letGo();
    this.place.left();
  }

  #finish(opened: Deferred<SourceKind>, error: StreampoolError, end: FeedEnd): void {
    opened.reject(error);
    this.#connections.dropPrepared();
    this.#connections.letGo();
    this.feed.finish(end);
  }

  /** Follows the worker that reads the source, until that changes. */
  async #follow(opened: Deferred<SourceKind>): Promise<StreampoolError | 'moved'> {
    // The next connection continues where the other worker's ended, not where this worker's last one began.
    this.#watch.forget();
    const { signal } = this.#abort;
    const onMedia = (clock: SourceClock | undefined) => {
      opened.resolve({ kind: 'mpegts' });
      // What the owner has sent before this worker joined.
      const before = clock?.origin?.sent;
      if (before !== undefined && this.output.lastDts === undefined) this.#splicer.sentPictures.replaceBy(before);
      this.#noteClock(clock?.shift);
    };
    const { fromTicks } = this.#beginning;
    const outcome = await follow(this, { signal, fromTicks, isCopy: true, clock: this.#sourceClock, onMedia });
    if (signal.aborted) return 'moved';
    if (outcome.kind === 'failed') return relayedError(outcome);
    if (outcome.kind === 'ended') return new SourceError('ended', 'The worker that read the source closed it.');
    await this.place.afterRelay(outcome, signal);
    // The worker that would have handed over is gone, and another one reads the source.
    if (this.place.current.kind === 'relay') this.#connections.dropPrepared();
    return 'moved';
  }

  /** Returns why the connection ended; `other_kind` when the source is not for this feed. */
  async #connectAndRead(opened: Deferred<SourceKind>): Promise<StreampoolError | 'other_kind' | 'moved'> {
    const { current } = this.place;
    const isEmpty = this.feed.ring.head === 0;
    if (isEmpty) this.#goOn();
    if (current.kind === 'own') this.history.own(current.epoch, this.output.lastDts);
    const { silence } = this.#watch;
    const tryMs = this.#retry.tryMs(silence, false);
    try {
      const { kind, reader, prepared, openedMs } = await this.#connections.open(tryMs);
      silence.begin(openedMs, tryMs);
      opened.resolve(kind);
      if (kind.kind !== 'mpegts') {
        if (isEmpty) return 'other_kind';
        throw new SourceError('not_media', `The source ${maskUrl(this.#address.url)} is no longer live MPEG-TS.`);
      }
      this.output.begin(this.#inputOf(prepared));
      for (const chunk of prepared?.chunks ?? []) this.#put(chunk);
      return await this.#read(reader);
    } catch (error) {
      if (this.place.current.kind === 'relay') return 'moved';
      if (error instanceof StreampoolError) return error;
      return new SourceError('refused', 'The source could not be read.', { cause: error });
    } finally {
      this.#connections.close();
      this.#watch.end();
      this.output.end(false);
      this.feed.publish();
      this.#leaveIfMoved();
    }
  }

  /** Goes on with the timeline of the worker that has read the source so far. */
  #goOn(): void {
    const { timeline, origin } = this.#beginning.goesOn ?? {};
    const newest = origin?.sent.newest;
    if (timeline === undefined || origin?.source !== this.place.feed || newest === undefined) return;
    this.history.goOn(timeline);
    this.output.goOn(newest.dts, origin.sent.newestAtMs);
    this.#splicer.sentPictures.replaceBy(origin.sent);
    this.#noteClock(origin.shift);
  }

  #inputOf(prepared: OpenedConnection['prepared']): Input {
    const shift = this.#sourceClock?.shift;
    if (prepared !== undefined) return { kind: 'prepared_connection', shift, repeats: prepared.repeats };
    return shift === undefined ? { kind: 'source' } : { kind: 'reconnection', shift };
  }

  async #read(reader: BodyReader): Promise<SourceError | 'moved'> {
    const live = new LiveReader(reader, this.#address.url, this.#watch.silence, true);
    let sinceMs: number | undefined;
    for (;;) {
      const piece = await live.read();
      if (piece === 'left' || !(await this.place.mayPass())) return 'moved';
      if (piece === undefined) return this.#watch.closed();
      const nowMs = performance.now();
      if (piece.hasMedia) {
        sinceMs ??= nowMs;
        this.#retry.played(nowMs - sinceMs);
        this.#lost = undefined;
      }
      for (const bytes of this.#watch.push(piece.bytes, nowMs, piece.waitedMs)) this.#put(bytes);
      const { repeats } = this.#watch;
      if (repeats !== undefined) return repeats;
      await this.#readAhead.wait(() => this.place.current.kind === 'own', this.#abort.signal);
    }
  }

  #put(chunk: Buffer): void {
    this.output.push(chunk, performance.now());
    if (this.output.shift !== undefined) this.#noteClock(this.output.shift);
    this.feed.ring.setLimits(this.ringLimits());
    this.feed.publish();
  }

  #noteClock(shift: number | undefined): void {
    if (this.#sourceClock?.shift === shift) return;
    const origin =
      shift === undefined ? undefined : { source: this.place.feed, shift, sent: this.#splicer.sentPictures };
    this.#sourceClock = origin && { timeline: PROVIDER, shift: origin.shift, origin };
  }
}
