/**
 * The broadcasts of the cluster, as one worker sees them. Each is owned as a feed is: one worker makes it, and another one goes on when
 * that is gone.
 */

import {
  type BroadcastKind,
  type BroadcastOrder,
  type BroadcastProgress,
  broadcastKey,
  hasEnded,
  type ShownBroadcast,
} from '../../../registry/broadcasts/broadcast.ts';
import { isOutage } from '../../../registry/outage.ts';
import type { Registry } from '../../../registry/registry.ts';
import type { StreamRecord } from '../../../registry/types.ts';
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { pauseBy, within } from '../async.ts';
import { StreampoolError } from '../errors.ts';
import type { StreamCatalogue } from '../streams/stream-catalogue.ts';
import { BroadcastCallbacks, type BroadcastCallbacksDeps } from './broadcast-callbacks.ts';
import type { BroadcastFeed } from './broadcast-feed.ts';
import { type BroadcastNews, kindOf } from './broadcast-news.ts';
import { BroadcastReading, type BroadcastReadingDeps } from './broadcast-reading.ts';
import { type BroadcastEnd, BroadcastRun } from './broadcast-run.ts';
import { createSource } from './broadcast-source.ts';
import { BroadcastLostError, BroadcastWriter } from './broadcast-writer.ts';
import type { RecordingLimits } from './store/limits.ts';
import { newIndex, progressOf, type RecordingIndex } from './store/recording-index.ts';
import { type RecordingStore, StoreError } from './store/recording-store.ts';
import { SubtitleTrack, type SubtitleTrackDeps } from './subtitles/subtitle-track.ts';
import { Upkeep } from './upkeep.ts';

/** How often a worker looks whether the makers are still there. It asks nobody for that. */
const LOOK_MS = 1_000;
/** How often it asks which broadcasts there are: what was said of a change may be lost. */
const ASK_MS = 30_000;
/** What another worker has removed, this one hears of within this time. */
const CERTAIN_MS = 3_000;
/** A caller waits this long for the first media. m3u-editor gives a recording 10 s to begin. */
const BEGIN_MS = 8_000;
/** A reader waits this long for what the registry says; after that, for what the stores have. */
const TOLD_MS = 500;
/** How often the registry is asked about a broadcast that another worker makes, while somebody waits. */
const POLL_MS = 200;

export interface BroadcastsDeps {
  readonly registry: Pick<
    Registry,
    'broadcasts' | 'confirm' | 'release' | 'peers' | 'send' | 'stream' | 'markUnshareable' | 'knowsAll'
  >;
  /** Opens the feed of a stream. @throws {StreampoolError} why it cannot be opened */
  readonly open: (stream: StreamRecord, signal: AbortSignal) => Promise<BroadcastFeed>;
  /** The same of a source with an end. @param index how far the broadcast is */
  readonly openFilm: (stream: StreamRecord, index: RecordingIndex) => BroadcastFeed;
  readonly catalogue: Pick<StreamCatalogue, 'createDirect' | 'createTranscoded'>;
  /** Fetches a file of subtitles. @throws {Error} why it cannot be had */
  readonly loadCues: SubtitleTrackDeps['load'];
  /** Of kept sequences, and of windows. */
  readonly stores: { readonly kept: RecordingStore; readonly window: RecordingStore };
  /** As that of `BroadcastReading`. */
  readonly ask: BroadcastReadingDeps['ask'];
  /** Of kept sequences. */
  readonly limits: RecordingLimits;
  readonly callback: BroadcastCallbacksDeps['callback'];
  readonly news: Pick<BroadcastNews, 'began' | 'over' | 'wrote'>;
  /** This worker begins nothing. */
  readonly isDraining: () => boolean;
  /** It stood still: another worker may make by now what it makes. */
  readonly isInDoubt: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A broadcast that this worker makes. */
interface Made {
  readonly run: BroadcastRun;
  /** Resolves when this worker no longer makes it. */
  readonly over: Promise<void>;
}

export class Broadcasts {
  /** What readers get of them. */
  readonly reading: BroadcastReading;
  readonly #deps: BroadcastsDeps;
  readonly #upkeep: Upkeep;
  readonly #callbacks: BroadcastCallbacks;
  readonly #made = new Map<string, Made>();
  /** Who makes those that run elsewhere: an incarnation. */
  readonly #elsewhere = new Map<string, string>();
  readonly #stopped = new AbortController();
  /** One thing is done about a broadcast at a time. */
  readonly #turns = new Map<string, Promise<void>>();
  #known: readonly ShownBroadcast[] = [];
  #askedMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(deps: BroadcastsDeps) {
    this.#deps = deps;
    const { stores, ask, clock } = deps;
    const made = (id: string) => (deps.isInDoubt() ? undefined : this.#made.get(id)?.run.index);
    const told = (id: string) => this.#told(id);
    this.reading = new BroadcastReading({ stores, made, told, peers: () => deps.registry.peers(), ask, clock });
    this.#callbacks = new BroadcastCallbacks(deps);
    this.#upkeep = new Upkeep({ ...deps, reading: this.reading });
  }

