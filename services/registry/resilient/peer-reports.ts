/** What the other workers say while the shared registry does not answer: which streams there are, and who has a feed. */

import { believed, type StreamReport } from '../stream-report.ts';
import type { KnownPlace, StreamRecord } from '../types.ts';

/** The other workers of a cluster, as far as they are known, each asked directly. */
export interface OtherWorkers {
  /** What those of them say of a stream who know of it, and do not take long. */
  streamReports(streamId: string): Promise<StreamReport[]>;
  /** Where a feed can be had, its owner before anybody who relays it; undefined when nobody has it. */
  place(feed: string): Promise<KnownPlace | undefined>;
  /** There are any. */
  readonly exist: boolean;
}

/** Two workers that are asked for the same feed, and find nobody who has it, should not start it at the same moment. */
const BLIND_START_MS = 500;

export class PeerReports {
  readonly #others: OtherWorkers;
  readonly #streamReports = new Map<string, Promise<StreamReport[]>>();
  readonly #places = new Map<string, Promise<KnownPlace | undefined>>();

  constructor(others: OtherWorkers) {
    this.#others = others;
  }

  /** A stream that this worker has not met, or has deleted. */
  async stream(id: string, own: () => StreamReport): Promise<StreamRecord | undefined> {
    const others = await this.#ask(id);
    return believed([...others, own()]);
  }

  /** A stream that somebody watches on another worker, as it is there. */
  async watched(id: string): Promise<StreamRecord | undefined> {
    const others = await this.#ask(id);
    return believed(others.filter(({ viewers = 0, deletedAtMs }) => viewers > 0 || deletedAtMs !== undefined));
  }

  #ask(id: string): Promise<StreamReport[]> {
    return once(this.#streamReports, id, () => this.#others.streamReports(id));
  }

  /** Who has a feed that is not here. Undefined: nobody, also a moment later. */
  place(feed: string): Promise<KnownPlace | undefined> {
    return once(this.#places, feed, async () => {
      if (!this.#others.exist) return undefined;
      const found = await this.#others.place(feed);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * BLIND_START_MS));
      return this.#others.place(feed);
    });
  }
}

/** Whoever wants to know the same waits for the same answer. */
function once<T>(asked: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const asking = asked.get(key) ?? ask().finally(() => asked.delete(key));
  asked.set(key, asking);
  return asking;
}
