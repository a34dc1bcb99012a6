/** Where one feed comes from, as far as this worker knows: made here, or relayed from its owner; and how that changes. */

import type { Registry } from '../../../registry/registry.ts';
import type { Owner, Place, KnownPlace as RegisteredPlace, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { pause } from '../async.ts';
import { type Offer, offerOf, type Peer, type PlaceAnswer, ping } from '../relay/peers.ts';
import type { RelayOutcome } from '../relay/relay-run.ts';
import { RELAY_SILENCE_MS } from '../timing.ts';
import type { Lease } from './lease.ts';
import { type Findings, type NextPlace, nextPlace, type OwnerState } from './next-place.ts';
import type { SilentWorkers } from './silent-workers.ts';

/** A feed's place, once it is known. */
export type KnownPlace =
  | {
      readonly kind: 'own';
      readonly epoch: number;
      /** Made here beside its owner's, whom this worker cannot reach: for nobody but those who cannot reach him either. */
      readonly apart?: boolean;
    }
  | {
      readonly kind: 'relay';
      readonly owner: Owner;
      /** Another worker that relays it, where the owner cannot be reached. */
      readonly via?: Peer | undefined;
    };

export interface FeedPlaceDeps {
  readonly me: WorkerIdentity;
  readonly registry: Registry;
  readonly lease: Lease;
  /** How long an owner that does not renew keeps what he owns. */
  readonly leaseMs: number;
  /** What workers prove themselves with. */
  readonly secret: () => string;
  readonly silentWorkers: SilentWorkers;
  /** This worker takes no further process. */
  readonly isFull: () => boolean;
  readonly log: Logger;
}

const REDIAL_MS = 250;
/** The epoch that is known here may be behind the registry's once. */
const TRANSFER_TRIES = 2;
/** Silence is asked about again and again until the lease runs out, so one answer need not be waited for longer. */
const ASK_TIMEOUT_MS = REDIAL_MS;
/** Before something is started that nobody may need. */
const LAST_ASK_TIMEOUT_MS = 1_000;
/** Without a registry two workers that lost the same owner should not start at the same moment. */
const BLIND_START_MS = 500;
/** How often a worker that makes a feed apart from its owner looks for a way back, and how often it must find one. */
const SEEK_MS = 3_000;
const SEEN_TWICE = 2;

export class FeedPlace {
  /** The feed's key in the registry. */
  readonly feed: string;
  readonly #deps: FeedPlaceDeps;
  #current: KnownPlace;
  /** Under way to another worker; resolves when it is decided whether it goes. */
  #handingOver: Promise<boolean> | undefined;
  #isGivenUp = false;
  readonly #leaveListeners = new Set<() => void>();
  readonly #takenListeners: (() => void)[] = [];
  /** The relay has ended, and where the feed goes on is not known yet. */
  #lost = false;
  /** Took the feed while it was made here. Until a relay from it has worked, a refusal there proves nothing. */
  #seizedBy: string | undefined;

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

  /** This worker makes it, and is the one that is registered for it. */
  get isOriginal(): boolean {
    return this.#current.kind === 'own' && this.#current.apart !== true;
  }

  /** What this worker can do for one that cannot reach the owner; undefined when it relays through another one itself. */
  get offer(): PlaceAnswer | undefined {
    if (this.#isGivenUp) return undefined;
    if (this.#current.kind === 'own') {
      const { workerId, incarnation, address } = this.#deps.me;
      return { owner: { workerId, incarnation, address, epoch: this.#current.epoch }, relayed: !this.isOriginal };
    }
    const { owner, via } = this.#current;
    return this.#lost || via !== undefined ? undefined : { owner, relayed: true };
  }

  /** Made here now (a handover, or a record written back). */
  set(place: KnownPlace): void {
    if (this.isOriginal && place.kind === 'relay') this.#seizedBy = place.owner.incarnation;
    this.#become(place);
  }

  /** Calls back whenever another worker makes from now on what was made here: the input here is to end, even if it is silent. */
  onTaken(listener: () => void): void {
    this.#takenListeners.push(listener);
  }

  #become(place: KnownPlace): void {
    const taken = this.#current.kind === 'own' && place.kind === 'relay';
    this.#current = place;
    if (taken) for (const listener of this.#takenListeners) listener();
  }

  /**
   * Makes another worker the owner. Nothing is passed on until that is decided, so nothing is passed on behind it.
   * @returns false when the feed stays here
   */
  async handOver(to: WorkerIdentity): Promise<boolean> {
    if (!this.isOriginal || this.#handingOver !== undefined) return false;
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
          this.#become({ kind: 'relay', owner: { workerId, incarnation, address, epoch } });
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
    if (place?.kind === 'own' || place?.kind === 'relay') this.#become(place);
  }

  /** Whoever wants the feed may have it: this worker ends. */
  async giveUp(): Promise<void> {
    if (!this.isOriginal) return;
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
    if (this.#current.apart === true || lease.state !== 'in_doubt') return true;
    const { epoch } = this.#current;
    for (;;) {
      await lease.confirmed();
      const place = await registry.acquire(this.feed).catch(() => undefined);
      if (place === undefined || place.kind === 'wait' || place.kind === 'full') continue;
      this.#become(place);
      return place.kind === 'own' && place.epoch === epoch;
    }
  }

  /** Said by the feed: something has come over its relay. */
  relayAnswered(): void {
    if (this.#current.kind === 'relay' && this.#current.via === undefined) {
      this.#deps.silentWorkers.heard(this.#current.owner.incarnation, performance.now());
    }
  }

  /** Finds the feed's place anew after its relay has ended. Resolves when there is one. */
  async afterRelay(outcome: Extract<RelayOutcome, { kind: 'moved' | 'lost' }>, signal: AbortSignal): Promise<void> {
    const before = this.#current;
    if (before.kind !== 'relay') return;
    const why = outcome.kind === 'lost' ? outcome.why : undefined;
    const lostAtMs = performance.now() - (why === 'silent' ? RELAY_SILENCE_MS : 0);
    this.#lost = true;
    if (why === 'closed' || why === undefined) this.#seizedBy = undefined;
    if (why === 'not_there') await pause(REDIAL_MS, signal);
    while (!signal.aborted) {
      const nextMs = performance.now() + REDIAL_MS;
      const found = await this.#find(outcome, before, lostAtMs);
      const next = await this.#follow(nextPlace(found), before.owner, signal);
      if (next !== undefined) {
        this.#deps.log.info({ feed: this.feed, place: next, outcome }, 'a feed has a new place');
        this.#become(next);
        this.#lost = false;
        if (next.kind === 'own' && next.apart === true) void this.#seekBack(signal);
        return;
      }
      await pause(Math.max(0, nextMs - performance.now()), signal);
    }
  }

  async #find(outcome: RelayOutcome, { owner: from, via }: KnownPlace & { kind: 'relay' }, lostAtMs: number) {
    const { lease, leaseMs, silentWorkers, me } = this.#deps;
    const moved = outcome.kind === 'moved' ? { to: saidPlace(outcome.owner, me) } : undefined;
    const offered = this.#offer(from);
    const owner = moved !== undefined ? 'alive' : await this.#stateOf(from, outcome, via);
    const nowMs = performance.now();
    const sinceMs = owner === 'silent' ? silentWorkers.met(from.incarnation, lostAtMs, nowMs) : lostAtMs;
    const found: Findings = {
      from,
      owner,
      moved,
      registry: lease.reachable || owner === 'dead' ? await this.#askRegistry(from, owner) : 'unreachable',
      offer: undefined,
      // Who stood still himself has heard nobody meanwhile.
      silentMs: nowMs - Math.max(sinceMs, lease.awakeSinceMs),
      leaseMs,
    };
    return nextPlace(found).do === 'go' ? found : { ...found, offer: await offered };
  }

  async #askRegistry(from: Owner, owner: OwnerState): Promise<Place | 'unreachable'> {
    const { registry } = this.#deps;
    try {
      return await (owner === 'dead' ? registry.seize(this.feed, from.incarnation) : registry.acquire(this.feed));
    } catch {
      return 'unreachable';
    }
  }

  async #follow(next: NextPlace, from: Owner, signal: AbortSignal): Promise<KnownPlace | undefined> {
    const { registry, isFull } = this.#deps;
    switch (next.do) {
      case 'go':
        return next.place;
      case 'take':
        return { kind: 'relay', ...next.offer };
      case 'assume': {
        await pause(Math.random() * BLIND_START_MS, signal);
        // Somebody may have been faster.
        const offer = await this.#offer(from, LAST_ASK_TIMEOUT_MS);
        if (offer !== undefined) return { kind: 'relay', ...offer };
        const place = await registry.assume(this.feed);
        return place.kind === 'own' || place.kind === 'relay' ? place : undefined;
      }
      case 'part': {
        // On a busy machine an answer may take longer than one of the many that were asked for.
        const [answers, offer] = await Promise.all([
          this.#answersFrom(from, LAST_ASK_TIMEOUT_MS),
          this.#offer(from, LAST_ASK_TIMEOUT_MS),
        ]);
        if (answers === 'alive') return { kind: 'relay', owner: from };
        if (answers === 'dead') return undefined;
        if (offer !== undefined) return { kind: 'relay', ...offer };
        return isFull() ? undefined : { kind: 'own', epoch: 0, apart: true };
      }
      case 'ask_again':
        return undefined;
    }
  }

  /** Gives up what is made here apart from its owner when there is a way to him again, or to nobody else. */
  async #seekBack(signal: AbortSignal): Promise<void> {
    let seen = 0;
    for (;;) {
      await pause(SEEK_MS, signal);
      if (signal.aborted || this.#current.kind !== 'own' || this.#current.apart !== true) return;
      const place = await this.#deps.registry.acquire(this.feed).catch(() => undefined);
      if (place?.kind === 'own') {
        this.#become(place);
        return;
      }
      if (place?.kind !== 'relay') continue;
      const { owner } = place;
      const answers = (await this.#answersFrom(owner, LAST_ASK_TIMEOUT_MS)) === 'alive';
      const offer = answers ? { owner, via: undefined } : await this.#offer(owner, LAST_ASK_TIMEOUT_MS);
      seen = offer?.owner.incarnation === owner.incarnation ? seen + 1 : 0;
      if (offer === undefined || seen < SEEN_TWICE) continue;
      this.#deps.log.info({ feed: this.feed, offer }, 'the owner of a feed can be reached again');
      this.#become({ kind: 'relay', ...offer });
      return;
    }
  }

  /** Who has the feed beside its owner and this worker. */
  async #offer(from: Owner, timeoutMs = ASK_TIMEOUT_MS): Promise<Offer | undefined> {
    const { registry, me } = this.#deps;
    const known = [me.incarnation, from.incarnation];
    const others = registry.peers().filter(({ incarnation }) => !known.includes(incarnation));
    return offerOf(this.feed, others, this.secret, timeoutMs);
  }

  async #stateOf(owner: Owner, outcome: RelayOutcome, via: Peer | undefined): Promise<OwnerState> {
    const proven = outcome.kind === 'lost' && (outcome.why === 'refused' || outcome.why === 'other_incarnation');
    // What ended a relay through another worker says nothing of the owner.
    if (proven && via === undefined && owner.incarnation !== this.#seizedBy) return 'dead';
    return this.#answersFrom(owner);
  }

  async #answersFrom(owner: Owner, timeoutMs = ASK_TIMEOUT_MS): Promise<OwnerState> {
    const answer = await ping(owner.address, this.secret, timeoutMs);
    if (answer.kind !== 'silent') this.#deps.silentWorkers.heard(owner.incarnation, performance.now());
    if (answer.kind === 'answers') return answer.incarnation === owner.incarnation ? 'alive' : 'dead';
    return answer.kind === 'refused' && owner.incarnation !== this.#seizedBy ? 'dead' : 'silent';
  }
}

/** The place that an owner names when he gives a feed up. */
function saidPlace(owner: Owner | undefined, me: WorkerIdentity): RegisteredPlace | undefined {
  if (owner === undefined) return undefined;
  return owner.incarnation === me.incarnation ? { kind: 'own', epoch: owner.epoch } : { kind: 'relay', owner };
}

/** The place of a feed that is not here yet; waits while the registry is too young to know. */
export async function knownPlace(registry: Registry, feed: string): Promise<KnownPlace> {
  for (;;) {
    const place = await registry.locate(feed);
    if (place.kind === 'own' || place.kind === 'relay') return place;
    await pause(place.kind === 'wait' ? place.ms : REDIAL_MS);
  }
}
