/** What a worker asks others about one feed: whether its owner answers, and who else has it. */

import type { Peers } from '../../../registry/registry.ts';
import type { Owner, WorkerIdentity } from '../../../registry/types.ts';
import { isHeldElsewhere, type Peer, type PeerPlace, peerPlaceOf, ping } from '../relay/peers.ts';
import type { RelayOutcome } from '../relay/relay-run.ts';
import type { Wire } from '../relay/wire.ts';
import { REDIAL_MS } from './known-place.ts';
import type { OwnerState } from './next-place.ts';
import type { SilentWorkers } from './silent-workers.ts';

export interface PeerQuestionsDeps {
  readonly me: WorkerIdentity;
  readonly registry: Peers;
  /** The secret that workers authenticate with. */
  readonly secret: () => string;
  readonly silentWorkers: SilentWorkers;
  readonly wire: Wire;
}

/** A silent owner is asked again until its lease runs out, so no single answer needs more time. */
const ASK_TIMEOUT_MS = REDIAL_MS;
/** For the last question before this worker starts something that nobody may need. */
export const LAST_ASK_TIMEOUT_MS = 1_000;

export class PeerQuestions {
  readonly #feed: string;
  readonly #deps: PeerQuestionsDeps;
  /** The worker that seized the feed from here. Until a relay from it has worked, a refused connection proves nothing. */
  #seizedBy: string | undefined;

  constructor(feed: string, deps: PeerQuestionsDeps) {
    this.#feed = feed;
    this.#deps = deps;
  }

  /** Another worker has seized the feed from here. */
  noteSeizure(incarnation: string): void {
    this.#seizedBy = incarnation;
  }

  /** A relay of the feed has worked. */
  noteRelay(): void {
    this.#seizedBy = undefined;
  }

  /** A worker other than the owner and this one that has the feed. */
  async peerPlace(from: Owner, timeoutMs = ASK_TIMEOUT_MS): Promise<PeerPlace | undefined> {
    const { registry, me, secret, wire } = this.#deps;
    const known = [me.incarnation, from.incarnation];
    const others = registry.peers().filter(({ incarnation }) => !known.includes(incarnation));
    return peerPlaceOf(this.#feed, others, secret(), timeoutMs, wire, me.incarnation);
  }

  /** Whether a worker other than the dead owner and this one has media of the feed. */
  async isHeldElsewhere(from: Owner): Promise<boolean> {
    const { registry, me, secret, wire } = this.#deps;
    const known = [me.incarnation, from.incarnation];
    const others = registry.peers().filter(({ incarnation }) => !known.includes(incarnation));
    return isHeldElsewhere(this.#feed, others, secret(), ASK_TIMEOUT_MS, wire, me.incarnation);
  }

  /** Where another worker has a feed from that this one made. Nobody counts who still has it from here. */
  async successorPlace(): Promise<PeerPlace | undefined> {
    const { registry, me, secret, wire } = this.#deps;
    const others = registry.peers().filter(({ incarnation }) => incarnation !== me.incarnation);
    return peerPlaceOf(this.#feed, others, secret(), LAST_ASK_TIMEOUT_MS, wire, me.incarnation);
  }

  /**
   * What is known of an owner after a relay of its feed has ended.
   *
   * @param via the worker that the relay came through
   */
  async stateOf(owner: Owner, outcome: RelayOutcome, via: Peer | undefined): Promise<OwnerState> {
    const proven = outcome.kind === 'lost' && (outcome.why === 'refused' || outcome.why === 'other_incarnation');
    // The end of a relay through another worker says nothing about the owner.
    if (proven && via === undefined && owner.incarnation !== this.#seizedBy) return 'dead';
    return this.answersFrom(owner);
  }

  async answersFrom(owner: Owner, timeoutMs = ASK_TIMEOUT_MS): Promise<OwnerState> {
    const { secret, silentWorkers, wire } = this.#deps;
    const answer = await ping(owner.address, secret(), timeoutMs, wire);
    if (answer.kind !== 'silent') silentWorkers.heard(owner.incarnation, wire.clock.monotonicMs());
    if (answer.kind === 'answers') return answer.incarnation === owner.incarnation ? 'alive' : 'dead';
    return answer.kind === 'refused' && owner.incarnation !== this.#seizedBy ? 'dead' : 'silent';
  }
}
