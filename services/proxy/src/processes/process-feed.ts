/**
 * A process feed: the output of one FFmpeg for one stream and slot. Owns the life of that FFmpeg: starts it, replaces
 * it when it dies or hangs, moves it to the next source, and ends the feed when nothing helps. Its readers do not
 * notice. A shared direct stream uses the same feed with a plain copy in place of FFmpeg.
 */

import { streamName } from '../../../registry/events/stream-facts.ts';
import type { FailoverState, StreamRecord, WorkerIdentity } from '../../../registry/types.ts';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { pauseBy } from '../async.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import { Feed, type FeedEnd } from '../feed/feed.ts';
import { FeedHistory, type SourceClock } from '../feed/feed-history.ts';
import type { FeedOutput } from '../feed/feed-output.ts';
import type { FeedMarks } from '../feed/marks/feed-marks.ts';
import type { RingLimits } from '../feed/ring.ts';
import { type LevelDefaults, levelSettings } from '../levels/level-settings.ts';
import { type LevelMeters, LevelWatch } from '../levels/level-watch.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { follow, type PlacedFeed } from '../ownership/follow.ts';
import { Preparation } from '../ownership/preparation.ts';
import type { RelayedMarks } from '../relay/mark-frames.ts';
import { relayedError } from '../relay/relayed-failure.ts';
import { ContainerChoice } from '../segments/container-choice.ts';
import { FeedHls } from '../segments/feed-hls.ts';
import type { SegmentSettings } from '../segments/feed-segments.ts';
import type { EarlierFeed } from '../sources/source-media.ts';
import type { FailoverGroup } from '../streams/failover-group.ts';
import { ADDRESS_EXPIRES, ADDRESS_REFUSED } from '../streams/failover-group.ts';
import { renewAtMs } from '../streams/renewal.ts';
import type { StreamSource } from '../streams/stream-source.ts';
import { accountOf, asPassing } from '../upstream/provider/provider-connections.ts';
import type { FailoverCause, Following, SourceAddress } from '../upstream/provider/source-address.ts';
import { hlsFeedOf, sourceFeedOf } from '../upstream/provider/source-key.ts';
import { isLiveByName } from '../upstream/provider/source-kind.ts';
import type { FailedRun, InputEnd } from './input-end.ts';
import type { ProcessMarks } from './output/process-marks.ts';
import type { Production } from './production.ts';
import { endSentence, failureOf, nextStep, type Step } from './recovery.ts';
import { type Run, type RunRequest, resumeOn } from './run.ts';
import { intoFeed } from './run-output.ts';
import { watchRun } from './run-watch.ts';
import { Succession } from './succession.ts';

export interface ProcessFeedDeps {
  readonly log: Logger;
  /** Unset: the system's. */
  readonly clock?: Clock;
  readonly ringLimits: () => RingLimits;
  readonly streamTimeoutMs: number;
  readonly streamTotalTimeoutMs: number;
  readonly retryAttempts: number;
  readonly retryDelayMs: number;
  /** Called for each run that replaces one that ended. */
  readonly onRestart: (failed: FailedRun) => void;
  readonly segments: SegmentSettings;
  /** What is looked for in sound and pictures. Unset: nothing. */
  readonly levels?: { readonly meters: LevelMeters; readonly defaults: LevelDefaults } | undefined;
  /** Maximum age of a run; a test sets it. Unset: see `watchRun`. */
  readonly maxRunMs?: number;
  /** See `RunRequest`. */
  readonly converts?: boolean;
}

export interface ProcessFeedOptions extends ProcessFeedDeps {
  readonly stream: StreamRecord;
  readonly slot: number;
  readonly source: StreamSource;
  readonly production: Production;
  readonly place: FeedPlace;
  /** Somebody has it now, here or on another worker. */
  readonly isWatched: () => boolean;
  /** What all workers have agreed on about the stream under a name: what was offered first. */
  readonly agree: (name: string, offered: string) => Promise<string | undefined>;
}

/**
 * A run that added this much media was a good one, however short. A run that fails on a piece of its input adds none.
 */
const GOOD_RUN_MEDIA_MS = 500;
/** How long a prepared input waits for its handover. */
const PREPARED_MS = 10_000;

