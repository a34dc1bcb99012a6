/**
 * The last ten minutes of the streams that this worker makes or relays: viewers and bit rate, every 10 s. Who relays a stream keeps them,
 * too, because it goes on with the stream when the owner dies.
 */

import type { StreamSummary } from '../../../registry/registry.ts';
import type { StreamSample } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';

export interface StreamHistoryDeps {
  /** As that of `SureTotals`. */
  readonly totals: (ids: readonly string[]) => Promise<ReadonlyMap<string, Pick<StreamSummary, 'viewers'>>>;
  /** The streams that this worker has now, by id, each with its bit/s; undefined: nobody knows it. */
  readonly streams: () => ReadonlyMap<string, number | undefined>;
  readonly log: Pick<Logger, 'debug'>;
}

/** Ten minutes. */
const KEPT = 60;

export class StreamHistory {
  readonly #deps: StreamHistoryDeps;
  #kept = new Map<string, readonly StreamSample[]>();

  constructor(deps: StreamHistoryDeps) {
    this.#deps = deps;
  }

  /** Oldest first; undefined before the first one of a stream. */
  of(streamId: string): readonly StreamSample[] | undefined {
    return this.#kept.get(streamId);
  }

  /** Call it with each sample of the worker. @param atMs since 1970 */
  async take(atMs: number): Promise<void> {
    const { streams, log } = this.#deps;
    const here = [...streams()];
    if (here.length === 0) {
      this.#kept = new Map();
      return;
    }
    try {
      const totals = await this.#deps.totals(here.map(([id]) => id));
      this.#kept = new Map(
        here.map(([id, bitsPerSecond]) => {
          const kept = this.#kept.get(id) ?? [];
          const viewers = totals.get(id)?.viewers;
          return [id, viewers === undefined ? kept : [...kept, { atMs, viewers, bitsPerSecond }].slice(-KEPT)];
        }),
      );
    } catch (error) {
      log.debug({ err: error }, 'nobody could say how many viewers the streams have');
    }
  }
}