  /** Those that this worker makes, of each kind. */
  get counts(): ReadonlyMap<BroadcastKind, number> {
    const counts = new Map<BroadcastKind, number>([
      ['recording', 0],
      ['channel', 0],
    ]);
    for (const { run } of this.#made.values()) counts.set(kindOf(run.index), (counts.get(kindOf(run.index)) ?? 0) + 1);
    return counts;
  }

  start(): void {
    this.#timer = this.#deps.clock.setInterval(() => void this.#lookAround(), LOOK_MS);
    void this.#lookAround();
  }

  /** Other workers go on with what this one makes. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#deps.clock.clearInterval(this.#timer);
    this.#stopped.abort();
    this.#callbacks.stop();
    const made = [...this.#made.values()];
    for (const { run } of made) run.leave();
    await Promise.all(made.map(({ over }) => over));
  }

  /**
   * Begins a programme, and waits until it has media.
   * @throws {StreampoolError} 502 when its source does not open, 504 when that takes too long, 503 when there are too many, 409 while it runs
   *   as the other kind
   */
  async begin(id: string, order: Omit<BroadcastOrder, 'programme'>): Promise<ShownBroadcast> {
    const { registry, clock, log } = this.#deps;
    const untilMs = clock.monotonicMs() + BEGIN_MS;
    const before = await registry.broadcasts.find(id);
    if (before !== undefined && before.order.kept !== order.kept && !hasEnded(before.progress?.state ?? 'starting')) {
      throw new StreampoolError(
        409,
        `Broadcast ${id} runs as ${before.order.kept ? 'a recording' : 'a window'}. Stop it first.`,
      );
    }
    this.#callbacks.overtake(id);
    const programme = await registry.broadcasts.begin(id, order);
    if (programme === undefined) {
      throw new StreampoolError(503, 'There are too many broadcasts. Delete some that have ended.');
    }
    // A bucket that is slow takes none of the time in which the caller wants an answer.
    await within(clock, this.lookAt(id), untilMs - clock.monotonicMs(), this.#stopped.signal);
    // Whoever makes it is told, and the others learn who that is.
    await registry.send({ kind: 'broadcast', id });
    const shown = await this.#until(id, untilMs, ({ order, progress }) => {
      // Another start may have come meanwhile.
      if (order.programme !== programme) return true;
      return progress?.programme === programme && (progress.state === 'running' || hasEnded(progress.state));
    });
    const { order: current, progress } = shown;
    if (current.programme !== programme) return shown;
    if (progress?.programme === programme && progress.state === 'failed') {
      throw new StreampoolError(502, `Broadcast ${id} failed to start: ${progress.error ?? 'its stream ended'}`);
    }
    if (progress?.programme === programme && progress.state !== 'starting') return shown;
    const made = this.#made.get(id)?.run;
    if (made?.hasMedia === true) {
      // Its first segment is long. Whatever happens from now on, a callback tells.
      made.isAnswered = true;
      return shown;
    }
    void this.end(id).catch((error: unknown) => {
      log.warn({ err: error, broadcast: id }, 'a broadcast that has not begun could not be ended');
    });
    throw new StreampoolError(504, `Broadcast ${id} has no media after ${BEGIN_MS / 1000} s.`);
  }

