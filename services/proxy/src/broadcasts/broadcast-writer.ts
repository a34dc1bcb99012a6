/**
 * Writes what a broadcast consists of: a segment, then the word of the registry that this worker still makes it, then the index. So
 * nobody lists a segment of a worker that another one has replaced, and none that is only half there.
 */

import {
  type BroadcastBook,
  type BroadcastOrder,
  type BroadcastProgress,
  hasEnded,
  type KeptBroadcast,
  type RecordedSegment,
} from '../../../registry/broadcasts/broadcast.ts';
import { isOutage } from '../../../registry/outage.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { SegmentGroup } from './segment-groups.ts';
import { INDEX_NAME, segmentName, writingEpoch } from './store/names.ts';
import { newestIndex } from './store/reading.ts';
import {
  indexText,
  newIndex,
  nextProgramme,
  progressOf,
  type RecordingIndex,
  withSegment,
} from './store/recording-index.ts';
import type { RecordingStore } from './store/recording-store.ts';

export interface BroadcastWriterDeps {
  readonly book: Pick<BroadcastBook, 'note'>;
  readonly store: RecordingStore;
  /** So much media was written, in bytes. */
  readonly wrote?: (bytes: number) => void;
  readonly clock: Clock;
}

/** Another worker makes the broadcast, or it was removed. */
export class BroadcastLostError extends Error {
  constructor(id: string) {
    super(`the broadcast ${id} is no longer made here`);
    this.name = 'BroadcastLostError';
  }
}

/** Slow readers still ask for what has left a window. */
const KEPT_BEYOND = 3;

export class BroadcastWriter {
  readonly #deps: BroadcastWriterDeps;
  /** Of the ownership. */
  readonly #granted: number;
  readonly #epoch: number;
  #index: RecordingIndex;
  /** Left the window, the oldest first. */
  #dropped: readonly RecordedSegment[] = [];

  private constructor(deps: BroadcastWriterDeps, granted: number, epoch: number, index: RecordingIndex) {
    this.#deps = deps;
    this.#granted = granted;
    this.#epoch = epoch;
    this.#index = index;
  }

  /**
   * Begins a broadcast that this worker has just become the owner of, or goes on where the worker before was.
   * @param granted the epoch of the ownership
   * @param known what the registry says of it
   * @throws {StoreError}
   * @throws {BroadcastLostError}
   */
  static async open(
    deps: BroadcastWriterDeps,
    { id, order }: Pick<KeptBroadcast, 'id' | 'order'>,
    granted: number,
    known: BroadcastProgress | undefined,
  ): Promise<BroadcastWriter> {
    const { store, clock } = deps;
    const epochs = await store.epochs(id);
    const epoch = writingEpoch(granted, epochs);
    const before = await newestIndex(store, id, epochs);
    const stored = before && (await withLast(store, before, known));
    // Another worker has gone on with it since, in a folder of its own.
    const isBehind = stored !== undefined && known !== undefined && known.next > stored.next;
    const begun = stored === undefined || isBehind ? begunAnew(id, epoch, order, known, clock.wallMs()) : stored;
    const whole = { ...begun, epoch };
    await store.tidy(id);
    await store.begin(id, epoch);
    const isNext = whole.order.programme < order.programme;
    const index = isNext ? nextProgramme(whole, order, clock.wallMs()) : whole;
    const writer = new BroadcastWriter(deps, granted, epoch, index);
    await writer.#put(index);
    return writer;
  }

  get index(): RecordingIndex {
    return this.#index;
  }

