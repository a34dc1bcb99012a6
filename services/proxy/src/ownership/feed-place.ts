/** Where one feed comes from: made here, or relayed from its owner; and how that changes. */

import { askAgain } from '../../../registry/ask-again.ts';
import type { FeedOwners, FeedStarts, Peers } from '../../../registry/registry.ts';
import type { Owner, Place, RegisteredPlace, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { pause } from '../async.ts';
import { type Peer, type PeerPlace, type PlaceAnswer, peerPlaceOf, ping } from '../relay/peers.ts';
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
      /** A copy, made while the owner is unreachable; serves only workers that cannot reach it either. */
      readonly split?: boolean;
    }
  | {
      readonly kind: 'relay';
      readonly owner: Owner;
      /** Another worker that relays it, when the owner cannot be reached. */
      readonly via?: Peer | undefined;
    };

export interface FeedPlaceDeps {
  readonly me: WorkerIdentity;
  readonly registry: FeedOwners & FeedStarts & Peers;
  readonly lease: Lease;
  /** How long an owner that does not renew keeps what it owns. */
  readonly leaseMs: number;
  /** The secret that workers authenticate with. */
  readonly secret: () => string;
  readonly silentWorkers: SilentWorkers;
  /** This worker takes no more processes. */
  readonly isFull: () => boolean;
  readonly log: Logger;
}

/** @param isFull whether this worker takes no more processes, if the feed needs one */
export type PlaceOf = (feed: string, first: KnownPlace, isFull: () => boolean) => FeedPlace;

const REDIAL_MS = 250;
/** The epoch known here may be older than the registry's, but only once. */
const TRANSFER_TRIES = 2;
/** A silent owner is asked again until its lease runs out, so no single answer needs more time. */
const ASK_TIMEOUT_MS = REDIAL_MS;
/** For the last question before this worker starts something that nobody may need. */
const LAST_ASK_TIMEOUT_MS = 1_000;
/** How often a worker with a copy of a feed looks for its owner, and how often in a row it must find it. */
const SEEK_MS = 3_000;
const SEEN_TWICE = 2;

export class FeedPlace {
  /** The feed's key in the registry. */
  readonly feed: string;
  readonly #deps: FeedPlaceDeps;
  #current: KnownPlace;
  /** A handover in progress; resolves with whether the feed goes. */
  #handingOver: Promise<boolean> | undefined;
  #isGivenUp = false;
  readonly #leaveListeners = new Set<() => void>();
  readonly #takenListeners: (() => void)[] = [];
  /** The relay has ended, and the next place is not known yet. */
  #lost = false;
  /** The worker that seized the feed from here. Until a relay from it has worked, a refused connection proves nothing. */
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

