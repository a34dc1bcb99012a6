/** Asks the other workers while the shared registry does not answer: which streams exist, and who has a feed. */

import { type Clock, systemClock } from '../../shared/clock.ts';
import { askAgain } from '../ask-again.ts';
import { believed, lastDeletion, type StreamReport } from '../stream-report.ts';
import type { RegisteredPlace, StreamRecord } from '../types.ts';

/** The other known workers of a cluster, each asked directly. */
export interface OtherWorkers {
  /** The reports of the workers that know the stream and answer quickly. */
  streamReports(streamId: string): Promise<StreamReport[]>;
  /** Where to get a feed: from its owner if possible, else from a worker that relays it; undefined when no worker has it. */
  place(feed: string): Promise<RegisteredPlace | undefined>;
  /** Whether there are any. */
  readonly exist: boolean;
}

/** Anybody may ask for ids that do not exist. Only this many at a time cost a question to the other workers. */
const MAX_ASKED = 16;

export class PeerReports {
  readonly #others: OtherWorkers;
  readonly #clock: Clock;
  /** Streams unknown to the registry that other workers are being asked about. */
  #asked = 0;
  readonly #streamReports = new Map<string, Promise<StreamReport[]>>();
  readonly #places = new Map<string, Promise<RegisteredPlace | undefined>>();

  constructor(others: OtherWorkers, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#others = others;
  }

  /** A stream that this worker does not know, or has deleted. */
  async stream(id: string, own: () => StreamReport): Promise<StreamRecord | undefined> {
    const others = await this.#ask(id);
    return believed([...others, own()]);
  }

  /** A stream that has viewers on another worker, as that worker knows it. */
  async watched(id: string): Promise<StreamRecord | undefined> {
    return (await this.elsewhere(id)).watched;
  }

  /** The same, and when another worker has last deleted the stream (-Infinity: none has). */
  async elsewhere(id: string): Promise<{ watched: StreamRecord | undefined; deletedAtMs: number }> {
    const others = await this.#ask(id);
    const telling = others.filter(({ viewers = 0, deletedAtMs }) => viewers > 0 || deletedAtMs !== undefined);
    return { watched: believed(telling), deletedAtMs: lastDeletion(others) };
  }

  /** A viewer may ask for a stream that the registry lost a moment ago, before a worker that holds it has written it back. */
  async watchedUnlessBusy(id: string): Promise<StreamRecord | undefined> {
    if (this.#asked >= MAX_ASKED) return undefined;
    this.#asked++;
    try {
      return await this.watched(id);
    } finally {
      this.#asked--;
    }
  }

  #ask(id: string): Promise<StreamReport[]> {
    return once(this.#streamReports, id, () => this.#others.streamReports(id));
  }

  /** Which worker has a feed that is not here. Undefined: none, not even a moment later. */
  place(feed: string): Promise<RegisteredPlace | undefined> {
    return once(this.#places, feed, async () => {
      if (!this.#others.exist) return undefined;
      const ask = () => this.#others.place(feed);
      return (await ask()) ?? askAgain(ask, this.#clock);
    });
  }
}

/** Callers with the same question share one answer. */
function once<T>(asked: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const asking = asked.get(key) ?? ask().finally(() => asked.delete(key));
  asked.set(key, asking);
  return asking;
}