  /**
   * Adds a segment.
   * @param feed up to where the feed is in it
   * @param subtitles as WebVTT; undefined: none
   */
  async add(
    group: SegmentGroup,
    media: Uint8Array,
    feed: RecordingIndex['feed'],
    subtitles?: string | undefined,
  ): Promise<void> {
    const { id, next } = this.#index;
    const { store } = this.#deps;
    await store.write(id, this.#epoch, segmentName(next), media);
    if (subtitles !== undefined) await store.write(id, this.#epoch, segmentName(next, 'vtt'), subtitles);
    this.#deps.wrote?.(media.length);
    const { seconds, pdtMs, discontinuity } = group;
    const subtitled = subtitles !== undefined;
    const facts = {
      ...{ epoch: this.#epoch, seconds, pdtMs, discontinuity, bytes: media.length },
      ...(subtitled && { subtitled }),
    };
    const { index, dropped } = withSegment(this.#index, facts);
    await this.#put({ ...index, state: 'running', feed });
    this.#dropped = [...this.#dropped, ...dropped];
    const gone = this.#dropped.slice(0, -KEPT_BEYOND);
    this.#dropped = this.#dropped.slice(-KEPT_BEYOND);
    for (const { n, epoch, subtitled: had } of gone) {
      await store.remove(id, epoch, [segmentName(n), ...(had === true ? [segmentName(n, 'vtt')] : [])]);
    }
  }

  /** What is known of it has changed: its state, or its process. */
  async change(changes: Partial<Pick<RecordingIndex, 'state' | 'error' | 'endedAtMs' | 'pid'>>): Promise<void> {
    await this.#put({ ...this.#index, ...changes });
  }

  /** Goes on with the next programme. */
  async next(order: BroadcastOrder): Promise<void> {
    await this.#put(nextProgramme(this.#index, order, this.#deps.clock.wallMs()));
  }

  /** It is over. */
  async end(state: 'stopped' | 'failed', error?: string): Promise<void> {
    if (hasEnded(this.#index.state)) return;
    await this.change({ state, error, endedAtMs: this.#deps.clock.wallMs() });
  }

  async #put(index: RecordingIndex): Promise<void> {
    const { id } = index;
    const { store } = this.#deps;
    const progress = progressOf(index, this.#granted);
    // Whoever waits for its end reads the index then.
    const isOver = hasEnded(index.state);
    await this.#assertMine(isOver ? { ...progress, state: 'stopping', endedAtMs: undefined } : progress);
    await store.write(id, this.#epoch, INDEX_NAME, indexText(index));
    this.#index = index;
    if (isOver) await this.#assertMine(progress);
  }

  async #assertMine(progress: BroadcastProgress): Promise<void> {
    if (!(await this.#isMine(progress))) throw new BroadcastLostError(this.#index.id);
  }

  /** Without an answer it goes on, as running streams do: nobody can become the owner meanwhile. */
  async #isMine(progress: BroadcastProgress): Promise<boolean> {
    try {
      return (await this.#deps.book.note(this.#index.id, progress)) !== 'lost';
    } catch (error) {
      if (isOutage(error)) return true;
      throw error;
    }
  }
}

/** A window was in the memory of a worker that is gone: its numbers go on. */
function begunAnew(
  id: string,
  epoch: number,
  order: BroadcastOrder,
  known: BroadcastProgress | undefined,
  nowMs: number,
): RecordingIndex {
  const index = newIndex(id, epoch, order, nowMs);
  if (known === undefined) return index;
  const { next, discontinuities, startedAtMs, state, programme, feed, programmeSeconds } = known;
  const isSame = programme === order.programme;
  return {
    ...{ ...index, order: { ...order, programme }, droppedDiscontinuities: discontinuities },
    next: Math.max(next, isSame ? 0 : order.startNumber),
    ...(isSame && { startedAtMs, state, feed, programmeSeconds, endedAtMs: known.endedAtMs, error: known.error }),
  };
}

/** The worker before may have ended between the word of the registry and its index. */
async function withLast(
  store: RecordingStore,
  index: RecordingIndex,
  known: BroadcastProgress | undefined,
): Promise<RecordingIndex> {
  const { last, feed, programme } = known ?? {};
  if (last === undefined || last.n !== index.next || programme !== index.order.programme) return index;
  if ((await store.read(index.id, last.epoch, segmentName(last.n))) === undefined) return index;
  return { ...withSegment(index, last).index, feed };
}
