/** Finds where a feed continues after its relay has ended: asks the owner, the registry and the other workers until it knows. */

import { askAgain } from '../../../registry/ask-again.ts';
import type { FeedOwners, FeedStarts } from '../../../registry/registry.ts';
import type { Owner, Place, RegisteredPlace, WorkerIdentity } from '../../../registry/types.ts';
import { pauseBy } from '../async.ts';
import type { RelayOutcome } from '../relay/relay-run.ts';
import type { Wire } from '../relay/wire.ts';
import { RELAY_SILENCE_MS } from '../timing.ts';
import { type KnownPlace, REDIAL_MS } from './known-place.ts';
import type { Lease } from './lease.ts';
import { type Findings, type NextPlace, nextPlace, type OwnerState } from './next-place.ts';
import { LAST_ASK_TIMEOUT_MS, type PeerQuestions } from './peer-questions.ts';
import type { SilentWorkers } from './silent-workers.ts';

/** How a relay ends whose feed may continue. */
export type RelayLoss = Extract<RelayOutcome, { kind: 'moved' | 'lost' }>;

export interface PlaceSearchDeps {
  readonly me: WorkerIdentity;
  readonly registry: FeedOwners & FeedStarts;
  readonly lease: Lease;
  /** How long an owner that does not renew keeps what it owns. */
  readonly leaseMs: number;
  readonly silentWorkers: SilentWorkers;
  readonly wire: Wire;
  /** This worker takes no more processes. */
  readonly isFull: () => boolean;
}

export class PlaceSearch {
  readonly #feed: string;
  readonly #questions: PeerQuestions;
  readonly #deps: PlaceSearchDeps;

  constructor(feed: string, questions: PeerQuestions, deps: PlaceSearchDeps) {
    this.#feed = feed;
    this.#questions = questions;
    this.#deps = deps;
  }

  /**
   * @param hasMedia whether this worker has media of the feed
   * @returns undefined when the signal has ended the search
   */
  async after(
    outcome: RelayLoss,
    before: KnownPlace & { kind: 'relay' },
    hasMedia: boolean,
    signal: AbortSignal,
  ): Promise<KnownPlace | undefined> {
    const { clock } = this.#deps.wire;
    const why = outcome.kind === 'lost' ? outcome.why : undefined;
    const lostAtMs = clock.monotonicMs() - (why === 'silent' ? RELAY_SILENCE_MS : 0);
    if (why === 'closed' || why === undefined) this.#questions.noteRelay();
    // Who goes on with media comes first.
    const comesSecond = why === 'refused' && !hasMedia && (await this.#questions.isHeldElsewhere(before.owner));
    if (why === 'not_there' || comesSecond) await pauseBy(clock, REDIAL_MS, signal);
    while (!signal.aborted) {
      const nextMs = clock.monotonicMs() + REDIAL_MS;
      const found = await this.#find(outcome, before, lostAtMs);
      const next = await this.#follow(nextPlace(found), before.owner, signal);
      if (next !== undefined) return next;
      await pauseBy(clock, Math.max(0, nextMs - clock.monotonicMs()), signal);
    }
    return undefined;
  }

  async #find(outcome: RelayLoss, { owner: from, via }: KnownPlace & { kind: 'relay' }, lostAtMs: number) {
    const { lease, leaseMs, silentWorkers, me, wire } = this.#deps;
    const moved = outcome.kind === 'moved' ? { to: saidPlace(outcome.owner, me) } : undefined;
    const asked = this.#questions.peerPlace(from);
    const owner = moved !== undefined ? 'alive' : await this.#questions.stateOf(from, outcome, via);
    const nowMs = wire.clock.monotonicMs();
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
      return await (owner === 'dead' ? registry.seize(this.#feed, from.incarnation) : registry.acquire(this.#feed));
    } catch {
      return 'unreachable';
    }
  }

  async #follow(next: NextPlace, from: Owner, signal: AbortSignal): Promise<KnownPlace | undefined> {
    const { registry, isFull, wire } = this.#deps;
    switch (next.do) {
      case 'go':
        // Otherwise a returning registry would take an owner that it knows for one that has given the feed up.
        registry.adopt(this.#feed, next.place);
        return next.place;
      case 'relay':
        return { kind: 'relay', ...next.from };
      case 'own_unconfirmed': {
        const peer = await askAgain(
          () => this.#questions.peerPlace(from, LAST_ASK_TIMEOUT_MS),
          wire.clock,
          (ms) => pauseBy(wire.clock, ms, signal),
        );
        if (peer !== undefined) return { kind: 'relay', ...peer };
        const place = await registry.ownUnconfirmed(this.#feed);
        return place.kind === 'own' || place.kind === 'relay' ? place : undefined;
      }
      case 'split': {
        // On a busy machine an answer may take longer than one of the repeated questions waits.
        const [answers, peer] = await Promise.all([
          this.#questions.answersFrom(from, LAST_ASK_TIMEOUT_MS),
          this.#questions.peerPlace(from, LAST_ASK_TIMEOUT_MS),
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
}

/** The place that an owner names when it gives a feed up. */
function saidPlace(owner: Owner | undefined, me: WorkerIdentity): RegisteredPlace | undefined {
  if (owner === undefined) return undefined;
  return owner.incarnation === me.incarnation ? { kind: 'own', epoch: owner.epoch } : { kind: 'relay', owner };
}
