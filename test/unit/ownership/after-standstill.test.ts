/** What an owner does after a standstill: it asks the registry, or the other workers while the registry is away. */

import { beforeEach, expect, it, vi } from 'vitest';
import { placeAfterStandstill } from '../../../services/proxy/src/ownership/after-standstill.ts';
import type { PeerPlace } from '../../../services/proxy/src/relay/peers.ts';
import type { Owner, Place, RegisteredPlace } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';

const OTHER: Owner = { workerId: 'w2', incarnation: 'i2', address: 'w2:1', epoch: 7 };
const VIA = { workerId: 'w3', incarnation: 'i3', address: 'w3:1' };
const MINE: Place = { kind: 'own', epoch: 3 };

/** What happens, in order: whether each renewal is answered, what the registry says, and who has the feed. */
interface Story {
  readonly renewals: readonly boolean[];
  readonly registry?: readonly (Place | 'away')[];
  readonly peers?: readonly (PeerPlace | undefined)[];
  /** What happens while the other workers are asked for the first time. */
  readonly meanwhile?: (world: { reachable: boolean; awakeSinceMs: number; isWanted: boolean }) => void;
}

beforeEach(() => void vi.spyOn(systemClock, 'random').mockReturnValue(0));

async function tell({ renewals, registry = [], peers = [], meanwhile }: Story) {
  const world = { reachable: true, awakeSinceMs: 1, isWanted: true };
  const told: string[] = [];
  const [answers, places, having] = [[...renewals], [...registry], [...peers]];
  const adopted: RegisteredPlace[] = [];
  let isFirst = true;
  const place = await placeAfterStandstill(
    {
      feed: 's:x',
      lease: {
        get reachable() {
          return world.reachable;
        },
        get awakeSinceMs() {
          return world.awakeSinceMs;
        },
        answered: async () => {
          told.push('renewal');
          world.reachable = answers.shift() ?? true;
          return world.reachable;
        },
      },
      registry: {
        confirm: async () => {
          told.push('registry');
          const said = places.shift() ?? MINE;
          if (said === 'away') throw new Error('no answer');
          return said;
        },
        adopt: (_feed, each) => adopted.push(each),
      },
      questions: {
        successorPlace: async () => {
          told.push('workers');
          if (isFirst) meanwhile?.(world);
          isFirst = false;
          return having.shift();
        },
      },
      clock: systemClock,
    },
    () => world.isWanted,
  );
  return { place, told, adopted };
}

it('goes by what the registry says, once it has renewed its lease', async () => {
  expect(await tell({ renewals: [true] })).toMatchObject({ place: MINE, told: ['renewal', 'registry'] });
  const relay: Place = { kind: 'relay', owner: OTHER };
  expect((await tell({ renewals: [true], registry: [relay] })).place).toEqual(relay);
});

it('asks a registry again that knows too little yet, with the next renewal', async () => {
  const { place, told } = await tell({ renewals: [true, true], registry: [{ kind: 'wait', ms: 9 }, MINE] });
  expect([place, told]).toEqual([MINE, ['renewal', 'registry', 'renewal', 'registry']]);
});

it('goes on while Redis is away, if no other worker has the feed: they are asked twice', async () => {
  const { place, told } = await tell({ renewals: [false] });
  expect([place, told]).toEqual(['unclaimed', ['renewal', 'workers', 'workers']]);
});

it('goes on when Redis goes away between the renewal and the confirmation', async () => {
  const { place, told } = await tell({ renewals: [true, false], registry: ['away'] });
  expect([place, told]).toEqual(['unclaimed', ['renewal', 'registry', 'renewal', 'workers', 'workers']]);
});

it.each([
  ['makes it', { owner: OTHER, via: undefined }],
  ['relays it from the one that makes it', { owner: OTHER, via: VIA }],
])('follows a worker that %s while Redis is away', async (_what, peer) => {
  for (const peers of [[peer], [undefined, peer]]) {
    const { place, adopted } = await tell({ renewals: [false], peers });
    expect(place).toEqual({ kind: 'relay', ...peer });
    // Redis is not told that this worker makes it.
    expect(adopted).toEqual([{ kind: 'relay', owner: OTHER }]);
  }
});

it('believes the registry more than the workers, if it is back by then', async () => {
  const meanwhile: Story['meanwhile'] = (world) => {
    world.reachable = true;
  };
  const { place, told, adopted } = await tell({
    renewals: [false, true],
    peers: [{ owner: OTHER, via: undefined }],
    meanwhile,
  });
  expect([place, adopted, told]).toEqual([MINE, [], ['renewal', 'workers', 'renewal', 'registry']]);
});

it('asks the workers anew when it has stood still meanwhile', async () => {
  const meanwhile: Story['meanwhile'] = (world) => {
    world.awakeSinceMs = 2;
  };
  const { place, told } = await tell({ renewals: [false, false], meanwhile });
  expect([place, told]).toEqual(['unclaimed', ['renewal', 'workers', 'workers', 'renewal', 'workers', 'workers']]);
});

it('takes nothing for a feed that is over or has another owner meanwhile', async () => {
  const meanwhile: Story['meanwhile'] = (world) => {
    world.isWanted = false;
  };
  const { place, adopted } = await tell({ renewals: [false], peers: [{ owner: OTHER, via: undefined }], meanwhile });
  expect([place, adopted]).toEqual([undefined, []]);
});
