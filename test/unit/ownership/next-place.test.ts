/** Where a feed goes on whose relay has ended: the registry's word, then whoever has it, and no start before a lease could run out. */

import { describe, expect, it } from 'vitest';
import { type Findings, type NextPlace, nextPlace } from '../../../services/proxy/src/ownership/next-place.ts';
import { SilentWorkers } from '../../../services/proxy/src/ownership/silent-workers.ts';

function owner(workerId: string) {
  return { workerId, incarnation: `${workerId}1`, address: `${workerId}:9085`, epoch: 7 };
}

const STILL_ITS = { kind: 'relay', owner: owner('a') } as const;
const OTHERS = { kind: 'relay', owner: owner('d') } as const;
const MINE = { kind: 'own', epoch: 8 } as const;
const VIA_C = { owner: owner('a'), via: owner('c') };

const SILENT: Findings = {
  from: owner('a'),
  owner: 'silent',
  moved: undefined,
  registry: STILL_ITS,
  peer: undefined,
  silentMs: 2_000,
  leaseMs: 5_000,
};

const cases: [string, Partial<Findings>, NextPlace][] = [
  ['a silent owner is waited for', {}, { do: 'ask_again' }],
  ['a silent owner whose lease lives is reached through another worker', { peer: VIA_C }, { do: 'relay', from: VIA_C }],
  ['a lease that has run out makes the feed free', { registry: MINE, peer: VIA_C }, { do: 'go', place: MINE }],
  ['the registry knows a new owner', { registry: OTHERS, peer: VIA_C }, { do: 'go', place: OTHERS }],
  ['the owner answers again', { owner: 'alive', peer: VIA_C }, { do: 'go', place: STILL_ITS }],
  ['a lease that goes on being renewed is no death', { silentMs: 5_900 }, { do: 'ask_again' }],
  ['nobody can reach an owner that lives', { silentMs: 6_000 }, { do: 'split' }],
  ['a young registry does not know yet', { registry: { kind: 'wait', ms: 500 }, silentMs: 9_000 }, { do: 'ask_again' }],
  ['no worker is free', { registry: { kind: 'full' }, peer: VIA_C }, { do: 'ask_again' }],
  [
    'the owner says that the feed has moved, and so does the registry',
    { owner: 'alive', moved: { to: undefined }, registry: OTHERS },
    { do: 'go', place: OTHERS },
  ],
  [
    'without a registry an owner that answers goes on',
    { registry: 'unreachable', owner: 'alive' },
    { do: 'go', place: STILL_ITS },
  ],
  [
    'without a registry silence is waited for as long as a lease',
    { registry: 'unreachable', silentMs: 4_900 },
    { do: 'ask_again' },
  ],
  [
    'without a registry or an owner it is made here',
    { registry: 'unreachable', silentMs: 5_000 },
    { do: 'own_unconfirmed' },
  ],
  [
    'without a registry whoever makes it has it',
    { registry: 'unreachable', silentMs: 5_000, peer: VIA_C },
    { do: 'relay', from: VIA_C },
  ],
  [
    'a dead owner is not waited for',
    { registry: 'unreachable', owner: 'dead', silentMs: 0 },
    { do: 'own_unconfirmed' },
  ],
  [
    'a moved feed without a registry is looked for',
    { registry: 'unreachable', owner: 'alive', moved: { to: undefined }, silentMs: 0 },
    { do: 'ask_again' },
  ],
];

describe('where a feed goes on', () => {
  it.each(cases)('%s', (_, change, expected) => {
    expect(nextPlace({ ...SILENT, ...change })).toEqual(expected);
  });
});

describe('silent workers', () => {
  it('are shared by feeds, broken by an answer, and forgotten', () => {
    const silentWorkers = new SilentWorkers();
    expect(silentWorkers.met('a1', 1_000, 3_000)).toBe(1_000);
    expect(silentWorkers.met('a1', 5_000, 7_000)).toBe(1_000);
    silentWorkers.heard('a1', 8_000);
    expect(silentWorkers.met('a1', 8_500, 9_000)).toBe(8_500);
    expect(silentWorkers.met('a1', 40_000, 40_000)).toBe(40_000);
  });

  it('begin when anybody has last heard anything, however long one feed has waited', () => {
    const silentWorkers = new SilentWorkers();
    expect(silentWorkers.met('a1', 1_000, 3_000)).toBe(1_000);
    silentWorkers.heard('a1', 6_000);
    expect(silentWorkers.met('a1', 1_000, 6_500)).toBe(6_000);
    expect(silentWorkers.met('b2', 1_000, 6_500)).toBe(1_000);
  });
});
