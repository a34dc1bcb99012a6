/** Makes another worker the owner of a feed of this worker, in the registry. */

import type { FeedOwners } from '../../../registry/registry.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import type { KnownPlace } from './known-place.ts';
import type { Lease } from './lease.ts';

/** The place that changes. */
export interface ChangingPlace {
  readonly feed: string;
  readonly current: () => KnownPlace;
  readonly become: (place: KnownPlace) => void;
  /** The feed here is over, so nobody asks for it any more. */
  readonly isOver: () => boolean;
}

export interface TransferDeps {
  readonly registry: FeedOwners;
  readonly lease: Pick<Lease, 'confirmed'>;
  readonly log: Logger;
}

/** The epoch known here may be older than the registry's, but only once. */
const TRANSFER_TRIES = 2;

/** @returns false when the feed stays here */
export async function transfer(place: ChangingPlace, to: WorkerIdentity, deps: TransferDeps): Promise<boolean> {
  const { registry, lease, log } = deps;
  const { feed, current, become } = place;
  for (let tries = 0; tries < TRANSFER_TRIES; tries++) {
    const known = current();
    if (known.kind !== 'own') break;
    try {
      const epoch = await registry.transfer(feed, known.epoch, to);
      if (epoch !== undefined) {
        const { workerId, incarnation, address } = to;
        become({ kind: 'relay', owner: { workerId, incarnation, address, epoch } });
        return true;
      }
    } catch (error) {
      // It may have happened all the same. Until the registry answers, no other worker knows of it either.
      log.warn({ feed, err: error }, 'the registry did not answer a handover');
      void lease.confirmed().then(() => askRegistry(place, registry));
      return false;
    }
    await askRegistry(place, registry);
  }
  return current().kind === 'relay';
}

async function askRegistry({ feed, become, isOver }: ChangingPlace, registry: FeedOwners): Promise<void> {
  if (isOver()) return;
  const place = await registry.acquire(feed).catch(() => undefined);
  if (place?.kind === 'own' || place?.kind === 'relay') become(place);
}
