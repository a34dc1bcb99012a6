/** New events for everybody who reads along on this worker: one question to the registry at a time, however many they are. */

import {
  comparePositions,
  EVENT_HALVES,
  type EventPosition,
  halfOf,
  type NewEvents,
  type RecordedEvent,
} from '../../../registry/events/event.ts';
import type { EventRecord } from '../../../registry/registry.ts';
import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';

/** How often it looks for new events while somebody reads. */
const LOOK_MS = 500;
/** Patient readers wait for so long for somebody who brings new events. */
const PATIENT_MS = 1_500;

export interface EventReader {
  event(event: RecordedEvent, position: EventPosition): void;
  /** So many events since the last one are not kept any more. */
  missed(count: number): void;
  /** It can wait for events until they are read together with something else. */
  readonly isPatient?: boolean;
}

/** Whether somebody who has read up to `position` needs nothing from before `start`. */
function hasRead(position: EventPosition, start: EventPosition): boolean {
  return EVENT_HALVES.every((half) => comparePositions(position[half], start[half]) >= 0);
}

class Reading {
  readonly reader: EventReader;
  position: EventPosition;
  isOver = false;
  /** It reads what was there before on its own. */
  isBehind = true;

  constructor(reader: EventReader, position: EventPosition) {
    this.reader = reader;
    this.position = position;
  }

  take({ events, position, missed }: NewEvents): void {
    if (missed > 0) this.reader.missed(missed);
    for (const { event, position: at } of events) {
      const half = halfOf(event.type);
      if (this.isOver || comparePositions(at[half], this.position[half]) <= 0) continue;
      this.position = { ...this.position, [half]: at[half] };
      this.reader.event(event, this.position);
    }
    for (const half of EVENT_HALVES) {
      if (comparePositions(position[half], this.position[half]) > 0) {
        this.position = { ...this.position, [half]: position[half] };
      }
    }
  }
}

export class EventFeed {
  readonly #record: EventRecord;
  readonly #clock: Clock;
  readonly #readings = new Set<Reading>();
  #position: EventPosition | undefined;
  #timer: Timer | undefined;
  #looking = false;
  #broughtMs = Number.NEGATIVE_INFINITY;

  constructor(record: EventRecord, clock: Clock = systemClock) {
    this.#record = record;
    this.#clock = clock;
  }

  get readers(): number {
    return this.#readings.size;
  }

  /** Up to where it has read; undefined: nobody reads. */
  get position(): EventPosition | undefined {
    return this.#position;
  }

  /** Takes what somebody else has read. @param since the position that this was asked about */
  bring(since: EventPosition, found: NewEvents): void {
    // Meanwhile it has read on by itself.
    if (since !== this.#position) return;
    this.#broughtMs = this.#clock.monotonicMs();
    this.#take(since, found);
  }

  /**
   * Gives a reader each event from a position on, in order, until it is told to stop.
   *
   * @param since undefined: from now on
   * @returns ends it
   */
  async read(reader: EventReader, since: EventPosition | undefined): Promise<() => void> {
    const reading = new Reading(reader, since ?? (await this.#record.newestEvent()));
    this.#readings.add(reading);
    this.#lookSoon(0);
    return () => {
      reading.isOver = true;
      this.#readings.delete(reading);
    };
  }

  #lookSoon(ms: number): void {
    if (this.#looking || this.#readings.size === 0) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => void this.#look(), ms);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    try {
      await this.#next();
      for (const reading of this.#readings) if (reading.isBehind) await this.#catchUp(reading);
    } catch {
      // The registry is away: what happens meanwhile is read when it is back.
    } finally {
      this.#looking = false;
      if (this.#readings.size === 0) this.#position = undefined;
      this.#lookSoon(LOOK_MS);
    }
  }

  /** What is new for all. */
  async #next(): Promise<void> {
    const since = this.#position;
    if (since === undefined) {
      this.#position = await this.#record.newestEvent();
      return;
    }
    if (this.#canWait) return;
    const found = await this.#record.newEvents(since);
    if (since === this.#position) this.#take(since, found);
  }

  get #canWait(): boolean {
    if (this.#clock.monotonicMs() - this.#broughtMs >= PATIENT_MS) return false;
    return [...this.#readings].every(({ reader }) => reader.isPatient === true);
  }

  #take(since: EventPosition, found: NewEvents): void {
    this.#position = found.position;
    for (const reading of this.#readings) {
      if (!reading.isBehind && hasRead(reading.position, since)) reading.take(found);
    }
  }

  /** What one reader has missed, up to where all others are. */
  async #catchUp(reading: Reading): Promise<void> {
    while (!reading.isOver && this.#position !== undefined && !hasRead(reading.position, this.#position)) {
      const before = reading.position;
      reading.take(await this.#record.newEvents(before));
      if (hasRead(before, reading.position)) break;
    }
    reading.isBehind = false;
  }
}