  /** Ends one, and waits until it has ended. Undefined: there is none. */
  async end(id: string): Promise<ShownBroadcast | undefined> {
    const { registry, clock } = this.#deps;
    this.#callbacks.overtake(id);
    if (!(await registry.broadcasts.end(id))) return undefined;
    await this.lookAt(id);
    if (!this.#made.has(id)) await registry.send({ kind: 'broadcast', id });
    const untilMs = clock.monotonicMs() + BEGIN_MS;
    const ended = await this.#until(id, untilMs, ({ progress }) => progress !== undefined && hasEnded(progress.state));
    this.reading.changed(id);
    return ended;
  }

  /** Ends one, and removes everything of it. */
  async remove(id: string): Promise<void> {
    const { registry } = this.#deps;
    this.#callbacks.overtake(id);
    await registry.broadcasts.remove(id);
    await this.clear(id);
    await registry.send({ kind: 'broadcast', id, removed: true });
  }

  /** One has been removed: nothing of it stays here. */
  async clear(id: string): Promise<void> {
    this.reading.changed(id);
    const { stores } = this.#deps;
    this.#callbacks.overtake(id);
    const made = this.#made.get(id);
    made?.run.stop();
    await made?.over;
    await Promise.all([stores.kept.removeAll(id), stores.window.removeAll(id)]);
  }

  /** All of the cluster. */
  list(): Promise<ShownBroadcast[]> {
    return this.#deps.registry.broadcasts.list();
  }

  find(id: string): Promise<ShownBroadcast | undefined> {
    return this.#deps.registry.broadcasts.find(id);
  }

  /** See `BroadcastReadingDeps`. */
  async #told(id: string): Promise<string | undefined> {
    const { registry, clock } = this.#deps;
    const answer = registry.broadcasts.find(id).catch(() => undefined);
    const { progress } = (await within(clock, answer, TOLD_MS, this.#stopped.signal)) ?? {};
    return progress && `${progress.epoch} ${progress.programme} ${progress.next} ${progress.state}`;
  }

  /** Somebody has asked for it, or for its end: does what is to be done here. */
  lookAt(id: string): Promise<void> {
    this.reading.changed(id);
    this.#elsewhere.delete(id);
    const before = this.#turns.get(id) ?? Promise.resolve();
    const turn = before.then(async () => {
      const shown = await this.#deps.registry.broadcasts.find(id);
      await this.#tend(id, shown);
    });
    const settled = turn.catch((error: unknown) => {
      // The next look tries it again.
      this.#askedMs = Number.NEGATIVE_INFINITY;
      if (!isOutage(error))
        this.#deps.log.error({ err: error, broadcast: id }, 'a broadcast could not be looked after');
    });
    this.#turns.set(id, settled);
    void settled.then(() => {
      if (this.#turns.get(id) === settled) this.#turns.delete(id);
    });
    return turn;
  }

  async #tend(id: string, shown: ShownBroadcast | undefined): Promise<void> {
    if (shown === undefined || shown.isStopped) this.#callbacks.overtake(id);
    else this.#callbacks.isAt(id, shown.order.programme);
    const made = this.#made.get(id);
    if (made !== undefined) {
      const { order } = made.run.index;
      if (shown === undefined || shown.isStopped) made.run.stop();
      else if (shown.order.programme > order.programme) made.run.next(shown.order);
      return;
    }
    if (shown === undefined || !isWanted(shown) || this.#isOver || this.#deps.isDraining()) return;
    const place = await this.#deps.registry.confirm(broadcastKey(id));
    if (place.kind === 'wait') {
      // A registry that has just begun does not know yet who makes it.
      await pauseBy(this.#deps.clock, place.ms, this.#stopped.signal);
      return this.#tend(id, await this.#deps.registry.broadcasts.find(id));
    }
    if (place.kind === 'relay') this.#elsewhere.set(id, place.owner.incarnation);
    if (place.kind === 'own') await this.#make(shown, place.epoch);
  }

  async #make(shown: ShownBroadcast, epoch: number): Promise<void> {
    const { registry, stores, news, clock, log } = this.#deps;
    const { id, order } = shown;
    const store = order.kept ? stores.kept : stores.window;
    let writer: BroadcastWriter;
    try {
      const deps = { book: registry.broadcasts, store, clock, wrote: (bytes: number) => news.wrote(bytes) };
      writer = await BroadcastWriter.open(
        deps,
        shown,
        epoch,
        shown.progress ?? (await this.#progressElsewhere(store, id)),
      );
    } catch (error) {
      if (error instanceof BroadcastLostError) return;
      if (!(error instanceof StoreError)) throw error;
      await this.#refuse(shown, epoch, error);
      return;
    }
    const opened = new Set<number>();
    const open = (index: RecordingIndex, signal: AbortSignal) => {
      const { programme } = index.order;
      const mayCreate = !opened.has(programme);
      opened.add(programme);
      return this.#open(index, signal, mayCreate);
    };
    const run = new BroadcastRun({
      ...{ writer, open, news, clock, log },
      subtitles: (each) => new SubtitleTrack({ load: this.#deps.loadCues, clock, log }, each),
      hasEnd: (streamId) => registry.markUnshareable(streamId),
      following: (index) => this.#following(index),
      hasFollowed: (index, { order: { programme }, pid }) =>
        this.#callbacks.tell({ event: 'programme_ended', index, programme, newPid: pid }),
    });
    if (shown.isStopped) run.stop();
    const over = run.run().then((end) => this.#ended(id, run, end));
    this.#made.set(id, { run, over });
  }

  /** How far it is, if the registry has lost that and only another worker can know. */
  async #progressElsewhere(store: RecordingStore, id: string): Promise<BroadcastProgress | undefined> {
    const index = store.isShared ? undefined : await this.reading.newest(id);
    return index && progressOf(index, index.epoch);
  }

  /** Nothing can be written of it: what there is stays as it is. */
  async #refuse({ id, order, progress }: ShownBroadcast, epoch: number, why: StoreError): Promise<void> {
    const { registry, news, clock, log } = this.#deps;
    log.error({ err: why, broadcast: id }, 'a broadcast cannot be made');
    const index = newIndex(id, epoch, order, clock.wallMs());
    const ended = { epoch, state: 'failed', error: why.message, endedAtMs: clock.wallMs() } as const;
    await registry.broadcasts.note(id, {
      ...(progress ?? progressOf(index, epoch)),
      ...{ ...ended, programme: order.programme },
    });
    news.over(index, 'failed', why.message);
    // Its caller has been told that it runs.
    if (progress?.state === 'running') {
      this.#callbacks.tell({
        event: 'broadcast_failed',
        index: { ...index, error: why.message },
        programme: order.programme,
      });
    }
    await registry.release(broadcastKey(id));
  }

  /** @param mayCreate the registry may have lost the stream; later on it was deleted */
  async #open(index: RecordingIndex, signal: AbortSignal, mayCreate: boolean): Promise<BroadcastFeed> {
    const { registry, catalogue } = this.#deps;
    const { order } = index;
    let stream = await registry.stream(order.streamId);
    if (stream === undefined && order.source !== undefined && mayCreate) {
      stream = await createSource(catalogue, order.source, order.metadata);
    }
    if (stream === undefined && !registry.knowsAll) {
      throw new StreampoolError(503, 'Nobody can say whether the stream of this recording still exists.');
    }
    if (stream === undefined) throw new StreampoolError(404, 'The stream of this recording was deleted.');
    return stream.unshareable ? this.#deps.openFilm(stream, index) : this.#deps.open(stream, signal);
  }

  async #ended(id: string, { index, hasBegun, isAnswered }: BroadcastRun, end: BroadcastEnd): Promise<void> {
    const { registry, stores, log } = this.#deps;
    log.info({ broadcast: id, how: end.kind, segments: index.segments.length }, 'a broadcast has ended on this worker');
    try {
      if (end.kind !== 'lost') await registry.release(broadcastKey(id));
      if (end.kind === 'left') await registry.send({ kind: 'broadcast', id });
      // Whoever makes the window begins it anew.
      if (end.kind === 'lost' || end.kind === 'left') await stores.window.removeAll(id);
    } catch (error) {
      log.warn({ err: error, broadcast: id }, 'a broadcast could not be given up');
    } finally {
      // Not before: whoever begins it meanwhile would lose it again.
      this.#made.delete(id);
    }
    if (this.#isOver) return;
    // Whoever has asked for one that has not begun gets the reason as the answer.
    if (
      (hasBegun || isAnswered || index.order.isAutomatic === true) &&
      (end.kind === 'ended' || end.kind === 'failed')
    ) {
      const event = end.kind === 'ended' ? 'programme_ended' : 'broadcast_failed';
      this.#callbacks.tell({ event, index, programme: index.order.programme });
    }
    // What was asked in its last moment nobody has seen, and what was lost may have come back under another epoch.
    void this.lookAt(id).catch(() => undefined);
  }

  /** Begins the programme that one asks for which has ended by itself, unless somebody has asked for something else. */
  async #following({ id, order }: RecordingIndex): Promise<BroadcastOrder | undefined> {
    if (order.following === undefined) return undefined;
    const asked = { ...order.following, isAutomatic: true };
    const programme = await this.#deps.registry.broadcasts.begin(id, asked, order.programme);
    return programme === undefined ? undefined : { ...asked, programme };
  }

  async #until(id: string, untilMs: number, isThere: (shown: ShownBroadcast) => boolean): Promise<ShownBroadcast> {
    const { registry, clock } = this.#deps;
    const never = new AbortController().signal;
    for (;;) {
      const shown = await registry.broadcasts.find(id);
      if (shown === undefined) throw new StreampoolError(404, 'Broadcast not found');
      const leftMs = untilMs - clock.monotonicMs();
      if (isThere(shown) || leftMs <= 0) return shown;
      const made = this.#made.get(id);
      if (made === undefined) await pauseBy(clock, Math.min(POLL_MS, leftMs));
      else await within(clock, Promise.race([made.over, pauseBy(clock, POLL_MS)]), leftMs, never);
    }
  }

