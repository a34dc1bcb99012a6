/** By how much this process is late: what waits for its event loop waits for so long. */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How often it is looked at: what begins at any moment waits as long as these looks do. More of them would wake an idle worker for nothing. */
const RESOLUTION_MS = 100;
/** Over so long each value is taken. */
const OVER_MS = 10_000;

/** In seconds. */
export interface Lateness {
  /** In half of all cases it was no later. */
  readonly p50: number;
  /** The same in 99 of 100 cases. */
  readonly p99: number;
  readonly max: number;
}

export class EventLoopDelay {
  readonly #delay: IntervalHistogram;
  readonly #timer: NodeJS.Timeout;
  /** Of the last whole interval. */
  #last: Lateness | undefined;

  constructor(overMs = OVER_MS) {
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
    this.#timer = setInterval(() => {
      this.#last = this.#measured();
      this.#delay.reset();
    }, overMs).unref();
  }

  /** Of the last whole interval. In the first seconds: so far. */
  get lateness(): Lateness {
    return this.#last ?? this.#measured();
  }

  get p99Seconds(): number {
    return this.lateness.p99;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  /** What is measured is the time between two turns, which are RESOLUTION_MS apart when nothing is late. */
  #measured(): Lateness {
    if (this.#delay.count === 0) return { p50: 0, p99: 0, max: 0 };
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) / 1000;
    return {
      p50: late(this.#delay.percentile(50)),
      p99: late(this.#delay.percentile(99)),
      max: late(this.#delay.max),
    };
  }
}
