/**
 * A process feed: the output of one FFmpeg for one stream and slot. Owns the life of that FFmpeg: starts it, replaces
 * it when it dies or hangs, moves it to the next source, and ends the feed when nothing helps. Its readers do not
 * notice. A shared direct stream uses the same feed with a plain copy in place of FFmpeg.
 */

import type { StreamRecord, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { pause } from '../async.ts';
import { SourceError } from '../errors.ts';
import { Feed } from '../feed/feed.ts';
import { FeedHistory, type SourceClock } from '../feed/feed-history.ts';
import type { FeedOutput } from '../feed/feed-output.ts';
import { FiniteSourceError } from '../feed/finite-source.ts';
import type { RingLimits } from '../feed/ring.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { follow, type PlacedFeed } from '../ownership/follow.ts';
import { Preparation } from '../ownership/preparation.ts';
import { relayedError } from '../relay/relay-run.ts';
import { sourceFeedOf } from '../sources/source-feeds.ts';
import type { StreamSource } from '../streams/stream-source.ts';
import type { SourceTrouble } from '../upstream/failover/source-trouble.ts';
import { accountOf } from '../upstream/provider/provider-connections.ts';
import type { Production } from './production.ts';
import { failureOf, nextStep, type Step } from './recovery.ts';
import { type Run, type RunEnd, type RunRequest, resumeOn } from './run.ts';
import { watchRun } from './run-watch.ts';
import { Succession } from './succession.ts';

export interface ProcessFeedDeps {
  readonly log: Logger;
  readonly ringLimits: () => RingLimits;
  readonly streamTimeoutMs: number;
  readonly streamTotalTimeoutMs: number;
  readonly retryAttempts: number;
  readonly retryDelayMs: number;
  /** Called for each run that replaces one that ended. */
  readonly onRestart: () => void;
  /** Maximum age of a run; a test sets it. Unset: see `watchRun`. */
  readonly maxRunMs?: number;
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
  readonly history = new FeedHistory();
  readonly output: FeedOutput;
  readonly ringLimits: () => RingLimits;
  readonly #production: Production;
  readonly #streamId: string;
  readonly #source: StreamSource;
  readonly #deps: ProcessFeedDeps;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #run: Run | undefined;
  /** How the feed's times relate to those of its source, here or on the owner. */
  #sourceClock: SourceClock | undefined;
  /** The run on another source that takes over. */
  readonly #succession: Succession;
  /**
   * The input that a run here will read, held for a handover that has not happened yet. The value is the function that
   * frees it.
   */
  readonly #prepared = new Preparation<() => void>(
    () => this.#prepareInput(),
    (letGo) => letGo(),
  );
  /** The run whose source was given up although it still sends. */
  #left: Run | undefined;
  #replaced = false;
  /** This worker ended the current run to free its connection for the next source. */
  #leaving = false;
  #lastOutputMs = performance.now();
  /** Media that the current run has added to the feed. */
  #addedMediaMs = 0;
  #restarts = 0;

  constructor(
    stream: StreamRecord,
    slot: number,
    source: StreamSource,
    production: Production,
    place: FeedPlace,
    deps: ProcessFeedDeps,
  ) {
    this.place = place;
    this.#streamId = stream.id;
    this.#source = source;
    this.#production = production;
    this.#deps = deps;
    this.#log = deps.log.child({ stream: stream.id, slot });
    this.ringLimits = deps.ringLimits;
    this.feed = new Feed(deps.ringLimits(), production.opaque);
    this.output = production.output(this.feed);
    this.#succession = new Succession({
      start: () => production.start(this.#request()),
      timeoutMs: deps.streamTimeoutMs,
      signal: this.#abort.signal,
      log: this.#log,
    });
    place.onTaken(() => this.#run?.kill());
    this.#done = this.#loop();
  }

  /** The provider account that it reads from, in the terms of `accountOf`. */
  get account(): string {
    return accountOf(this.#source.address);
  }

  /** The keys of the source it should read, and of the one that the current run still reads. */
  get sourcesRead(): string[] {
    const wanted = sourceFeedOf(this.#source.address);
    return [wanted, this.#run?.source?.place.feed ?? wanted];
  }

  /** Process id of the FFmpeg that feeds it now. */
  get pid(): number | undefined {
    return this.#run?.pid;
  }

  get sourceClock(): SourceClock | undefined {
    return this.#sourceClock;
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
      await this.#prepared.ready();
    } catch (error) {
      this.#log.info({ err: error }, 'could not prepare to take over the feed');
      return false;
    }
    this.#prepared.keepFor(PREPARED_MS);
    return true;
  }

  async #prepareInput(): Promise<() => void> {
    if (this.#sourceClock !== undefined) return (await this.#production.leaseSource(this.#request())).release;
    // FFmpeg opens the source itself. That takes a second connection, if the provider allows two.
    const prepared = await this.#succession.prepare(undefined);
    if (prepared === 'failed') throw new SourceError('ffmpeg', 'FFmpeg could not open the source a second time.');
    return () => this.#succession.drop();
  }

  /** Lets another worker make the feed from the next picture on. Returns false when it stays here. */
  handOver(to: WorkerIdentity): Promise<boolean> {
    return this.place.handOver(to);
  }

  /**
   * Moves to the stream's current source after a failover. Opens the new source first and switches when it delivers. If
   * the provider allows no second connection, it closes the old one first.
   * @returns false when the new source did not deliver; the old one continues
   */
  async switchSource(): Promise<boolean> {
    while (this.place.current.kind === 'own' && !this.#abort.signal.aborted) {
      const index = this.#source.index;
      const prepared = await this.#succession.prepare(this.#run);
      if (prepared === 'ready') {
        this.#run?.kill();
        return true;
      }
      if (prepared === 'limit' && this.#holdsTheLimit) {
        this.#leaving = true;
        this.#run?.kill();
        return true;
      }
      if (!(await this.#source.advance(index, { reason: 'transcode_start_error' }))) return false;
    }
    return false;
  }

  /** The next source needs the current run's connection closed, and nobody else reads it. */
  get #holdsTheLimit(): boolean {
    const source = this.#run?.source;
    return source !== undefined && source.account === this.account && source.feed.readerCount === 1;
  }

  async #loop(): Promise<void> {
    let barrenRuns = 0;
    try {
      while (!this.#abort.signal.aborted) {
        if (this.place.current.kind === 'relay') {
          if (await this.#follow()) continue;
          break;
        }
        const index = this.#source.index;
        this.#addedMediaMs = 0;
        const end = await this.#makeOnce();
        if (this.#isOver) break;
        if (this.place.goesOnAt !== undefined) {
          this.#forget();
          this.#succession.drop();
          this.place.left();
          continue;
        }
        if (this.#succession.isReady) continue;
        if (this.#leaving) {
          this.#leaving = false;
          this.#forget();
          continue;
        }
        barrenRuns = this.#addedMediaMs > GOOD_RUN_MEDIA_MS ? 0 : barrenRuns + 1;
        const step = this.#decide(end, barrenRuns);
        this.#logEnd(end, step);
        if (step.kind === 'restart') {
          await pause(step.delayMs, this.#abort.signal);
        } else if (step.kind === 'failover' && (await this.#source.advance(index, step))) {
          // A provider may count the old connection against the new one.
          this.#forget();
          barrenRuns = 0;
        } else if (step.kind === 'end') {
          break;
        } else {
          this.feed.finish({ kind: 'failed', error: failureOf(end, this.#source.address.url) });
          return;
        }
        this.#restarts++;
        this.#deps.onRestart();
      }
      this.feed.finish({ kind: 'ended' });
    } catch (error) {
      this.feed.finish({ kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) });
    } finally {
      this.#prepared.drop();
      this.#succession.drop();
      this.#forget();
    }
  }

  /** Nobody wants the feed any more, or nothing can continue what viewers have already read. */
  get #isOver(): boolean {
    return this.#abort.signal.aborted || (!this.output.continuable && this.feed.ring.head > 0);
  }

  /**
   * Follows the worker that makes the feed, until that changes.
   * @returns false when the feed is over
   */
  async #follow(): Promise<boolean> {
    const { signal } = this.#abort;
    const onMedia = (clock: SourceClock | undefined) => {
      this.#lastOutputMs = performance.now();
      this.#sourceClock = clock;
    };
    const outcome = await follow(this, { signal, onMedia });
    if (outcome.kind === 'ended' || this.#isOver) return false;
    if (outcome.kind === 'failed') throw relayedError(outcome);
    await this.place.afterRelay(outcome, signal);
    // The worker that would have handed over is gone, and another one makes the feed.
    if (this.place.current.kind === 'relay') this.#prepared.drop();
    return !signal.aborted;
  }

  /** Runs one FFmpeg of this worker from start to end. Runs none if the source does not open. */
  async #makeOnce(): Promise<Partial<RunEnd>> {
    this.#replaced = false;
    const { current } = this.place;
    if (current.kind === 'own') this.history.own(current.epoch, this.output.lastDts);
    const previous = this.#run;
    let run: Run;
    try {
      run = this.#succession.take() ?? (await this.#production.start(this.#request()));
    } catch (error) {
      if (error instanceof SourceError) return { sourceError: error };
      throw error;
    }
    this.#run = run;
    previous?.release();
    this.#prepared.drop();
    this.#succession.letGo();
    if (this.#abort.signal.aborted) run.kill();
    const unwatch = this.#watch(run);
    try {
      await this.#refuseFinite(run);
      const timeline = run.source?.history.current.timeline;
      const known = timeline === this.#sourceClock?.timeline ? this.#sourceClock : undefined;
      const continues = known && { shift: known.shift, samePictures: this.#production.samePictures };
      this.output.begin(run.source === undefined ? { kind: 'source' } : { kind: 'run', continues });
      const { ring } = this.feed;
      // A run on another clock continues at the wall clock. That jump is not media.
      const fromBytes = ring.head;
      let fromMs = continues === undefined ? undefined : ring.headMs;
      for await (const chunk of run.output) {
        if (!(await this.place.mayPass())) {
          run.kill();
          break;
        }
        this.#lastOutputMs = performance.now();
        this.output.push(chunk as Buffer, this.#lastOutputMs);
        this.#noteClock(timeline);
        if (ring.head > fromBytes) fromMs ??= ring.headMs;
        this.#addedMediaMs = ring.headMs - (fromMs ?? ring.headMs);
        ring.setLimits(this.#deps.ringLimits());
        this.feed.publish();
      }
      const end = await run.ended;
      this.output.end(end.orderly);
      this.feed.publish();
      return end;
    } finally {
      unwatch();
      run.kill();
    }
  }

  /** The next run does not need the last run's source. */
  #forget(): void {
    this.#run?.release();
    this.#run = undefined;
    this.#succession.letGo();
  }

  /** What the next run of this worker has to make. */
  #request(): RunRequest {
    const resume = this.#sourceClock && resumeOn(this.#sourceClock, this.output.resumePoint);
    const { address, canFailOver } = this.#source;
    return { streamId: this.#streamId, address, canFailOver, resume, signal: this.#abort.signal };
  }

  #noteClock(timeline: string | undefined): void {
    const { shift } = this.output;
    const known = this.#sourceClock;
    if (shift === undefined || (known?.timeline === timeline && known?.shift === shift)) return;
    this.#sourceClock = timeline === undefined ? undefined : { timeline, shift };
  }

  /** A source that FFmpeg opened may turn out to have an end. Viewers have seen nothing of it yet. */
  async #refuseFinite(run: Run): Promise<void> {
    if (run.source !== undefined || this.feed.ring.head > 0) return;
    if ((await run.duration) !== undefined) throw new FiniteSourceError();
  }

  #decide(end: Partial<RunEnd>, barrenRuns: number): Step {
    const { streamTotalTimeoutMs, retryAttempts, retryDelayMs } = this.#deps;
    const outageMs = performance.now() - this.#lastOutputMs;
    if (streamTotalTimeoutMs > 0 && outageMs > streamTotalTimeoutMs) return { kind: 'fail' };
    return nextStep({
      exit: end.exit,
      sourceError: end.sourceError,
      replaced: this.#replaced,
      barrenRuns,
      retryAttempts,
      retryDelayMs,
      canFailOver: this.#source.canFailOver,
    });
  }

  #watch(run: Run): () => void {
    return watchRun(run, {
      output: this.output,
      lastOutputMs: () => this.#lastOutputMs,
      streamTimeoutMs: this.#deps.streamTimeoutMs,
      maxRunMs: this.#deps.maxRunMs,
      onTrouble: (trouble) => void this.#leaveSource(run, trouble),
      onHung: (why) => {
        if (this.#replaced) return;
        this.#replaced = true;
        this.#log.warn({ pid: run.pid }, `replacing FFmpeg: ${why}`);
        run.kill();
      },
    });
  }

  /** Moves to a better source if there is one; otherwise stays. */
  async #leaveSource(run: Run, trouble: SourceTrouble): Promise<void> {
    if (this.#left === run || this.#succession.isReady || !this.#source.canFailOver) return;
    this.#left = run;
    if (await this.#source.advance(this.#source.index, { reason: trouble })) await this.switchSource();
  }

  #logEnd(end: Partial<RunEnd>, step: Step): void {
    const fields = { exit: end.exit, source: end.sourceError?.message, next: step.kind };
    this.#log.warn(fields, 'an FFmpeg run ended');
  }
}
