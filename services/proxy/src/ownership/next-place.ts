/** Where a feed goes on whose relay has ended, from what this worker could find out. Pure. */

import type { KnownPlace, Owner, Place } from '../../../registry/types.ts';
import type { Offer } from '../relay/peers.ts';
import { FOLLOWER_MARGIN_MS } from '../timing.ts';

/** `dead`: proven, by a refused connection or another incarnation; `silent`: nothing is known. */
export type OwnerState = 'alive' | 'dead' | 'silent';

export interface Findings {
  /** Whom this worker relayed from, straight or through another one, and what has become of him. */
  readonly from: Owner;
  readonly owner: OwnerState;
  /** He said himself that the feed is somebody else's: whose, as far as he knew. */
  readonly moved: { readonly to: KnownPlace | undefined } | undefined;
  readonly registry: Place | 'unreachable';
  /** What another worker has to offer; undefined when nobody has the feed, or nobody was asked yet. */
  readonly offer: Offer | undefined;
  /** For how long nothing has come from the owner. */
  readonly silentMs: number;
  readonly leaseMs: number;
}

export type NextPlace =
  | { readonly do: 'go'; readonly place: KnownPlace }
  /** Through another worker, or to one that makes the feed and that the registry does not name. */
  | { readonly do: 'take'; readonly offer: Offer }
  /** Nobody else has it: here, until the registry says otherwise. */
  | { readonly do: 'assume' }
  /** The owner lives, and nobody can reach him: a process of this worker's own, until somebody can. */
  | { readonly do: 'part' }
  | { readonly do: 'ask_again' };

/**
 * The registry's word goes first, then that of whoever has the feed. Silence is not death: before anything is started here
 * without a word of the registry's, an owner's lease must have had the time to run out.
 */
export function nextPlace(found: Findings): NextPlace {
  const { registry, from, owner, offer } = found;
  if (registry !== 'unreachable') {
    if (registry.kind === 'wait' || registry.kind === 'full') return { do: 'ask_again' };
    const elsewhere = registry.kind === 'own' || registry.owner.incarnation !== from.incarnation;
    if (elsewhere || owner === 'alive') return { do: 'go', place: registry };
  } else if (found.moved !== undefined) {
    if (found.moved.to !== undefined) return { do: 'go', place: found.moved.to };
  } else if (owner === 'alive') {
    return { do: 'go', place: { kind: 'relay', owner: from } };
  }
  if (offer !== undefined) return { do: 'take', offer };
  if (registry === 'unreachable') {
    return owner === 'dead' || found.silentMs >= found.leaseMs ? { do: 'assume' } : { do: 'ask_again' };
  }
  return found.silentMs >= found.leaseMs + FOLLOWER_MARGIN_MS ? { do: 'part' } : { do: 'ask_again' };
}
