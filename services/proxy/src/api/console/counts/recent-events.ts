/** What the record of events says of the last minutes, counted once and kept up to date while somebody looks. */

import type { EventType, RecordedEvent } from '../../../../../registry/events/event.ts';
import type { EventRecord } from '../../../../../registry/registry.ts';
import { FAILURE_TYPES } from '../../../../../shared/console/live.ts';
import type { EventFeed } from '../../../events/event-feed.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** So many events are read of each kind when it begins. */
const READ_AT_FIRST = 1_000;
/** So many times are kept of each kind. */
const KEPT = 20_000;

const FAILURES: ReadonlySet<EventType> = new Set(FAILURE_TYPES);

/** Times of events, of which only the last ones count. */
class Times {
  readonly #ms: number;
  /** By id, because an event may be read twice. */
  readonly #known = new Map<string, Pick<RecordedEvent, 'atMs' | 'streamId'>>();
  /** Some were not read. */
  areMore = false;

  constructor(ms: number) {
    this.#ms = ms;
  }

  add({ id, atMs, streamId }: RecordedEvent): void {
    this.#known.set(id, { atMs, streamId });
    const [oldest] = this.#known.keys();
    if (this.#known.size <= KEPT || oldest === undefined) return;
    this.#known.delete(oldest);
    this.areMore = true;
  }

  count(nowMs: number): number {
    for (const [id, { atMs }] of this.#known) if (atMs < nowMs - this.#ms) this.#known.delete(id);
    return this.#known.size;
  }

  /** Stream → how many; those of no stream are left out. */
  countByStream(nowMs: number): Map<string, number> {
    this.count(nowMs);
    const counts = new Map<string, number>();
    for (const { streamId } of this.#known.values()) {
      if (streamId !== undefined) counts.set(streamId, (counts.get(streamId) ?? 0) + 1);
    }
    return counts;
  }

  clear(): void {
    this.#known.clear();
    this.areMore = false;
  }

  /** @param read as many as were asked for, if there are so many */
  fill(read: readonly RecordedEvent[], nowMs: number): void {
    const oldest = read.at(-1);
    this.areMore ||= read.length >= READ_AT_FIRST && oldest !== undefined && oldest.atMs > nowMs - this.#ms;
    for (const event of read) this.add(event);
  }
}

export class RecentEvents {
  readonly #record: EventRecord;
  readonly #feed: Pick<EventFeed, 'read'>;
  readonly #joins = new Times(MINUTE_MS);
  readonly #failures = new Times(HOUR_MS);
  readonly #since = new Map<string, number>();
  /** Streams whose record is another one since it was read. */
  readonly #changed = new Set<string>();
  #stop: (() => void) | undefined;
  #beginning: Promise<void> | undefined;
  #end: () => void = () => undefined;

  constructor(record: EventRecord, feed: Pick<EventFeed, 'read'>) {
    this.#record = record;
    this.#feed = feed;
  }

  /**
   * Reads what was before, once, and follows from then on.
   *
   * @throws when the record cannot be read; the next call tries again
   */
  async follow(nowMs: number): Promise<void> {
    this.#beginning ??= this.#begin(nowMs);
    const beginning = this.#beginning;
    try {
      await beginning;
    } catch (error) {
      if (this.#beginning === beginning) this.end();
      throw error;
    }
  }

  /** What was before has been read. */
  get isFollowing(): boolean {
    return this.#stop !== undefined;
  }

  async #begin(nowMs: number): Promise<void> {
    // Nobody may look any more before it has begun.
    let isOver = false;
    this.#end = () => {
      isOver = true;
    };
    const event = (recorded: RecordedEvent): void => {
      if (!isOver) this.#take(recorded);
    };
    const stop = await this.#feed.read({ event, missed: () => undefined, isPatient: true }, undefined);
    try {
      const read = (types: readonly EventType[]) => this.#record.events({ types }, READ_AT_FIRST);
      const joins = await read(['client_connected']);
      const failures = await read([...FAILURES]);
      const started = await read(['stream_started', 'stream_stopped']);
      if (isOver) return stop();
      this.#joins.fill(joins, nowMs);
      this.#failures.fill(failures, nowMs);
      for (const each of started.reverse()) this.#take(each);
      this.#stop = stop;
    } catch (error) {
      stop();
      throw error;
    }
  }

  /** Nobody looks any more. */
  end(): void {
    this.#end();
    this.#stop?.();
    this.#stop = undefined;
    this.#beginning = undefined;
    this.#joins.clear();
    this.#failures.clear();
    this.#since.clear();
    this.#changed.clear();
  }

  joinsLastMinute(nowMs: number): number {
    return this.#joins.count(nowMs);
  }

  failuresLastHour(nowMs: number): number {
    return this.#failures.count(nowMs);
  }

  failuresByStream(nowMs: number): ReadonlyMap<string, number> {
    return this.#failures.countByStream(nowMs);
  }

  get areMore(): boolean {
    return this.#joins.areMore || this.#failures.areMore;
  }

  /** Streams that play → since when, in ms. */
  get since(): ReadonlyMap<string, number> {
    return this.#since;
  }

  /** The streams that play from another source, or were made anew, since the last call. */
  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  #take(event: RecordedEvent): void {
    const { type, streamId, atMs } = event;
    if (type === 'client_connected') this.#joins.add(event);
    if (FAILURES.has(type)) this.#failures.add(event);
    if (streamId === undefined) return;
    if (type === 'stream_started' || type === 'failover_triggered') this.#changed.add(streamId);
    if (type === 'stream_started') this.#since.set(streamId, atMs);
    if (type === 'stream_stopped') this.#since.delete(streamId);
  }
}