export class ProcessFeed implements PlacedFeed {
  readonly feed: Feed;
  /** Whether this worker makes the feed or follows its owner. */
  readonly place: FeedPlace;
  readonly history: FeedHistory;
  readonly output: FeedOutput;
  readonly ringLimits: () => RingLimits;
  /** What HLS viewers get of it. */
  readonly segments: FeedHls;
  readonly #clock: Clock;
  readonly #production: Production;
  readonly #streamId: string;
  /** The stream's. */
  readonly name: string;
  readonly #source: StreamSource;
  readonly #deps: ProcessFeedDeps & Pick<ProcessFeedOptions, 'isWatched'>;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  /** Ends what is made for the feed beside its input: aborts when the feed has ended, too. */
  readonly #making = new AbortController();
  readonly #done: Promise<void>;
  #run: Run | undefined;
  /** A move to another source, until it is decided. It follows the stream when that moves on meanwhile. */
  #switching: Promise<boolean> | undefined;
  /** It leaves its source because a run on that has failed: the next run begins on the next source. */
  #isLeaving = false;
  /** How the feed's times relate to those of its source, here or on the owner. */
  #sourceClock: SourceClock | undefined;
  readonly #marks: ProcessMarks;
  /** The run on another source that takes over. */
  readonly #succession: Succession;
  /**
   * The input that a run here will read, held for a handover that has not happened yet. The value is the function that
   * frees it.
   */
  readonly #prepared: Preparation<() => void>;
  /** The next run begins with media of the current source: runs have failed on that of the one before. */
  #isFresh = false;
  /** The group of the source that the newest run was started on. */
  #group: FailoverGroup | undefined;
  /** On which source each run has begun. */
  readonly #began = new WeakMap<Run, Following>();
  /** The run that the feed reads now. */
  #playing: Run | undefined;
  /** The run that this worker ended for another one, and why. */
  #cut: { readonly run: Run; readonly why: 'hung' | 'left' } | undefined;
  #lastOutputMs: number;
  /** Runs in a row that ended before they had delivered much media. */
  #barrenRuns = 0;
  /** Where the group was when this feed last wanted another address of its page. */
  #renewed: FailoverState | undefined;
  /** Failovers since the last output. */
  #moves = 0;
  #restarts = 0;

