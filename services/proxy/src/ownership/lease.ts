/**
 * This worker's lease, renewed once a second. It says whether the worker still owns its feeds. Each read of an owned feed's
 * input checks it, so that a worker that stood still passes nothing on before it knows.
 */

import type { Membership } from '../../../registry/registry.ts';
import type { Command, MovedFeed, Renewal, WorkerLoad } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { type Deferred, deferred } from '../async.ts';
import { LEASE_MARGIN_MS, RENEW_MS, STANDSTILL_MS } from '../timing.ts';

/**
 * `held`: renewed in time. `unconfirmed`: the registry does not answer, or too slowly; running streams go on. `in_doubt`:
 * this process stood still past its deadline, so another worker may own its feeds by now.
 */
export type LeaseState = 'held' | 'unconfirmed' | 'in_doubt';

export interface LeaseDeps {
  readonly registry: Membership;
  readonly leaseMs: number;
  readonly load: () => WorkerLoad;
  readonly onCommand: (command: Command) => void;
  /** A feed of this worker has a place other than this worker believed. */
  readonly onMoved: (moved: MovedFeed) => void;
  readonly log: Logger;
}

const TICK_MS = 100;

export class Lease {
  readonly #deps: LeaseDeps;
  #deadlineMs = 0;
  #reachable = true;
  #stoodStill = false;
  #awakeSinceMs = performance.now();
  #tickMs = performance.now();
  #ticker: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #renewing = false;
  #again = false;
  #confirmation: Deferred<void> = deferred();
  #stopped = false;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
  }

  get state(): LeaseState {
    const nowMs = performance.now();
    if (nowMs < this.#deadlineMs) return 'held';
    this.#noteStandstill(nowMs);
    return this.#stoodStill ? 'in_doubt' : 'unconfirmed';
  }

  /** Whether the registry answers. */
  get reachable(): boolean {
    return this.#reachable;
  }

  /** Since when this process has run without standing still, monotonic. It may have missed earlier messages. */
  get awakeSinceMs(): number {
    this.#noteStandstill(performance.now());
    return this.#awakeSinceMs;
  }

  /** Resolves with the next successful renewal. */
  confirmed(): Promise<void> {
    return this.#confirmation.promise;
  }

  /** Renews now and then regularly. Without a registry the worker starts all the same, unconfirmed. */
  async start(): Promise<void> {
    this.#tickMs = performance.now();
    this.#ticker = setInterval(() => {
      const nowMs = performance.now();
      this.#noteStandstill(nowMs);
      this.#tickMs = nowMs;
    }, TICK_MS);
    await this.#renew();
  }

  /** Renews early, because the registry has just come back. */
  renewSoon(): void {
    if (this.#ticker === undefined || this.#stopped) return;
    this.#again = true;
    if (this.#renewing) return;
    clearTimeout(this.#timer);
    void this.#renew();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#timer);
  }

  /** A late read also calls this if it runs before the late tick. */
  #noteStandstill(nowMs: number): void {
    if (this.#ticker === undefined || nowMs - this.#tickMs <= STANDSTILL_MS) return;
    this.#stoodStill = true;
    this.#awakeSinceMs = nowMs;
  }

  async #renew(): Promise<void> {
    const { registry, load, leaseMs, log } = this.#deps;
    this.#renewing = true;
    this.#again = false;
    const sentMs = performance.now();
    const deadlineMs = sentMs + leaseMs - LEASE_MARGIN_MS;
    try {
      const renewal = registry.renew(load()).then((answer) => this.#obey(answer));
      // A later answer would arrive after the lease has run out.
      await withTimeout(renewal, leaseMs - LEASE_MARGIN_MS);
      if (!this.#reachable) log.info('the registry answers again');
      this.#reachable = true;
      // An answer from before a standstill says nothing about the time since.
      if (performance.now() < deadlineMs) this.#stoodStill = false;
      this.#deadlineMs = deadlineMs;
      this.#confirmation.resolve();
      this.#confirmation = deferred();
    } catch (error) {
      if (this.#reachable) log.warn({ err: error }, 'the registry does not answer; streams go on');
      this.#reachable = false;
    }
    this.#renewing = false;
    if (this.#stopped) return;
    const waitMs = this.#again ? 0 : Math.max(0, RENEW_MS - (performance.now() - sentMs));
    this.#timer = setTimeout(() => void this.#renew(), waitMs);
  }

  /** Also an answer that confirms no lease any more: the registry says each thing once. */
  #obey({ commands, moved }: Renewal): void {
    for (const feed of moved) this.#deps.onMoved(feed);
    for (const command of commands) this.#deps.onCommand(command);
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
