/**
 * This worker's lease: renewed once a second, it says whether what the worker owns is still its own. Checked at every read
 * of an owned feed's input, so that a worker that stood still passes nothing on before it knows.
 */

import type { Registry } from '../../../registry/registry.ts';
import type { Command, LostFeed, WorkerLoad } from '../../../registry/types.ts';
import { type Deferred, deferred } from '../async.ts';
import type { Logger } from '../log.ts';

/**
 * `held`: renewed in time. `unconfirmed`: the registry does not answer; running streams go on. `in_doubt`: this process stood
 * still past its deadline, so another one may own what it owned.
 */
export type LeaseState = 'held' | 'unconfirmed' | 'in_doubt';

export interface LeaseDeps {
  readonly registry: Registry;
  readonly leaseMs: number;
  readonly load: () => WorkerLoad;
  readonly onCommand: (command: Command) => void;
  /** Another worker owns a feed that this one still makes. */
  readonly onLost: (lost: LostFeed) => void;
  readonly log: Logger;
}

const RENEW_MS = 1_000;
/** What the clocks of two machines, and the way to Redis, may differ by. */
const MARGIN_MS = 500;
const RENEW_TIMEOUT_MS = 3_000;
const TICK_MS = 100;
/** A tick that is this late means the process, not a callback, stood still. */
const STANDSTILL_MS = 1_500;

export class Lease {
  readonly #deps: LeaseDeps;
  #deadlineMs = 0;
  #reachable = true;
  #stoodStill = false;
  #tickMs = performance.now();
  #ticker: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #confirmation: Deferred<void> = deferred();
  #stopped = false;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
  }

  get state(): LeaseState {
    if (performance.now() < this.#deadlineMs) return 'held';
    return this.#stoodStill || this.#reachable ? 'in_doubt' : 'unconfirmed';
  }

  /** The registry answers. */
  get reachable(): boolean {
    return this.#reachable;
  }

  /** Resolves with the next successful renewal. */
  confirmed(): Promise<void> {
    return this.#confirmation.promise;
  }

  /** Renews for the first time, and from then on. Without a registry the worker starts all the same, unconfirmed. */
  async start(): Promise<void> {
    this.#ticker = setInterval(() => {
      const nowMs = performance.now();
      if (nowMs - this.#tickMs > STANDSTILL_MS) this.#stoodStill = true;
      this.#tickMs = nowMs;
    }, TICK_MS);
    await this.#renew();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#timer);
  }

  async #renew(): Promise<void> {
    const sentMs = performance.now();
    try {
      const { commands, lost } = await withTimeout(this.#deps.registry.renew(this.#deps.load()), RENEW_TIMEOUT_MS);
      for (const feed of lost) this.#deps.onLost(feed);
      if (!this.#reachable) this.#deps.log.info('the registry answers again');
      this.#reachable = true;
      this.#stoodStill = false;
      this.#deadlineMs = sentMs + this.#deps.leaseMs - MARGIN_MS;
      this.#confirmation.resolve();
      this.#confirmation = deferred();
      for (const command of commands) this.#deps.onCommand(command);
    } catch (error) {
      if (this.#reachable) this.#deps.log.warn({ err: error }, 'the registry does not answer; streams go on');
      this.#reachable = false;
    }
    if (this.#stopped) return;
    const wait = Math.max(0, RENEW_MS - (performance.now() - sentMs));
    this.#timer = setTimeout(() => void this.#renew(), wait);
  }
}

async function withTimeout<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
