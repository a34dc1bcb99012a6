/** Connections by provider: hosts only, and only so many of them. */

import { expect, it } from 'vitest';
import { ProviderConnections } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import {
  NAMED_PROVIDERS,
  OTHER_PROVIDERS,
  ProviderTally,
} from '../../../../services/proxy/src/upstream/provider/provider-tally.ts';
import { MemoryRegistry } from '../../../../services/registry/memory/memory-registry.ts';

it('counts connections, accounts and refusals of a host, and nothing else of its URL', () => {
  const tally = new ProviderTally();
  const free = tally.taken('http://user:secret@tv.example:8080/live/user/secret/1.ts', 'a');
  tally.taken('http://tv.example:8080/2.ts', 'a');
  tally.taken('http://tv.example:8080/3.ts', 'b');
  tally.refused('http://tv.example:8080/4.ts');
  tally.refused('http://other.example/');
  expect(tally.all).toEqual([
    { provider: 'tv.example:8080', connections: 3, accounts: 2, refusals: 1 },
    { provider: 'other.example', connections: 0, accounts: 0, refusals: 1 },
  ]);
  free();
  expect(tally.all[0]).toMatchObject({ connections: 2, accounts: 2 });
});

it('names 50 hosts and adds up the others, and lets go of hosts that are not used any more', () => {
  const tally = new ProviderTally();
  const frees = Array.from({ length: NAMED_PROVIDERS + 3 }, (_, n) => tally.taken(`http://h${n}.example/`, `a${n}`));
  expect(tally.all).toHaveLength(NAMED_PROVIDERS + 1);
  expect(tally.all.at(-1)).toEqual({ provider: OTHER_PROVIDERS, connections: 3, accounts: 3, refusals: 0 });
  frees[0]?.();
  frees[NAMED_PROVIDERS]?.();
  expect(tally.all.at(-1)).toMatchObject({ provider: OTHER_PROVIDERS, connections: 2 });
  tally.taken('http://new.example/', 'n');
  const names = tally.all.map(({ provider }) => provider);
  expect(names).toContain('new.example');
  expect(names).not.toContain('h0.example');
  expect(names).toHaveLength(NAMED_PROVIDERS + 1);
});

it('counts what a worker takes and is refused, by its own limit and by the provider', async () => {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const connections = new ProviderConnections({ max: 1, registry, reclaim: async () => undefined, waitMs: 20 });
  const address = { url: 'http://tv.example/live.ts', headers: {}, userAgent: '' };
  const release = await connections.acquire('s', address);
  await expect(connections.acquire('t', address)).rejects.toThrow('SOURCE_MAX_CONNECTIONS');
  await connections.watch(address).makeRoom();
  expect(connections.tally.all).toEqual([{ provider: 'tv.example', connections: 1, accounts: 1, refusals: 2 }]);
  release();
  release();
  expect(connections.tally.all).toMatchObject([{ connections: 0, refusals: 2 }]);
  expect(connections.max).toBe(1);
});
