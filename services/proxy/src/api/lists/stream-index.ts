/** What this worker has read of all streams for people who search in them. It reads little anew while they go on asking. */

import { factsOf } from '../../../../registry/events/stream-facts.ts';
import { isOutage } from '../../../../registry/outage.ts';
import type { StreamSummary } from '../../../../registry/registry.ts';
import { Turns } from '../../../../registry/turns.ts';
import type { StreamRecord, WorkerRecord } from '../../../../registry/types.ts';
import { type Clock, systemClock, type Timer } from '../../../../shared/clock.ts';
import type { Services } from '../../worker/services.ts';
import { RecentEvents } from '../console/counts/recent-events.ts';
import { hostOf } from '../console/now-state.ts';
import { workersNow } from '../views/snapshot.ts';
import { SharedAnswer } from './shared-answer.ts';

/** Events tell which streams have changed. An outage may have kept one back. */
const RECORDS_MS = 60_000;
/** When nobody has asked for so long, the next one begins anew. */
const REST_MS = 30_000;

/** A stream, as far as it does not change from second to second. Credentials are hidden. */
export interface KnownStream {
  readonly name: string;
  readonly profile: string | undefined;
  /** Of the source that plays now. */
  readonly sourceHost: string;
  readonly failoverIndex: number;
  readonly createdAtMs: number;
  /** What people may search for: name, host, metadata, id. */
  readonly text: string;
}

export interface StreamsNow {
  readonly summaries: ReadonlyMap<string, StreamSummary>;
  readonly workers: readonly WorkerRecord[];
  /** By id. */
  readonly known: ReadonlyMap<string, KnownStream>;
  /** Stream → how much went wrong in the last hour; undefined while the record of events cannot be read. */
  readonly failures: ReadonlyMap<string, number> | undefined;
}

export class StreamIndex {
  readonly #services: Services;
  readonly #clock: Clock;
  readonly #events: RecentEvents;
  readonly #answer: SharedAnswer<StreamsNow>;
  readonly #known = new Map<string, KnownStream>();
  #readAllMs = Number.NEGATIVE_INFINITY;
  #rest: Timer | undefined;
  #isClosed = false;

  constructor(services: Services, clock: Clock = systemClock) {
    this.#services = services;
    this.#clock = clock;
    this.#events = new RecentEvents(services.registry, services.eventFeed);
    this.#answer = new SharedAnswer(() => this.#read(), clock);
  }

  /** At most a second old; what rarely changes of a stream, such as its name, at most a minute. */
  now(): Promise<StreamsNow> {
    this.#clock.clearTimeout(this.#rest);
    if (!this.#isClosed) this.#rest = this.#clock.setTimeout(() => this.#forget(), REST_MS).unref();
    return this.#answer.get();
  }

  close(): void {
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#rest);
    this.#forget();
  }

  #forget(): void {
    this.#events.end();
    this.#known.clear();
    this.#readAllMs = Number.NEGATIVE_INFINITY;
  }

  async #read(): Promise<StreamsNow> {
    const hasEvents = await this.#followEvents();
    const [summaries, workers] = await Promise.all([this.#services.registry.summaries(), workersNow(this.#services)]);
    await this.#readRecords([...summaries.keys()]);
    return {
      summaries,
      workers,
      known: this.#known,
      failures: hasEvents ? this.#events.failuresByStream(this.#clock.wallMs()) : undefined,
    };
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

  async #readRecords(ids: readonly string[]): Promise<void> {
    for (const id of this.#events.takeChanged()) this.#known.delete(id);
    const nowMs = this.#clock.monotonicMs();
    const isDue = nowMs - this.#readAllMs >= RECORDS_MS;
    const wanted = isDue ? ids : ids.filter((id) => !this.#known.has(id));
    if (wanted.length === 0) return;
    const turns = new Turns(this.#clock);
    const read = await this.#services.registry.streamsOf(wanted);
    if (isDue) {
      this.#known.clear();
      this.#readAllMs = nowMs;
    }
    for (const record of read) {
      this.#known.set(record.id, knownStream(record));
      if (turns.isOver) await turns.next();
    }
  }
}

export function knownStream(record: StreamRecord): KnownStream {
  const { id, profile, failover, createdAtMs } = record;
  const { name, metadata } = factsOf(record).about;
  const sourceHost = hostOf(failover.currentUrl);
  return {
    ...{ name, profile: profile?.name, sourceHost, failoverIndex: failover.index, createdAtMs },
    text: [name, sourceHost, hostOf(record.url), ...Object.values(metadata), id].join('\n').toLowerCase(),
  };
}
