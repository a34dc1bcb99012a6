/** Decides where a feed continues after its relay has ended, from what this worker found out. Pure. */

import type { Owner, Place, RegisteredPlace } from '../../../registry/types.ts';
import type { PeerPlace } from '../relay/peers.ts';
import { FOLLOWER_MARGIN_MS } from '../timing.ts';

/** `dead`: proven by a refused connection or another incarnation; `silent`: unknown. */
export type OwnerState = 'alive' | 'dead' | 'silent';

export interface Findings {
  /** The owner that this worker relayed from, directly or through another worker, and its state. */
  readonly from: Owner;
  readonly owner: OwnerState;
  /** Set when the owner itself said that the feed has moved: the new place, if the owner knew it. */
  readonly moved: { readonly to: RegisteredPlace | undefined } | undefined;
  readonly registry: Place | 'unreachable';
  /** Another worker that has the feed; undefined when none has it, or none was asked yet. */
  readonly peer: PeerPlace | undefined;
  /** How long nothing has come from the owner. */
  readonly silentMs: number;
  readonly leaseMs: number;
}

export type NextPlace =
  | { readonly do: 'go'; readonly place: RegisteredPlace }
  /** Through another worker, or from one that makes the feed although the registry does not name it. */
  | { readonly do: 'relay'; readonly from: PeerPlace }
  /** No other worker has it: make it here, until the registry says otherwise. */
  | { readonly do: 'own_unconfirmed' }
  /** The owner lives, but no worker can reach it: make a copy here, until it can be reached. */
  | { readonly do: 'split' }
  | { readonly do: 'ask_again' };

/**
 * The registry's answer counts first, then a worker that has the feed. Silence is not death: before this worker
 * starts anything without an answer of the registry, the owner's lease must have run out.
 */
export function nextPlace(found: Findings): NextPlace {
  const { registry, from, owner, peer } = found;
  if (registry !== 'unreachable') {
    if (registry.kind === 'wait' || registry.kind === 'full') return { do: 'ask_again' };
    const elsewhere = registry.kind === 'own' || registry.owner.incarnation !== from.incarnation;
    if (elsewhere || owner === 'alive') return { do: 'go', place: registry };
  } else if (found.moved !== undefined) {
    if (found.moved.to !== undefined) return { do: 'go', place: found.moved.to };
  } else if (owner === 'alive') {
    return { do: 'go', place: { kind: 'relay', owner: from } };
  }
  if (peer !== undefined) return { do: 'relay', from: peer };
  if (registry === 'unreachable') {
    return owner === 'dead' || found.silentMs >= found.leaseMs ? { do: 'own_unconfirmed' } : { do: 'ask_again' };
  }
  return found.silentMs >= found.leaseMs + FOLLOWER_MARGIN_MS ? { do: 'split' } : { do: 'ask_again' };
}
