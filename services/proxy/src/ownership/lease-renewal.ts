/** Renews this worker's lease once a second, and passes on what the registry says with each answer. */

import type { Membership } from '../../../registry/registry.ts';
import type { Command, MovedFeed, Renewal, WorkerLoad } from '../../../registry/types.ts';
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { LEASE_MARGIN_MS, RENEW_MS } from '../timing.ts';
import type { Lease } from './lease.ts';

export interface LeaseRenewalDeps {
  readonly lease: Lease;
  readonly registry: Membership;
  readonly leaseMs: number;
  readonly load: () => WorkerLoad;
  readonly onCommand: (command: Command) => void;
  /** A feed of this worker has a place other than this worker believed. */
  readonly onMoved: (moved: MovedFeed) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

export class LeaseRenewal {
  readonly #deps: LeaseRenewalDeps;
  #timer: Timer | undefined;
  #renewing = false;
  #again = false;
  #stopped = false;
  /** Who waits for the next renewal: told whether it was answered. */
  #waiting: ((isAnswered: boolean) => void)[] = [];

  constructor(deps: LeaseRenewalDeps) {
    this.#deps = deps;
  }

  /** Renews now and then regularly. Without a registry the worker starts all the same, unconfirmed. */
  async start(): Promise<void> {
    this.#deps.lease.start();
    await this.#renew();
  }

  /** Renews early, because there is something to say or to hear. */
  renewSoon(): void {
    const isStarted = this.#renewing || this.#timer !== undefined;
    if (!isStarted || this.#stopped) return;
    this.#again = true;
    if (this.#renewing) return;
    this.#deps.clock.clearTimeout(this.#timer);
    void this.#renew();
  }

  /** Renews at once. Resolves when a renewal that was sent after this call has ended: true when it was answered. */
  renewNow(): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.renewSoon();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#answer(this.#waiting.splice(0), false);
    this.#deps.lease.stop();
    this.#deps.clock.clearTimeout(this.#timer);
  }

  async #renew(): Promise<void> {
    const { lease, registry, load, leaseMs, clock, log } = this.#deps;
    this.#renewing = true;
    this.#again = false;
    const sentMs = clock.monotonicMs();
    const waiting = this.#waiting.splice(0);
    try {
      const renewal = registry.renew(load()).then((answer) => this.#passOn(answer));
      // A later answer would arrive after the lease has run out.
      await withTimeout(clock, renewal, leaseMs - LEASE_MARGIN_MS);
      if (!lease.reachable) log.info('the registry answers again');
      lease.renewed(sentMs + leaseMs - LEASE_MARGIN_MS);
    } catch (error) {
      if (lease.reachable) log.warn({ err: error }, 'the registry does not answer; streams go on');
      lease.unanswered(sentMs);
    }
    this.#renewing = false;
    this.#answer(waiting, lease.reachable);
    if (this.#stopped) return;
    const waitMs = this.#again ? 0 : Math.max(0, RENEW_MS - (clock.monotonicMs() - sentMs));
    this.#timer = clock.setTimeout(() => void this.#renew(), waitMs);
  }

  #answer(waiting: readonly ((isAnswered: boolean) => void)[], isAnswered: boolean): void {
    for (const tell of waiting) tell(isAnswered);
  }

  /** Also an answer that confirms no lease any more: the registry says each thing once. */
  #passOn({ commands, moved }: Renewal): void {
    for (const feed of moved) this.#deps.onMoved(feed);
    for (const command of commands) this.#deps.onCommand(command);
  }
}

async function withTimeout<T>(clock: Clock, promise: Promise<T>, ms: number): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clock.clearTimeout(timer);
  }
}