  /** Other workers go on. Without one, this worker goes on until it ends. */
  #leaveAll(): void {
    if (this.#deps.registry.peers().length === 0) return;
    for (const { run } of this.#made.values()) run.leave();
  }

  /** Takes up what nobody makes. One look at a time. */
  #lookAround(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        if (!isOutage(error)) this.#deps.log.error({ err: error }, 'broadcasts could not be looked after; tried again');
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  /** Which broadcasts there are. */
  async #ask(): Promise<void> {
    const { all, beyond, isUncertain } = await this.#upkeep.compare();
    this.#known = all;
    this.#askedMs = this.#deps.clock.monotonicMs() - (isUncertain ? ASK_MS - CERTAIN_MS : 0);
    for (const id of beyond) await this.remove(id);
  }

  async #look(): Promise<void> {
    const { registry, clock } = this.#deps;
    if (this.#isOver) return;
    if (this.#deps.isDraining()) return this.#leaveAll();
    const alive = new Set(registry.peers().map(({ incarnation }) => incarnation));
    const isOrphaned = [...this.#elsewhere.values()].some((incarnation) => !alive.has(incarnation));
    if (isOrphaned || clock.monotonicMs() - this.#askedMs >= ASK_MS) {
      await this.#ask();
    }
    for (const shown of this.#known) {
      const { id } = shown;
      const maker = this.#elsewhere.get(id);
      if (!isWanted(shown) || this.#made.has(id) || (maker !== undefined && alive.has(maker))) continue;
      await this.lookAt(id);
    }
    for (const [id, maker] of this.#elsewhere) if (!alive.has(maker)) this.#elsewhere.delete(id);
  }
}

/** Somebody has to make it, or to write down that it has ended. */
function isWanted({ order, isStopped, progress }: ShownBroadcast): boolean {
  if (progress === undefined || !hasEnded(progress.state)) return true;
  return !isStopped && progress.programme < order.programme;
}