  constructor(options: ProcessFeedOptions) {
    const { stream, slot, source, production, place, ringLimits, clock = systemClock } = options;
    this.#clock = clock;
    this.#lastOutputMs = clock.monotonicMs();
    this.history = new FeedHistory(clock);
    const prepareInput = () => this.#prepareInput();
    this.#prepared = new Preparation(prepareInput, (letGo) => letGo(), clock);
    this.place = place;
    this.#streamId = stream.id;
    this.name = streamName(stream);
    this.#source = source;
    this.#production = production;
    this.#deps = options;
    this.#log = options.log.child({ stream: stream.id, slot });
    this.ringLimits = () => {
      const limits = ringLimits();
      return { ...limits, maxBytes: limits.maxBytes - this.segments.heldBytes };
    };
    this.feed = new Feed(ringLimits(), production.opaque, clock);
    this.#marks = production.marks();
    this.output = production.output(this.feed, this.#marks.own);
    const { segmentMs, listSize } = options.segments;
    const size = production.window ?? { segments: listSize };
    this.segments = new FeedHls({
      ...{ feed: this.feed, place },
      marks: () => this.marks,
      onFault: () => this.segmentFault(),
      list: { segmentSeconds: segmentMs / 1_000, size },
      ...{ maxBytes: () => ringLimits().maxBytes, log: this.#log },
      settings: options.segments,
      choice: new ContainerChoice({
        ...{ feed: this.feed, said: production.container, agree: options.agree },
        ...{ waitMs: options.segments.waitMs, clock },
      }),
    });
    this.#succession = new Succession({
      start: () => this.#start(),
      timeoutMs: options.streamTimeoutMs,
      signal: this.#making.signal,
      clock,
      log: this.#log,
    });
    place.onTaken(() => this.#run?.kill());
    this.#done = this.#loop();
  }

  /** The provider account that it reads from, in the terms of `accountOf`. */
  get account(): string {
    return accountOf(this.#source.address);
  }

  /** The streams that it moves with. */
  get group(): FailoverGroup {
    return this.#source.group;
  }

  /** The keys of the source it should read, and of the one that the current run still reads. */
  get sourcesRead(): string[] {
    const wanted = sourceFeedOf(this.#source.address);
    // Only opening a source shows what it is.
    return [wanted, hlsFeedOf(this.#source.address), this.#run?.source?.place.feed ?? wanted];
  }

  /** Process id of the FFmpeg that feeds it now. */
  get pid(): number | undefined {
    return this.#run?.pid;
  }

  /** The run of this worker that it reads now. */
  get playing(): Run | undefined {
    return this.#playing;
  }

  get sourceClock(): SourceClock | undefined {
    return this.#sourceClock;
  }

  /** What it knows of the feed of its source. */
  get sourceKnown(): EarlierFeed | undefined {
    return (
      this.#sourceClock && {
        timeline: this.#sourceClock.timeline,
        origin: this.#sourceClock.origin,
        marks: this.#marks.source,
      }
    );
  }

  /** Where its segments begin; undefined when nobody has said it. */
  get marks(): FeedMarks | undefined {
    return this.#marks.of(this.#sourceClock, this.history.current.timeline);
  }

  /** What goes with it to other workers. */
  get relayedMarks(): RelayedMarks {
    return this.#marks.relayed;
  }

  /** How many FFmpegs replaced another one. */
  get restarts(): number {
    return this.#restarts;
  }

  /** This worker has ended it. Another worker may continue it. */
  get isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Ends FFmpeg and the feed. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#making.abort();
    this.place.close();
    this.#run?.kill();
    await this.#done;
  }

  /**
   * Gets ready to take over the feed from the worker that makes it now.
   * @returns false when this worker cannot
   */
  async prepare(): Promise<boolean> {
    if (this.place.current.kind === 'own' || !this.output.continuable || this.feed.ring.head === 0) return false;
    try {
      await Promise.all([this.#prepared.ready(), this.segments.prepare()]);
    } catch (error) {
      this.#log.info({ err: error }, 'could not prepare to take over the feed');
      return false;
    }
    this.#prepared.keepFor(PREPARED_MS);
    return true;
  }

  async #prepareInput(): Promise<() => void> {
    if (this.#sourceClock !== undefined) return (await this.#production.leaseSource(this.#request())).release;
    // FFmpeg opens the source itself. That takes a second connection, if the provider allows two. If not, there is nothing to get ready:
    // this worker opens the source when the one before has closed it. To refuse would put that off until the one before has to end.
    const { state } = this.#source;
    const prepared = await this.#succession.prepare(undefined);
    if (this.#source.state !== state) {
      this.#succession.drop();
      throw new SourceError('stopped', 'The stream has moved to another source meanwhile.');
    }
    if (prepared === 'failed') throw new SourceError('ffmpeg', 'FFmpeg could not open the source a second time.');
    return () => this.#succession.drop();
  }

  /** See `FeedOutput.breaks`. */
  get breaks(): number | undefined {
    return this.output.breaks;
  }

  /** Lets another worker make the feed from the next picture on. Returns false when it stays here. */
  handOver(to: WorkerIdentity): Promise<boolean> {
    return this.place.handOver(to);
  }

  /**
   * Moves to the stream's current source after a failover, where its source feed does not: from or to a source that FFmpeg
   * opens itself, or to the source feed of another group. Opens the new source first and switches when it delivers. If the
   * provider allows no second connection, it closes the old one first.
   * @returns false when the new source did not deliver, and the old one continues; also when the source feed moves
   */
  switchSource(): Promise<boolean> {
    if (this.#isLeaving || this.#isMovedBySource) return Promise.resolve(false);
    // What is ready for a handover reads the source that was left.
    if (this.place.current.kind === 'relay' && this.#succession.isReady) this.#prepared.drop();
    this.#switching ??= this.#switchOver();
    return this.#switching;
  }

  /** The source feed that it reads, or is about to read, goes on at the new source inside. */
  get #isMovedBySource(): boolean {
    if (!isLiveByName(this.#source.address.url)) return false;
    if (this.#run === undefined) return this.#group === this.#source.group;
    return this.#run.source !== undefined && this.#group === this.#source.group;
  }

  async #switchOver(): Promise<boolean> {
    try {
      return await this.#prepareSource();
    } finally {
      // Not a turn later: whoever asks from now on wants a source that this one has not seen.
      this.#switching = undefined;
    }
  }

  /** Asked again after each wait: another worker may have taken the feed. */
  get #isMaker(): boolean {
    return this.place.current.kind === 'own';
  }

  async #prepareSource(): Promise<boolean> {
    while (this.#isMaker && !this.#making.signal.aborted) {
      const { index, state, address } = this.#source;
      // The group is back before the feed has left.
      const isThere = this.#played !== undefined && sourceFeedOf(this.#played.address) === sourceFeedOf(address);
      if (isThere && !this.#succession.isReady) return false;
      const prepared = await this.#succession.prepare(this.#run);
      // The end of the feed says nothing of the source.
      if (this.#making.signal.aborted) return false;
      if (!this.#isMaker) {
        // Nothing would end what has become ready while this worker follows another one.
        this.#succession.drop();
        return false;
      }
      if (this.#source.state !== state) {
        // The stream has moved on meanwhile.
        this.#succession.drop();
        continue;
      }
      if (prepared === 'ready') {
        this.#run?.kill();
        return true;
      }
      if (prepared === 'limit' && this.#run !== undefined && this.#holdsTheLimit) {
        this.#end(this.#run, 'left');
        return true;
      }
      if (await this.#source.advance(index, { reason: 'transcode_start_error' })) continue;
      // Else others of the group would open a source that does not deliver, while this one plays.
      if (this.#played !== undefined) await this.#source.goBack(index, this.#played);
      return false;
    }
    return false;
  }

  /** The next source needs the current run's connection closed, and nobody else reads it. */
  get #holdsTheLimit(): boolean {
    const source = this.#run?.source;
    return source !== undefined && source.account === this.account && source.feed.readerCount === 1;
  }

  /** Ends a run for another one. */
  #end(run: Run, why: 'hung' | 'left'): void {
    this.#cut = { run, why };
    run.kill();
  }

  /** The first picture at a mark is no keyframe, so the segment there is missing. */
  segmentFault(): void {
    const run = this.#playing;
    if (run === undefined || this.#cut?.run === run || !this.#marks.fault(this.#clock.monotonicMs())) return;
    this.#log.warn({ pid: run.pid }, 'replacing FFmpeg: it has no keyframe where a segment of HLS begins');
    this.#end(run, 'hung');
  }

  async #loop(): Promise<void> {
    try {
      this.feed.finish(await this.#readInputs());
    } catch (error) {
      this.feed.finish({ kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) });
    } finally {
      this.#making.abort();
      this.#prepared.drop();
      this.#succession.drop();
      this.#forget();
    }
  }

  /** Reads one input after the other until none follows. Returns how the feed ended. */
  async #readInputs(): Promise<FeedEnd> {
    while (!this.#abort.signal.aborted) {
      const began = this.#source.state;
      const ended = await (this.place.current.kind === 'relay' ? this.#follow() : this.#makeOnce());
      switch (ended.why) {
        case 'over':
          return { kind: 'ended' };
        case 'placed':
        case 'succeeded':
          break;
        case 'moved':
          this.#leave();
          break;
        case 'left':
          this.#forget();
          break;
        default: {
          const end = await this.#recover(ended, began);
          // Another worker may have taken the feed meanwhile.
          if (this.place.goesOnAt !== undefined) this.#leave();
          else if (end !== undefined) return end;
        }
      }
    }
    return { kind: 'ended' };
  }

  /**
   * Gets ready for the next run after one that failed.
   * @param began the source on which it began
   * @returns how the feed ended, when nothing helps
   */
  async #recover(failed: FailedRun, began: FailoverState): Promise<FeedEnd | undefined> {
    const source = this.#run?.source;
    // A source feed may have moved on since.
    const hasMoved = source !== undefined || (failed.why === 'not_opened' && isLiveByName(began.currentUrl));
    const index = hasMoved ? this.#source.index : began.index;
    this.#barrenRuns = failed.addedMs > GOOD_RUN_MEDIA_MS ? 0 : this.#barrenRuns + 1;
    const step = this.#decide(failed);
    const { why, exit, sourceError } = failed;
    const maker = this.#production.needsProcess ? 'FFmpeg' : 'the copy';
    const said = { type: 'ffmpeg_ended', why, exit, source: sourceError?.message, next: step.kind };
    this.#log.warn(said, endSentence(maker, this.name, failed, step));
    if (step.kind === 'end') return { kind: 'ended' };
    if (step.kind === 'restart') {
      await pauseBy(this.#clock, step.delayMs, this.#abort.signal);
    } else if (step.kind === 'failover' && (await this.#advance(index, step))) {
      if (source !== undefined && this.#isMovedBySource) {
        await source.switchSource();
        this.#isFresh = true;
      } else {
        // A provider may count the old connection against the new one.
        this.#forget();
      }
      this.#barrenRuns = 0;
      this.#moves++;
    } else {
      return { kind: 'failed', error: failureOf(failed, this.#source.address.url) };
    }
    this.#restarts++;
    this.#deps.onRestart(failed);
    return undefined;
  }

  /** Moves to the next source after a failed run. */
  async #advance(index: number, step: Extract<Step, { kind: 'failover' }>): Promise<boolean> {
    this.#isLeaving = true;
    try {
      return await this.#source.advance(index, step);
    } finally {
      this.#isLeaving = false;
    }
  }

  /** Nothing more is made here. Readers go on at the worker that makes the feed now. */
  #leave(): void {
    this.#forget();
    this.#succession.drop();
    this.place.left();
  }

  /** Nobody wants the feed any more, or nothing can continue what viewers have already read. */
  get #isOver(): boolean {
    return this.#abort.signal.aborted || (!this.output.continuable && this.feed.ring.head > 0);
  }

  /** Follows the worker that makes the feed, until that changes. */
  async #follow(): Promise<InputEnd> {
    const { signal } = this.#abort;
    const onMedia = (clock: SourceClock | undefined, marks: RelayedMarks | undefined) => {
      this.#marks.hear(marks);
      this.#noteMedia(clock);
    };
    const outcome = await follow(this, {
      signal,
      isCopy: this.#production.samePictures,
      clock: this.#sourceClock,
      onMedia,
      onWindow: (news) => this.segments.hear(news),
    });
    if (outcome.kind === 'ended' || this.#isOver) return { why: 'over' };
    if (outcome.kind === 'failed') throw relayedError(outcome);
    await this.place.afterRelay(outcome, signal);
    // The worker that would have handed over is gone, and another one makes the feed.
    if (this.place.current.kind === 'relay') this.#prepared.drop();
    return { why: 'placed' };
  }

  /** Runs one FFmpeg of this worker from start to end. Runs none if the source does not open. */
  async #makeOnce(): Promise<InputEnd> {
    const { current } = this.place;
    if (current.kind === 'own') this.history.own(current.epoch, this.output.lastDts);
    const previous = this.#run;
    let run: Run;
    try {
      run = this.#succession.take() ?? (await this.#start());
    } catch (thrown) {
      const error = this.feed.ring.head > 0 ? asPassing(thrown) : thrown;
      // It may have waited for the connection that a run has which is ready by now.
      const superseded = error instanceof StreampoolError ? this.#superseded : undefined;
      if (superseded !== undefined) return superseded;
      if (!(error instanceof SourceError)) throw error;
      return { why: 'not_opened', exit: undefined, sourceError: error, addedMs: 0 };
    }
    this.#run = run;
    this.#isFresh = false;
    previous?.release();
    this.#prepared.drop();
    this.#succession.letGo();
    // The feed may have got another input while the source was being opened.
    if (this.#abort.signal.aborted || this.place.current.kind === 'relay' || this.#succession.isReady) run.kill();
    const unwatch = this.#watch(run);
    this.#playing = run;
    this.#marks.begin(run.source?.marks, run.source?.history.current.timeline, this.#sourceClock);
    try {
      const { end, addedMs } = await intoFeed(run, this, {
        samePictures: this.#production.samePictures,
        aheadMs: this.#production.aheadMs,
        clock: this.#sourceClock,
        onMedia: (clock) => {
          this.#marks.passed(this.#clock.wallMs());
          this.#noteMedia(clock);
        },
      });
      const why = this.#cut?.run === run ? this.#cut.why : 'by_itself';
      return this.#superseded ?? { why, exit: end.exit, sourceError: end.sourceError, addedMs };
    } finally {
      this.#playing = undefined;
      unwatch();
      run.kill();
    }
  }

  /** Why another run of this worker on the same source would be wrong, if it would. */
  get #superseded(): InputEnd | undefined {
    if (this.#isOver) return { why: 'over' };
    if (this.place.goesOnAt !== undefined) return { why: 'moved' };
    return this.#succession.isReady ? { why: 'succeeded' } : undefined;
  }

  #noteMedia(clock: SourceClock | undefined): void {
    this.#lastOutputMs = this.#clock.monotonicMs();
    this.#moves = 0;
    this.#sourceClock = clock;
  }

  /** The next run does not need the last run's source. */
  #forget(): void {
    this.#run?.release();
    this.#run = undefined;
    this.#succession.letGo();
  }

  async #start(): Promise<Run> {
    const { address, index } = this.#source;
    const run = await this.#production.start(this.#request());
    this.#began.set(run, { address, index });
    return run;
  }

  /** The source that the feed plays now; undefined while it plays none. */
  get #played(): Following | undefined {
    // A source feed moves inside.
    return this.#playing && (this.#playing.source ?? this.#began.get(this.#playing));
  }

  /** What the next run of this worker has to make. */
  #request(): RunRequest {
    const resume = this.#sourceClock && resumeOn(this.#sourceClock, this.output.resumePoint, this.#marks.source);
    const { address, canFailOver } = this.#source;
    this.#group = this.#source.group;
    return {
      streamId: this.#streamId,
      source: this.#source,
      address,
      isFresh: this.#isFresh,
      goesOn: this.feed.ring.head > 0,
      converts: this.#deps.converts === true,
      canFailOver,
      resume,
      signal: this.#making.signal,
    };
  }

  #decide(failed: FailedRun): Step {
    const { streamTotalTimeoutMs, retryAttempts, retryDelayMs } = this.#deps;
    const outageMs = this.#clock.monotonicMs() - this.#lastOutputMs;
    const isOver = streamTotalTimeoutMs > 0 && outageMs > streamTotalTimeoutMs;
    const canFailOver = this.#source.mayMoveOn(isOver, this.#moves);
    return nextStep({ ...failed, barrenRuns: this.#barrenRuns, retryAttempts, retryDelayMs, canFailOver, isOver });
  }

  #watch(run: Run): () => void {
    const { address, index } = this.#began.get(run) ?? this.#source;
    const levels = this.#levelsOf(run, address);
    // When the group has left that address, this run only plays until the next one takes over.
    const isRefused = () => address.isFound === true && run.isRefused === true && index === this.#source.index;
    const end = watchRun(run, {
      source: this.#source,
      address,
      levels: levels?.look,
      output: this.output,
      clock: this.#clock,
      lastOutputMs: () => this.#lastOutputMs,
      streamTimeoutMs: this.#deps.streamTimeoutMs,
      maxRunMs: this.#deps.maxRunMs,
      onTrouble: (cause) => {
        if (!this.#succession.isReady) void this.#leaveSource(cause);
      },
      renewAtMs: () => (isRefused() ? 0 : renewAtMs(this.#source.state)),
      onExpiring: () => {
        const { state } = this.#source;
        if (this.#renewed === state || !this.#isMaker || this.#succession.isReady) return;
        this.#renewed = state;
        void this.#leaveSource({ reason: isRefused() ? ADDRESS_REFUSED : ADDRESS_EXPIRES });
      },
      onHung: (why) => {
        if (this.#cut?.run === run) return;
        this.#log.warn({ pid: run.pid }, `replacing FFmpeg: ${why}`);
        this.#end(run, 'hung');
      },
    });
    return () => {
      end();
      levels?.close();
    };
  }

  /** Looks at what the run reads; at what it makes, when FFmpeg has opened the source. Only MPEG-TS is looked at. */
  #levelsOf(run: Run, began: SourceAddress) {
    const { levels, isWatched } = this.#deps;
    if (levels === undefined) return undefined;
    const watch = new LevelWatch(levels.meters, this.#clock);
    const measured = run.source ?? (this.#production.opaque ? undefined : this);
    return {
      look: () => {
        const isWanted = isWatched() && this.#source.canFailOver;
        const settings = isWanted ? levelSettings(levels.defaults, this.#source.silence) : undefined;
        return watch.look(measured, sourceFeedOf((run.source ?? { address: began }).address), settings);
      },
      close: () => watch.close(),
    };
  }

  /** Moves to a better source, or to another address of the same page, if there is one; otherwise stays. */
  async #leaveSource(cause: FailoverCause): Promise<void> {
    if (await this.#source.advance(this.#source.index, cause)) await this.switchSource();
  }
}
