/** By how much this process is late: what waits for its event loop waits for so long. */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
/** Over so long each value is taken. */
const OVER_MS = 10_000;

export class EventLoopDelay {
  readonly #delay: IntervalHistogram;
  readonly #timer: NodeJS.Timeout;
  /** Of the last whole interval. */
  #p99Seconds: number | undefined;

  constructor(overMs = OVER_MS) {
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
    this.#timer = setInterval(() => {
      this.#p99Seconds = this.#measured();
      this.#delay.reset();
    }, overMs).unref();
  }

  /** In 99 of 100 cases it was no later. In the first seconds: so far. */
  get p99Seconds(): number {
    return this.#p99Seconds ?? this.#measured();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  /** What is measured is the time between two turns, which are RESOLUTION_MS apart when nothing is late. */
  #measured(): number {
    return this.#delay.count === 0 ? 0 : Math.max(0, this.#delay.percentile(99) / 1e6 - RESOLUTION_MS) / 1000;
  }
}
