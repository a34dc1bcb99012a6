/** The record of events in memory: what a worker alone has instead of Redis, with the same answers. */

import type { Clock } from '../../shared/clock.ts';
import {
  comparePositions,
  type Entry,
  EVENT_HALVES,
  EVENTS_KEPT,
  EVENTS_START,
  type EventCounts,
  type EventFilter,
  type EventHalf,
  type EventPosition,
  type EventType,
  eventId,
  halfOf,
  type NewEvents,
  parseEventId,
  passes,
  type RecordedEvent,
  type ToldEvent,
} from './event.ts';
import type { StreamFacts } from './stream-facts.ts';

/** Entries that one question for new ones gets. */
const AT_ONCE = 500;

export class EventLog {
  readonly #clock: Clock;
  readonly #keepMs: number;
  /** The oldest first. */
  readonly #entries: Record<EventHalf, Entry[]> = { cluster: [], clients: [] };
  readonly #counts: Partial<Record<EventType, number>> = {};
  #position: EventPosition = EVENTS_START;
  #lastMs = 0;
  #order = 0;

  /** @param keepMs how long events are kept */
  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock;
    this.#keepMs = keepMs;
  }

  /** @param facts of the stream that it is about */
  add({ type, streamId, data }: ToldEvent, facts?: StreamFacts): void {
    const half = halfOf(type);
    const nowMs = this.#clock.wallMs();
    this.#lastMs = Math.max(nowMs, this.#lastMs);
    this.#order += 1;
    const position = { ms: this.#lastMs, seq: this.#order, n: this.#position[half].n + 1 };
    const { name, metadata = {} } = facts?.about ?? {};
    const about = streamId === undefined ? {} : { stream_id: streamId, name, metadata };
    const sources = type === 'stream_started' ? facts?.sources : undefined;
    const event: RecordedEvent = {
      id: eventId(position),
      type,
      atMs: nowMs,
      late: false,
      streamId,
      data: { ...data, ...sources, ...about },
    };
    this.#position = { ...this.#position, [half]: position };
    this.#counts[type] = (this.#counts[type] ?? 0) + 1;
    const entries = this.#entries[half];
    entries.push({ half, position, event });
    // Rarely, because it moves all of them.
    if (entries.length >= 2 * EVENTS_KEPT) entries.splice(0, entries.length - EVENTS_KEPT);
  }

  #kept(half: EventHalf): readonly Entry[] {
    const sinceMs = this.#clock.wallMs() - this.#keepMs;
    return this.#entries[half].slice(-EVENTS_KEPT).filter(({ position }) => position.ms >= sinceMs);
  }

  events(filter: EventFilter, limit: number, before: string | undefined): RecordedEvent[] {
    const end = before === undefined ? undefined : parseEventId(before);
    if (before !== undefined && end === undefined) return [];
    return EVENT_HALVES.flatMap((half) => this.#kept(half))
      .filter(
        (entry) => (end === undefined || comparePositions(entry.position, end) < 0) && passes(filter, entry.event),
      )
      .sort((a, b) => comparePositions(b.position, a.position))
      .slice(0, limit)
      .map(({ event }) => event);
  }

  /** Since it was made, also of those that are not kept any more. */
  get counts(): EventCounts {
    return this.#counts;
  }

  get newest(): EventPosition {
    return this.#position;
  }

  newEvents(since: EventPosition): NewEvents {
    let position = since;
    let missed = 0;
    const found: Entry[] = [];
    for (const half of EVENT_HALVES) {
      const entries = this.#kept(half)
        .filter((entry) => comparePositions(entry.position, since[half]) > 0)
        .slice(0, AT_ONCE);
      const [first, last] = [entries[0], entries.at(-1)];
      if (first === undefined || last === undefined) continue;
      if (since[half].n > 0) missed += Math.max(0, first.position.n - since[half].n - 1);
      position = { ...position, [half]: last.position };
      found.push(...entries);
    }
    let reached = since;
    const events = found
      .sort((a, b) => comparePositions(a.position, b.position))
      .map(({ half, position: at, event }) => {
        reached = { ...reached, [half]: at };
        return { event, position: reached };
      });
    return { events, position, missed };
  }
}
