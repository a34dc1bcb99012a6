/** What this worker reads of the cluster for people who look on: once a second, for all pages and lists. Nothing while nobody looks. */

import { isOutage } from '../../../../../registry/outage.ts';
import type { Overview } from '../../../../../registry/registry.ts';
import { type Clock, systemClock, type Timer } from '../../../../../shared/clock.ts';
import type { Services } from '../../../worker/services.ts';
import { withOwnNumbers } from '../../views/snapshot.ts';
import { RecentEvents } from './recent-events.ts';
import { type KnownStream, StreamBook } from './stream-book.ts';

/** Boards compose when a second begins, so the answer for the first one is for all. */
const OF_BOARDS_MS = 500;
/** Lists are asked at any time. While a board is composed each second, they need no answer of their own. */
const OF_LISTS_MS = 1_200;
/** When nobody has asked for so long, the next one begins anew. */
const REST_MS = 30_000;
/** Who goes from one page to another closes the first one. */
const NO_PAGES_MS = 5_000;

export type Asker = 'board' | 'list';

type Answering = Pick<Services, 'registry' | 'eventFeed' | 'config' | 'numbers' | 'pages' | 'log'>;

export class Glance {
  readonly #services: Answering;
  readonly #clock: Clock;
  readonly #events: RecentEvents;
  readonly #book: StreamBook;
  #answer: Promise<Overview> | undefined;
  #askedMs = 0;
  #rest: Timer | undefined;
  #isClosed = false;

  constructor(services: Answering, clock: Clock = systemClock) {
    this.#services = services;
    this.#clock = clock;
    this.#events = new RecentEvents(services.registry, services.eventFeed);
    this.#book = new StreamBook(services.registry, clock);
  }

  /** The cluster now: for a board at most half a second old, for a list a little more than one. The workers are sorted by name. */
  overview(asker: Asker): Promise<Overview> {
    this.#restIn(REST_MS);
    const nowMs = this.#clock.monotonicMs();
    const keptMs = asker === 'board' ? OF_BOARDS_MS : OF_LISTS_MS;
    if (this.#answer !== undefined && nowMs - this.#askedMs < keptMs) return this.#answer;
    this.#askedMs = nowMs;
    const answer = this.#read();
    this.#answer = answer;
    answer.catch(() => {
      // The next one asks anew.
      if (this.#answer === answer) this.#answer = undefined;
    });
    return answer;
  }

  /** What seldom changes of these streams; those that do not exist are left out. */
  streams(ids: readonly string[]): Promise<ReadonlyMap<string, KnownStream>> {
    this.#book.changed(this.#events.takeChanged());
    return this.#book.of(ids);
  }

  /** What the record says of the last hour. Undefined while it cannot be read. */
  async recentEvents(): Promise<RecentEvents | undefined> {
    try {
      await this.#events.follow(this.#clock.wallMs());
      return this.#events;
    } catch (error) {
      if (!isOutage(error)) throw error;
      return undefined;
    }
  }

  /** The same, without waiting: undefined also until it has been read. */
  recentEventsSoFar(): RecentEvents | undefined {
    // Where it cannot be read, the next call tries again.
    this.recentEvents().catch((error: unknown) => {
      this.#services.log.error({ err: error }, 'the console could not read the events of the last hour');
    });
    return this.#events.isFollowing ? this.#events : undefined;
  }

  /** A board has no pages any more. */
  rest(): void {
    if (this.#services.pages.count === 0) this.#restIn(NO_PAGES_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#forget();
  }

  async #read(): Promise<Overview> {
    const { registry, eventFeed } = this.#services;
    const since = eventFeed.position;
    const overview = await registry.overview(since);
    if (since !== undefined && overview.news !== undefined) eventFeed.bring(since, overview.news);
    this.#book.keep(overview.summaries);
    return { ...overview, workers: withOwnNumbers(this.#services, overview.workers) };
  }

  #restIn(ms: number): void {
    this.#clock.clearTimeout(this.#rest);
    if (!this.#isClosed) this.#rest = this.#clock.setTimeout(() => this.#forget(), ms).unref();
  }

  #forget(): void {
    this.#clock.clearTimeout(this.#rest);
    this.#answer = undefined;
    this.#events.end();
    this.#book.clear();
  }
}
