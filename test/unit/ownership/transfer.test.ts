/** How a feed changes its owner in the registry, and what remains when the registry does not agree or answer. */

import { expect, it } from 'vitest';
import { deferred } from '../../../services/proxy/src/async.ts';
import type { KnownPlace } from '../../../services/proxy/src/ownership/known-place.ts';
import { transfer } from '../../../services/proxy/src/ownership/transfer.ts';
import type { FeedOwners } from '../../../services/registry/registry.ts';
import type { Place } from '../../../services/registry/types.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { until } from '../../support/until.ts';

const TO = { workerId: 'w2', incarnation: 'i2', address: 'w2:1', zone: undefined };
const OTHER: Place = { kind: 'relay', owner: { workerId: 'w3', incarnation: 'i3', address: 'w3:1', epoch: 9 } };

/** A feed that this worker owns by epoch 1. */
function owned(registry: Partial<FeedOwners>) {
  let place: KnownPlace = { kind: 'own', epoch: 1 };
  const asked: number[] = [];
  const unexpected = async () => {
    throw new Error('nobody asks this');
  };
  const full: FeedOwners = {
    acquire: unexpected,
    seize: unexpected,
    release: unexpected,
    ...registry,
    transfer: async (feed, epoch, to) => {
      asked.push(epoch);
      return registry.transfer?.(feed, epoch, to);
    },
  };
  const changing = {
    feed: 's:x',
    isOver: () => false,
    current: () => place,
    become: (next: KnownPlace) => {
      place = next;
    },
  };
  const confirmation = deferred<void>();
  const confirmed = () => confirmation.promise;
  const goes = transfer(changing, TO, { registry: full, lease: { confirmed }, log: createLogger('fatal') });
  return { goes, asked, place: () => place, confirm: confirmation.resolve };
}

it('goes to the other worker, with the epoch that the registry gives it', async () => {
  const { goes, place } = owned({ transfer: async () => 2 });
  expect(await goes).toBe(true);
  expect(place()).toEqual({ kind: 'relay', owner: { workerId: 'w2', incarnation: 'i2', address: 'w2:1', epoch: 2 } });
});

it('is tried once more with the epoch of the registry, which may be newer than the one known here', async () => {
  const { goes, asked } = owned({
    transfer: async (_feed, epoch) => (epoch === 5 ? 6 : undefined),
    acquire: async () => ({ kind: 'own', epoch: 5 }),
  });
  expect(await goes).toBe(true);
  expect(asked).toEqual([1, 5]);
});

it('stays here when the registry refuses twice', async () => {
  const { goes, asked, place } = owned({
    transfer: async () => undefined,
    acquire: async () => ({ kind: 'own', epoch: 5 }),
  });
  expect(await goes).toBe(false);
  expect(asked).toEqual([1, 5]);
  expect(place()).toEqual({ kind: 'own', epoch: 5 });
});

it('is gone when another worker has taken it meanwhile', async () => {
  const { goes, place } = owned({ transfer: async () => undefined, acquire: async () => OTHER });
  expect(await goes).toBe(true);
  expect(place()).toEqual(OTHER);
});

it('stays here while the registry does not answer, and follows what that says afterwards: it may have happened', async () => {
  const { goes, place, confirm } = owned({
    transfer: async () => {
      throw new Error('no answer');
    },
    acquire: async () => OTHER,
  });
  expect(await goes).toBe(false);
  expect(place()).toEqual({ kind: 'own', epoch: 1 });
  confirm();
  await until(() => place() === OTHER, { what: 'the place that the registry names' });
});
