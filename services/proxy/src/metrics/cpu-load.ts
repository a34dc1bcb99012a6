/** How busy the machine's processors are. Counts all programs, because the FFmpegs do most of the work. */

import { cpus } from 'node:os';

const SAMPLE_MS = 1_000;
/** Number of samples in the average. The short load of one FFmpeg start must not count as busy. */
const SAMPLES = 10;

export class CpuLoad {
  readonly #maxShare: number;
  readonly #shares: number[] = [];
  #before = times();
  readonly #timer: NodeJS.Timeout;

  /** @param maxPercent above which the machine counts as busy; 0: never */
  constructor(maxPercent: number) {
    this.#maxShare = maxPercent / 100;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  /** Share of all processors in use over the last seconds, 0 to 1. */
  get share(): number {
    return this.#shares.reduce((sum, each) => sum + each, 0) / Math.max(1, this.#shares.length);
  }

  get isBusy(): boolean {
    return this.#maxShare > 0 && this.#shares.length === SAMPLES && this.share > this.#maxShare;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const now = times();
    const all = now.all - this.#before.all;
    const idle = now.idle - this.#before.idle;
    this.#before = now;
    if (all <= 0) return;
    this.#shares.push(1 - idle / all);
    if (this.#shares.length > SAMPLES) this.#shares.shift();
  }
}

/** Milliseconds that all processors together have spent since the machine started. */
function times(): { all: number; idle: number } {
  let all = 0;
  let idle = 0;
  for (const { times: spent } of cpus()) {
    idle += spent.idle;
    all += spent.user + spent.nice + spent.sys + spent.idle + spent.irq;
  }
  return { all, idle };
}