  /** Where readers of the feed here continue; undefined while it is made here. */
  get goesOnAt(): { owner: Owner | undefined } | undefined {
    if (this.#current.kind === 'relay') return { owner: this.#current.owner };
    return this.#isGivenUp ? { owner: undefined } : undefined;
  }

  /** Whether this worker makes the feed as its registered owner. */
  get isOriginal(): boolean {
    return this.#current.kind === 'own' && this.#current.split !== true;
  }

  /** What this worker answers one that cannot reach the owner; undefined when it relays through another worker itself. */
  get placeAnswer(): PlaceAnswer | undefined {
    if (this.#isGivenUp) return undefined;
    if (this.#current.kind === 'own') {
      const { workerId, incarnation, address } = this.#deps.me;
      return { owner: { workerId, incarnation, address, epoch: this.#current.epoch }, relayed: !this.isOriginal };
    }
    const { owner, via } = this.#current;
    return this.#lost || via !== undefined ? undefined : { owner, relayed: true };
  }

  /** Sets the place to here (a handover, or a record that was written back). */
  set(place: KnownPlace): void {
    if (place.kind === 'relay') {
      // A follower finds its owner by itself, and may know a later one.
      if (!this.isOriginal) return;
      this.#seizedBy = place.owner.incarnation;
    }
    this.#become(place);
  }

  /** Calls back when another worker takes over the feed from here: the input here must end, even if it is silent. */
  onTaken(listener: () => void): void {
    this.#takenListeners.push(listener);
  }

  #become(place: KnownPlace): void {
    const taken = this.#current.kind === 'own' && place.kind === 'relay';
    this.#current = place;
    if (taken) for (const listener of this.#takenListeners) listener();
  }

  /**
   * Makes another worker the owner. Passes nothing on until that is decided, so no media follows the change of owner.
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
        // It may have happened all the same. Until the registry answers, no other worker knows of it either.
        this.#deps.log.warn({ feed: this.feed, err: error }, 'the registry did not answer a handover');
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

  /** Releases the feed for any worker; this worker is ending. */
  async giveUp(): Promise<void> {
    if (!this.isOriginal) return;
    this.#isGivenUp = true;
    await this.#deps.registry.release(this.feed);
  }

  /** Calls back when the feed holds everything made here, and another worker makes the rest. */
  onLeave(listener: () => void): () => void {
    this.#leaveListeners.add(listener);
    return () => this.#leaveListeners.delete(listener);
  }

  /** The feed calls this when its own input is over because another worker makes it now. */
  left(): void {
    for (const listener of [...this.#leaveListeners]) listener();
  }

  /**
   * Whether the feed may pass on what arrives from its own input now. Waits for the registry when this worker stood still.
   * False when another worker owns the feed by then; `current` names it.
   */
  async mayPass(): Promise<boolean> {
    const { lease, registry } = this.#deps;
    if (this.#handingOver !== undefined) await this.#handingOver;
    if (this.#current.kind !== 'own') return false;
    if (this.#current.split === true || lease.state !== 'in_doubt') return true;
    const { epoch } = this.#current;
    for (;;) {
      await lease.confirmed();
      const place = await registry.acquire(this.feed).catch(() => undefined);
      if (place === undefined || place.kind === 'wait' || place.kind === 'full') continue;
      this.#become(place);
      return place.kind === 'own' && place.epoch === epoch;
    }
  }

  /** The feed calls this when media has come over its relay. */
  relayAnswered(): void {
    if (this.#current.kind === 'relay' && this.#current.via === undefined) {
      this.#deps.silentWorkers.heard(this.#current.owner.incarnation, performance.now());
    }
  }

  /** Finds the feed's new place after its relay has ended. Resolves when there is one. */
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
        if (next.kind === 'own' && next.split === true) void this.#seekBack(signal);
        return;
      }
      await pause(Math.max(0, nextMs - performance.now()), signal);
    }
  }

  async #find(outcome: RelayOutcome, { owner: from, via }: KnownPlace & { kind: 'relay' }, lostAtMs: number) {
    const { lease, leaseMs, silentWorkers, me } = this.#deps;
    const moved = outcome.kind === 'moved' ? { to: saidPlace(outcome.owner, me) } : undefined;
    const asked = this.#peerPlace(from);
    const owner = moved !== undefined ? 'alive' : await this.#stateOf(from, outcome, via);
    const nowMs = performance.now();
    const sinceMs = owner === 'silent' ? silentWorkers.met(from.incarnation, lostAtMs, nowMs) : lostAtMs;
    const found: Findings = {
      from,
      owner,
      moved,
      registry: lease.reachable || owner === 'dead' ? await this.#askRegistry(from, owner) : 'unreachable',
      peer: undefined,
      // A worker that stood still itself could not hear the owner meanwhile.
      silentMs: nowMs - Math.max(sinceMs, lease.awakeSinceMs),
      leaseMs,
    };
    return nextPlace(found).do === 'go' ? found : { ...found, peer: await asked };
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
      case 'relay':
        return { kind: 'relay', ...next.from };
      case 'own_unconfirmed': {
        const peer = await askAgain(
          () => this.#peerPlace(from, LAST_ASK_TIMEOUT_MS),
          (ms) => pause(ms, signal),
        );
        if (peer !== undefined) return { kind: 'relay', ...peer };
        const place = await registry.ownUnconfirmed(this.feed);
        return place.kind === 'own' || place.kind === 'relay' ? place : undefined;
      }
      case 'split': {
        // On a busy machine an answer may take longer than one of the repeated questions waits.
        const [answers, peer] = await Promise.all([
          this.#answersFrom(from, LAST_ASK_TIMEOUT_MS),
          this.#peerPlace(from, LAST_ASK_TIMEOUT_MS),
        ]);
        if (answers === 'alive') return { kind: 'relay', owner: from };
        if (answers === 'dead') return undefined;
        if (peer !== undefined) return { kind: 'relay', ...peer };
        return isFull() ? undefined : { kind: 'own', epoch: 0, split: true };
      }
      case 'ask_again':
        return undefined;
    }
  }

  /** While this worker makes a copy: becomes the owner if the registry agrees, or follows the owner once it can be reached. */
  async #seekBack(signal: AbortSignal): Promise<void> {
    let seen = 0;
    for (;;) {
      await pause(SEEK_MS, signal);
      if (signal.aborted || this.#current.kind !== 'own' || this.#current.split !== true) return;
      const place = await this.#deps.registry.acquire(this.feed).catch(() => undefined);
      if (place?.kind === 'own') {
        this.#become(place);
        return;
      }
      if (place?.kind !== 'relay') continue;
      const { owner } = place;
      const answers = (await this.#answersFrom(owner, LAST_ASK_TIMEOUT_MS)) === 'alive';
      const peer = answers ? { owner, via: undefined } : await this.#peerPlace(owner, LAST_ASK_TIMEOUT_MS);
      seen = peer?.owner.incarnation === owner.incarnation ? seen + 1 : 0;
      if (peer === undefined || seen < SEEN_TWICE) continue;
      this.#deps.log.info({ feed: this.feed, peer }, 'the owner of a feed can be reached again');
      this.#become({ kind: 'relay', ...peer });
      return;
    }
  }

  /** A worker other than the owner and this one that has the feed. */
  async #peerPlace(from: Owner, timeoutMs = ASK_TIMEOUT_MS): Promise<PeerPlace | undefined> {
    const { registry, me } = this.#deps;
    const known = [me.incarnation, from.incarnation];
    const others = registry.peers().filter(({ incarnation }) => !known.includes(incarnation));
    return peerPlaceOf(this.feed, others, this.secret, timeoutMs);
  }

  async #stateOf(owner: Owner, outcome: RelayOutcome, via: Peer | undefined): Promise<OwnerState> {
    const proven = outcome.kind === 'lost' && (outcome.why === 'refused' || outcome.why === 'other_incarnation');
    // The end of a relay through another worker says nothing about the owner.
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

/** The place that an owner names when it gives a feed up. */
function saidPlace(owner: Owner | undefined, me: WorkerIdentity): RegisteredPlace | undefined {
  if (owner === undefined) return undefined;
  return owner.incarnation === me.incarnation ? { kind: 'own', epoch: owner.epoch } : { kind: 'relay', owner };
}

/** The place of a feed that is not here yet. Waits while the registry is too young to know it. */
export async function knownPlace(registry: FeedStarts, feed: string): Promise<KnownPlace> {
  for (;;) {
    const place = await registry.locate(feed);
    if (place.kind === 'own' || place.kind === 'relay') return place;
    await pause(place.kind === 'wait' ? place.ms : REDIAL_MS);
  }
}
