/** The last hour of the streams that this worker makes: viewers and bit rate, once a minute. Another owner begins anew. */

import type { Totals } from '../../../registry/registry.ts';
import type { MadeStream, StreamSample } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';

export interface StreamHistoryDeps {
  readonly registry: Pick<Totals, 'streamTotals'>;
  /** The streams that are made here. */
  readonly making: () => Readonly<Record<string, MadeStream>>;
  readonly log: Pick<Logger, 'debug'>;
}

/** An hour. */
const KEPT = 60;

export class StreamHistory {
  readonly #deps: StreamHistoryDeps;
  #kept = new Map<string, readonly StreamSample[]>();

  constructor(deps: StreamHistoryDeps) {
    this.#deps = deps;
  }

  /** Oldest first; undefined before the first minute of a stream. */
  of(streamId: string): readonly StreamSample[] | undefined {
    return this.#kept.get(streamId);
  }

  /** Call it once a minute. @param atMs since 1970 */
  async take(atMs: number): Promise<void> {
    const { registry, making, log } = this.#deps;
    const made = Object.entries(making());
    try {
      const totals = await registry.streamTotals(made.map(([id]) => id));
      this.#kept = new Map(
        made.map(([id, { bitsPerSecond }]) => {
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
