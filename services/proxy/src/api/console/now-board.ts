/** Reads what the first page of the console shows. */

import { isOutage } from '../../../../registry/outage.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { NowState } from '../../../../shared/console/live.ts';
import type { Services } from '../../worker/services.ts';
import { withOwnNumbers } from '../views/snapshot.ts';
import { aboutOf } from './about.ts';
import { EgressRate } from './counts/egress-rate.ts';
import { RecentEvents } from './counts/recent-events.ts';
import { nowState, type ShownRecord, shownRecord, shownStreams } from './now-state.ts';

/** Events tell which streams have changed. An outage may have kept one back. */
const RECORDS_MS = 60_000;

export class NowBoard {
  readonly #services: Services;
  readonly #clock: Clock;
  readonly #events: RecentEvents;
  readonly #rate = new EgressRate();
  readonly #records = new Map<string, ShownRecord>();
  #recordsMs = Number.NEGATIVE_INFINITY;

  constructor(services: Services, clock: Clock = systemClock) {
    this.#services = services;
    this.#clock = clock;
    this.#events = new RecentEvents(services.registry, services.eventFeed);
  }

  async compose(): Promise<NowState> {
    const { registry } = this.#services;
    const { summaries, workers: records } = await registry.overview();
    const workers = withOwnNumbers(this.#services, records);
    const knowsEvents = await this.#followEvents();
    await this.#read(shownStreams(summaries));
    const nowMs = this.#clock.wallMs();
    return nowState({
      about: aboutOf(this.#services, workers),
      summaries,
      workers,
      records: this.#records,
      bitsPerSecond: this.#rate.next(summaries, this.#clock.monotonicMs()),
      joinsLastMinute: knowsEvents ? this.#events.joinsLastMinute(nowMs) : undefined,
      failuresLastHour: knowsEvents ? this.#events.failuresLastHour(nowMs) : undefined,
      areMore: this.#events.areMore,
      since: this.#events.since,
    });
  }

  rest(): void {
    this.#events.end();
    this.#rate.clear();
    this.#records.clear();
    this.#recordsMs = Number.NEGATIVE_INFINITY;
  }

  async #followEvents(): Promise<boolean> {
    try {
      await this.#events.follow(this.#clock.wallMs());
      return true;
    } catch (error) {
      if (!isOutage(error)) throw error;
      return false;
    }
  }

  /** Reads the records of streams: those that are new or have changed at once, all of them now and then. */
  async #read(ids: readonly string[]): Promise<void> {
    for (const id of this.#events.takeChanged()) this.#records.delete(id);
    const nowMs = this.#clock.monotonicMs();
    const isDue = nowMs - this.#recordsMs >= RECORDS_MS;
    const wanted = isDue ? ids : ids.filter((id) => !this.#records.has(id));
    if (wanted.length === 0) return;
    const read = await this.#services.registry.streamsOf(wanted);
    if (isDue) {
      this.#records.clear();
      this.#recordsMs = nowMs;
    }
    for (const record of read) this.#records.set(record.id, shownRecord(record));
  }
}
