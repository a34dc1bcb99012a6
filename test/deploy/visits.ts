/** Viewers who come while all this happens: one after the other, each for a moment, as people zap. */

import { setTimeout as sleep } from 'node:timers/promises';
import { record } from '../support/recorder.ts';
import type { TestStream } from './ground.ts';

const BREAK_MS = 2_000;
const STAY_S = 1.5;

export interface Visit {
  readonly status: number;
  readonly firstByteMs: number | undefined;
}

export class Visits {
  readonly visits: Visit[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  constructor(streams: readonly TestStream[]) {
    this.#done = this.#run(streams);
  }

  async end(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(streams: readonly TestStream[]): Promise<void> {
    const { signal } = this.#abort;
    for (let n = 0; !signal.aborted; n++) {
      const stream = streams[n % streams.length];
      if (stream === undefined) throw new Error('there are streams to visit');
      const { status, firstByteMs } = await record(stream.playUrl, { seconds: STAY_S, keep: false });
      this.visits.push({ status, firstByteMs });
      await sleep(BREAK_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
