/** Draining: the worker takes nothing new, hands its feeds over and waits for its viewers to leave. */

import type { Logger } from '../../../shared/log.ts';
import { pause } from '../async.ts';

const POLL_MS = 200;

export class Drain {
  readonly #log: Logger;
  readonly #listeners: (() => void)[] = [];
  #isBegun = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Whether the worker takes nothing new. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** Calls back once, when draining begins. */
  onBegin(listener: () => void): void {
    this.#listeners.push(listener);
  }

  begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#log.info('draining: the worker takes nothing new, and hands over the feeds that other workers read');
    for (const listener of this.#listeners) listener();
  }

  /** Begins it, and resolves when nobody needs this worker any more, or after `drainMs`. */
  async until(isUnused: () => boolean, drainMs: number): Promise<void> {
    this.begin();
    const untilMs = performance.now() + drainMs;
    while (!isUnused() && performance.now() < untilMs) await pause(POLL_MS);
  }
}
