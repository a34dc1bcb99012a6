/** When a copy of a feed ends: a copy that ends too early leaves its viewers with nothing. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { OwnerState } from '../../../services/proxy/src/ownership/next-place.ts';
import { SEEK_MS, wayBack } from '../../../services/proxy/src/ownership/way-back.ts';
import type { FeedOwners } from '../../../services/registry/registry.ts';
import type { Owner, Place } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { createLogger } from '../../../services/shared/log.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const OWNER: Owner = { workerId: 'w1', incarnation: 'i1', address: 'w1:1', epoch: 3 };
const VIA = { workerId: 'w2', incarnation: 'i2', address: 'w2:1' };

interface World {
  registry: Place | 'unreachable';
  owner: OwnerState;
  /** Another worker that has the feed, and whose feed it has. */
  peer?: { owner: Owner; via: typeof VIA };
}

function copy(world: World) {
  const unexpected = async () => {
    throw new Error('nobody asks this');
  };
  const acquire = async () => {
    if (world.registry === 'unreachable') throw new Error('no answer');
    return world.registry;
  };
  const registry: FeedOwners = { acquire, seize: unexpected, transfer: unexpected, release: unexpected };
  const questions = { answersFrom: async () => world.owner, peerPlace: async () => world.peer };
  const abort = new AbortController();
  const state = { isCopy: true };
  const wanted = { feed: 's:x', registry, questions, clock: systemClock, log: createLogger('fatal') };
  let found: unknown = 'nothing yet';
  const search = wayBack(wanted, () => state.isCopy, abort.signal).then((place) => {
    found = place;
  });
  const rounds = (count: number) => vi.advanceTimersByTimeAsync(count * SEEK_MS);
  return { rounds, state, abort, search, found: () => found };
}

it('ends at the second answer of the owner in a row: one may come through a hole in the broken network', async () => {
  const world: World = { registry: { kind: 'relay', owner: OWNER }, owner: 'alive' };
  const { rounds, found } = copy(world);
  await rounds(1);
  world.owner = 'silent';
  await rounds(1);
  world.owner = 'alive';
  await rounds(1);
  expect(found()).toBe('nothing yet');
  await rounds(1);
  expect(found()).toEqual({ kind: 'relay', owner: OWNER, via: undefined });
});

it('ends when another worker passes the feed of that owner on', async () => {
  const peer = { owner: OWNER, via: VIA };
  const { rounds, found } = copy({ registry: { kind: 'relay', owner: OWNER }, owner: 'silent', peer });
  await rounds(2);
  expect(found()).toEqual({ kind: 'relay', ...peer });
});

it('goes on while others have nothing but a copy themselves', async () => {
  const peer = { owner: { ...OWNER, incarnation: 'a copy' }, via: VIA };
  const { rounds, found } = copy({ registry: { kind: 'relay', owner: OWNER }, owner: 'silent', peer });
  await rounds(5);
  expect(found()).toBe('nothing yet');
});

it('goes on while the registry does not answer, and becomes the original when that names this worker', async () => {
  const world: World = { registry: 'unreachable', owner: 'alive' };
  const { rounds, found } = copy(world);
  await rounds(3);
  expect(found()).toBe('nothing yet');
  world.registry = { kind: 'own', epoch: 4 };
  await rounds(1);
  expect(found()).toEqual({ kind: 'own', epoch: 4 });
});

it.each(['a command', 'the end of the feed'])('is no longer sought after %s has ended the copy', async (what) => {
  const { rounds, found, state, abort, search } = copy({ registry: { kind: 'own', epoch: 4 }, owner: 'alive' });
  if (what === 'a command') state.isCopy = false;
  else abort.abort();
  await rounds(1);
  await search;
  expect(found()).toBeUndefined();
});
