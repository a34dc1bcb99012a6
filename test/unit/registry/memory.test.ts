/** The in-memory registry keeps the contract, and what this worker knows of a group's moves. */

import { expect, it } from 'vitest';
import { EventLog } from '../../../services/registry/events/event-log.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { GRACE_MS, REAL_TIME, registryContract } from './contract.ts';

registryContract(async () => {
  let nowMs = 1_000_000;
  const identity = { workerId: 'w1', incarnation: 'i1', address: '', zone: undefined };
  const age = async (ms: number) => {
    nowMs += ms;
  };
  const clock = { ...systemClock, wallMs: () => nowMs };
  return {
    registry: new MemoryRegistry(identity, GRACE_MS, clock, new EventLog(clock, 86_400_000)),
    age,
    ...REAL_TIME,
  };
});

it('knows a move of a group whose only stream is taken over from a worker that has not heard of it', async () => {
  const registry = new MemoryRegistry({ workerId: 'w1', incarnation: 'i1', address: '', zone: undefined }, GRACE_MS);
  const created = await registry.createStream({ ...SPEC, failoverUrls: ['http://backup/'] }, 0);
  if (created === 'full') throw new Error('no room');
  const moved = { index: 0, attempts: 1, lastAtMs: Date.now() + 1_000, currentUrl: 'http://backup/' };
  await registry.advanceFailover(SPEC.id, -1, moved);
  registry.adoptStream({ ...created.stream, createdAtMs: created.stream.createdAtMs + 1 });
  expect(registry.remembered(SPEC.id)?.failover).toEqual(moved);
});
