/** Where one feed comes from: made here, or relayed from its owner; and how that changes. */

import type { FeedOwners, FeedStarts, Peers } from '../../../registry/registry.ts';
import type { Owner, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import type { PlaceAnswer } from '../relay/peers.ts';
import type { Wire } from '../relay/wire.ts';
import { placeAfterStandstill } from './after-standstill.ts';
import type { KnownPlace } from './known-place.ts';
import { PeerQuestions, type PeerQuestionsDeps } from './peer-questions.ts';
import { PlaceSearch, type PlaceSearchDeps, type RelayLoss } from './place-search.ts';
import type { SilentWorkers } from './silent-workers.ts';
import { transfer } from './transfer.ts';
import { wayBack } from './way-back.ts';

export interface FeedPlaceDeps extends PeerQuestionsDeps, PlaceSearchDeps {
  readonly me: WorkerIdentity;
  readonly registry: FeedOwners & FeedStarts & Peers;
  readonly silentWorkers: SilentWorkers;
  readonly log: Logger;
}

/** @param isFull whether this worker takes no more processes, if the feed needs one */
export type PlaceOf = (feed: string, first: KnownPlace, isFull: () => boolean) => FeedPlace;

export class FeedPlace {
  /** The feed's key in the registry. */
  readonly feed: string;
  readonly #deps: FeedPlaceDeps;
  #current: KnownPlace;
  /** A handover in progress; resolves with whether the feed goes. */
  #handingOver: Promise<boolean> | undefined;
  #isGivenUp = false;
  #isOver = false;
  /** The end of a standstill, monotonic, after which the feed went on without the registry: no other worker had it. */
  #unclaimedSinceMs: number | undefined;
  readonly #leaveListeners = new Set<() => void>();
  readonly #takenListeners: (() => void)[] = [];
  readonly #ownerListeners = new Set<() => void>();
  readonly #takeoverListeners: ((from: Owner, epoch: number) => void)[] = [];
  /** The relay has ended, and the next place is not known yet. */
  #lost = false;
  /** It has been made here, or has come over a relay. */
  #hasMedia: boolean;
  readonly #questions: PeerQuestions;
  readonly #search: PlaceSearch;

  constructor(feed: string, first: KnownPlace, deps: FeedPlaceDeps) {
    this.feed = feed;
    this.#deps = deps;
    this.#current = first;
    this.#hasMedia = first.kind === 'own';
    this.#questions = new PeerQuestions(feed, deps);
    this.#search = new PlaceSearch(feed, this.#questions, deps);
  }

  get current(): KnownPlace {
    return this.#current;
  }

  get secret(): string {
    return this.#deps.secret();
  }

  get wire(): Wire {
    return this.#deps.wire;
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

  /** Whether this worker has media of the feed, and looks for where that goes on. */
  get isSought(): boolean {
    return this.#lost && this.#hasMedia;
  }

  /** Sets the place to here (a handover, or a record that was written back). */
  set(place: KnownPlace): void {
    if (place.kind === 'relay') {
      // A follower finds its owner by itself, and may know a later one.
      if (!this.isOriginal) return;
      this.#questions.noteSeizure(place.owner.incarnation);
    }
    this.#become(place);
  }

  /** Calls back when another worker takes over the feed from here: the input here must end, even if it is silent. */
  onTaken(listener: () => void): void {
    this.#takenListeners.push(listener);
  }

  /** Calls back when this worker owns the feed because its owner has died. */
  onTakeover(listener: (from: Owner, epoch: number) => void): void {
    this.#takeoverListeners.push(listener);
  }

  /** Calls back when another worker than before makes the feed. */
  onOwner(listener: () => void): () => void {
    this.#ownerListeners.add(listener);
    return () => this.#ownerListeners.delete(listener);
  }

  #become(place: KnownPlace): void {
    const taken = this.#current.kind === 'own' && place.kind === 'relay';
    const before = this.#maker;
    this.#current = place;
    if (place.kind === 'own') this.#hasMedia = true;
    if (taken) for (const listener of this.#takenListeners) listener();
    if (this.#maker !== before) for (const listener of [...this.#ownerListeners]) listener();
  }

  /** The incarnation that makes the feed, as far as this worker knows. */
  get #maker(): string {
    return this.#current.kind === 'own' ? this.me.incarnation : this.#current.owner.incarnation;
  }

  /**
   * Makes another worker the owner. Passes nothing on until that is decided, so no media follows the change of owner.
   * @returns false when the feed stays here
   */
  async handOver(to: WorkerIdentity): Promise<boolean> {
    if (!this.isOriginal || this.#handingOver !== undefined) return false;
    const place = {
      feed: this.feed,
      current: () => this.#current,
      become: (next: KnownPlace) => this.#become(next),
      isOver: () => this.#isOver,
    };
    this.#handingOver = transfer(place, to, this.#deps).finally(() => {
      this.#handingOver = undefined;
    });
    return this.#handingOver;
  }

  /** Releases the feed for any worker; this worker is ending. */
  async giveUp(): Promise<void> {
    if (!this.isOriginal) return;
    this.#isGivenUp = true;
    await this.#deps.registry.release(this.feed);
  }

  /** The feed here is over. From now on this worker does not ask for it, because that would make it the owner again. */
  close(): void {
    this.#isOver = true;
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
   * Whether the feed may pass on what arrives from its own input now. Waits for the registry when this worker stood still,
   * or for the other workers while the registry does not answer. False when another worker makes the feed by then;
   * `current` names it.
   */
  async mayPass(): Promise<boolean> {
    const { lease, registry, log } = this.#deps;
    if (this.#handingOver !== undefined) await this.#handingOver;
    if (this.#current.kind !== 'own') return false;
    if (this.#current.split === true || lease.state !== 'in_doubt') return true;
    if (this.#unclaimedSinceMs === lease.awakeSinceMs) return true;
    const { epoch } = this.#current;
    const asked = { feed: this.feed, registry, lease, questions: this.#questions, clock: this.wire.clock };
    const place = await placeAfterStandstill(asked, () => !this.#isOver && this.#current.kind === 'own');
    if (place === undefined) return false;
    if (place === 'unclaimed') {
      this.#unclaimedSinceMs = lease.awakeSinceMs;
      return true;
    }
    log.debug({ feed: this.feed, place }, 'it is known who makes a feed after a standstill');
    this.#become(place);
    return place.kind === 'own' && place.epoch === epoch;
  }

  /** The feed calls this when media has come over its relay. */
  relayAnswered(): void {
    this.#hasMedia = true;
    if (this.#current.kind === 'relay' && this.#current.via === undefined) {
      this.#deps.silentWorkers.heard(this.#current.owner.incarnation, this.wire.clock.monotonicMs());
    }
  }

  /** Finds the feed's new place after its relay has ended. Resolves when there is one. */
  async afterRelay(outcome: RelayLoss, signal: AbortSignal): Promise<void> {
    const before = this.#current;
    if (before.kind !== 'relay') return;
    this.#lost = true;
    const next = await this.#search.after(outcome, before, this.#hasMedia, signal);
    if (next === undefined) return;
    this.#deps.log.debug({ feed: this.feed, place: next, outcome }, 'a feed has a new place');
    this.#lost = false;
    this.#become(next);
    if (outcome.kind === 'lost' && next.kind === 'own' && this.isOriginal) {
      for (const listener of this.#takeoverListeners) listener(before.owner, next.epoch);
    }
    if (this.#isCopy) void this.#endCopy(signal);
  }

  /** Whether this worker makes the feed although another one owns it. */
  get #isCopy(): boolean {
    return this.#current.kind === 'own' && this.#current.split === true;
  }

  async #endCopy(signal: AbortSignal): Promise<void> {
    const { registry, wire, log } = this.#deps;
    const wanted = { feed: this.feed, registry, questions: this.#questions, clock: wire.clock, log };
    const next = await wayBack(wanted, () => this.#isCopy, signal);
    if (next !== undefined) this.#become(next);
  }
}
