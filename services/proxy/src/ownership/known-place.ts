/** Where a worker has a feed from, once that is known; and the first time that it finds out. */

import type { FeedStarts } from '../../../registry/registry.ts';
import type { Owner } from '../../../registry/types.ts';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import { pauseBy } from '../async.ts';
import type { Peer } from '../relay/peers.ts';

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

/** How often a worker that does not know a feed's place asks again. */
export const REDIAL_MS = 250;

/**
 * The place of a feed that is not here yet. Waits while the registry is too young to know it.
 *
 * @throws by the signal, which aborts when nobody wants to know any more
 */
export async function knownPlace(
  registry: FeedStarts,
  feed: string,
  signal?: AbortSignal,
  clock: Clock = systemClock,
): Promise<KnownPlace> {
  for (;;) {
    const place = await registry.locate(feed);
    if (place.kind === 'own' || place.kind === 'relay') return place;
    await pauseBy(clock, place.kind === 'wait' ? place.ms : REDIAL_MS, signal);
    signal?.throwIfAborted();
  }
}
