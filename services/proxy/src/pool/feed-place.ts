/** Where one feed comes from, as far as this worker knows: made here, or relayed from its owner; and how that changes. */

import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from '../../../registry/registry.ts';
import type { KnownPlace, Owner, Place, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../log.ts';
import type { Lease } from './lease.ts';
import type { RelayOutcome } from './relay-run.ts';

export type { KnownPlace };

export interface FeedPlaceDeps {
  readonly registry: Registry;
  readonly lease: Lease;
  readonly me: WorkerIdentity;
  /** What workers prove themselves with. */
  readonly secret: () => string;
  readonly log: Logger;
}

const REDIAL_MS = 250;
/** Silence is asked about again and again until the lease runs out, so one answer need not be waited for longer. */
const PING_TIMEOUT_MS = REDIAL_MS;
/** The epoch that is known here may be behind the registry's once. */
const TRANSFER_TRIES = 2;
/** Without a registry two workers that lost the same owner should not start at the same moment. */
const BLIND_START_MS = 500;

export class FeedPlace {
  /** The feed's key in the registry. */
  readonly feed: string;
  readonly #deps: FeedPlaceDeps;
  #current: KnownPlace;
  /** Under way to another worker; resolves when it is decided whether it goes. */
  #handingOver: Promise<boolean> | undefined;
  #isGivenUp = false;
  readonly #leaveListeners = new Set<() => void>();

  constructor(feed: string, first: KnownPlace, deps: FeedPlaceDeps) {
    this.feed = feed;
    this.#deps = deps;
    this.#current = first;
  }

  get current(): KnownPlace {
    return this.#current;
  }

  get secret(): string {
    return this.#deps.secret();
  }

  get me(): WorkerIdentity {
    return this.#deps.me;
  }

  /** Where those who read it here find it from now on; undefined while it is made here. */
  get goesOnAt(): { owner: Owner | undefined } | undefined {
    if (this.#current.kind === 'relay') return { owner: this.#current.owner };
    return this.#isGivenUp ? { owner: undefined } : undefined;
  }

  /** Made here now (a handover, or a record written back). */
  set(place: KnownPlace): void {
    this.#current = place;
  }

  /**
   * Makes another worker the owner. Nothing is passed on until that is decided, so nothing is passed on behind it.
   * @returns false when the feed stays here
   */
  async handOver(to: WorkerIdentity): Promise<boolean> {
    if (this.#current.kind !== 'own' || this.#handingOver !== undefined) return false;
    this.#handingOver = this.#transfer(to).finally(() => {
      this.#handingOver = undefined;
    });
    return this.#handingOver;
  }

  async #transfer(to: WorkerIdentity): Promise<boolean> {
    const { registry, lease } = this.#deps;
    for (let tries = 0; this.#current.kind === 'own' && tries < TRANSFER_TRIES; tries++) {
      try {
        const epoch = await registry.transfer(this.feed, this.#current.epoch, to);
        if (epoch !== undefined) {
          const { workerId, incarnation, address } = to;
          this.#current = { kind: 'relay', owner: { workerId, incarnation, address, epoch } };
          return true;
        }
      } catch (error) {
        // It may have happened all the same; until the registry can be asked, nobody else hears of it either.
        this.#deps.log.warn({ feed: this.feed, err: error }, 'a handover got no answer from the registry');
        void lease.confirmed().then(() => this.#askAgain());
        return false;
      }
      await this.#askAgain();
    }
    return this.#current.kind === 'relay';
  }

  async #askAgain(): Promise<void> {
    const place = await this.#deps.registry.acquire(this.feed).catch(() => undefined);
    if (place?.kind === 'own' || place?.kind === 'relay') this.#current = place;
  }

  /** Whoever wants the feed may have it: this worker ends. */
  async giveUp(): Promise<void> {
    if (this.#current.kind !== 'own') return;
    this.#isGivenUp = true;
    await this.#deps.registry.release(this.feed);
  }

  /** Calls back whenever all that was made here is in the feed, and the rest is made elsewhere. */
  onLeave(listener: () => void): () => void {
    this.#leaveListeners.add(listener);
    return () => this.#leaveListeners.delete(listener);
  }

  /** Said by the feed: its own input is over, because another worker makes it now. */
  left(): void {
    for (const listener of [...this.#leaveListeners]) listener();
  }

  /**
   * Whether what arrives now from the feed's own input may be passed on. Waits for the registry when this worker stood
   * still; false when another one owns the feed by then, which `current` names.
   */
  async mayPass(): Promise<boolean> {
    const { lease, registry } = this.#deps;
    if (this.#handingOver !== undefined) await this.#handingOver;
    if (this.#current.kind !== 'own') return false;
    if (lease.state !== 'in_doubt') return true;
    const { epoch } = this.#current;
    for (;;) {
      await lease.confirmed();
      const place = await registry.acquire(this.feed).catch(() => undefined);
      if (place === undefined || place.kind === 'wait' || place.kind === 'full') continue;
      this.#current = place;
      return place.kind === 'own' && place.epoch === epoch;
    }
  }

  /** Finds the feed's place anew after its relay has ended. Resolves when there is one. */
  async afterRelay(outcome: Extract<RelayOutcome, { kind: 'moved' | 'lost' }>, signal: AbortSignal): Promise<void> {
    const from = this.#current.kind === 'relay' ? this.#current.owner : undefined;
    if (outcome.kind === 'lost' && outcome.why === 'not_there') await sleep(REDIAL_MS);
    while (!signal.aborted) {
      const nextMs = performance.now() + REDIAL_MS;
      const place = await this.#resolve(outcome, from);
      if (place?.kind === 'own' || place?.kind === 'relay') {
        this.#deps.log.info({ feed: this.feed, place, outcome }, 'a feed has a new place');
        this.#current = place;
        return;
      }
      await sleep(Math.max(0, nextMs - performance.now()));
    }
  }

  async #resolve(outcome: RelayOutcome, from: Owner | undefined): Promise<Place | undefined> {
    const { registry, lease, me } = this.#deps;
    if (outcome.kind === 'moved' && outcome.owner !== undefined && !lease.reachable) {
      const { owner } = outcome;
      return owner.incarnation === me.incarnation ? { kind: 'own', epoch: owner.epoch } : { kind: 'relay', owner };
    }
    const state = from !== undefined && outcome.kind === 'lost' ? await this.#stateOf(from, outcome.why) : 'unasked';
    const dead = state === 'dead';
    // Alive as far as anybody can tell, and nobody to ask: he goes on, and so does his feed.
    if (!dead && !lease.reachable && from !== undefined) {
      const answers = state === 'alive' || (state === 'unasked' && (await this.#answers(from)));
      return answers ? { kind: 'relay', owner: from } : undefined;
    }
    try {
      const place = await (dead && from !== undefined
        ? registry.seize(this.feed, from.incarnation)
        : registry.acquire(this.feed));
      const same = place.kind === 'relay' && from !== undefined && place.owner.incarnation === from.incarnation;
      // Still his: worth another try only if he answers.
      if (same && state === 'silent') return undefined;
      return place;
    } catch (error) {
      if (!dead || lease.reachable) return undefined;
      this.#deps.log.warn({ feed: this.feed, err: error }, 'the owner is dead and the registry too: starting here');
      await sleep(Math.random() * BLIND_START_MS);
      return { kind: 'own', epoch: Date.now() };
    }
  }

  /** `dead` is proven: nobody listens there any more, or somebody else does. */
  async #stateOf(
    owner: Owner,
    why: Extract<RelayOutcome, { kind: 'lost' }>['why'],
  ): Promise<'alive' | 'dead' | 'silent'> {
    if (why === 'refused' || why === 'other_incarnation') return 'dead';
    const found = await this.#ping(owner);
    if (found === owner.incarnation) return 'alive';
    return found === 'silent' ? 'silent' : 'dead';
  }

  async #answers(owner: Owner): Promise<boolean> {
    return (await this.#ping(owner)) === owner.incarnation;
  }

  /** The incarnation that answers at an owner's address. */
  #ping(owner: Owner): Promise<string> {
    return new Promise((resolve) => {
      const request = get(`http://${owner.address}/ping`, {
        agent: false,
        headers: { Authorization: `Bearer ${this.secret}` },
        timeout: PING_TIMEOUT_MS,
      });
      request.once('response', (response) => {
        response.resume();
        resolve(String(response.headers['x-incarnation'] ?? 'silent'));
      });
      request.once('timeout', () => request.destroy());
      request.once('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'),
      );
    });
  }
}

/** A feed's place in the registry; waits while that is too young to know. */
export async function knownPlace(registry: Registry, feed: string): Promise<KnownPlace> {
  for (;;) {
    const place = await registry.acquire(feed);
    if (place.kind === 'own' || place.kind === 'relay') return place;
    await sleep(place.kind === 'wait' ? place.ms : REDIAL_MS);
  }
}
