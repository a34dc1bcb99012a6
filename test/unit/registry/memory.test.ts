/** The in-memory registry keeps the contract, and what this worker knows of a group's moves. */

import { expect, it } from 'vitest';
import { EventLog } from '../../../services/registry/events/event-log.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { GRACE_MS, REAL_TIME, registryContract } from './contract.ts';

const identity = { workerId: 'w1', incarnation: 'i1', address: '', zone: undefined };

registryContract(async () => {
  let nowMs = 1_000_000;
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
  const registry = new MemoryRegistry(identity, GRACE_MS);
  const created = await registry.createStream({ ...SPEC, failoverUrls: ['http://backup/'] }, 0);
  if (created === 'full') throw new Error('no room');
  const moved = { index: 0, attempts: 1, lastAtMs: Date.now() + 1_000, currentUrl: 'http://backup/' };
  await registry.advanceFailover(SPEC.id, -1, moved);
  registry.adoptStream({ ...created.stream, createdAtMs: created.stream.createdAtMs + 1 });
  expect(registry.remembered(SPEC.id)?.failover).toEqual(moved);
});

it('remembers one object of a stream until something has changed, and then all that has', async () => {
  let nowMs = 1_000_000;
  const clock = { ...systemClock, wallMs: () => nowMs };
  const registry = new MemoryRegistry(identity, GRACE_MS, clock);
  await registry.createStream({ ...SPEC, failoverUrls: ['http://backup/'] }, 0);
  const viewer = { streamId: SPEC.id, workerId: 'w1', userAgent: '', ipAddress: '', username: undefined };
  const client = { ...viewer, connectedAtMs: nowMs, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 };
  const report = { streamId: SPEC.id, clientId: 'tv', connectedAtMs: nowMs, segmentsServed: 2 };
  const moved = { index: 0, attempts: 1, lastAtMs: nowMs + 1, currentUrl: 'http://backup/' };
  const later = { ...moved, index: 1, lastAtMs: nowMs + 2 };
  const changes: readonly (readonly [() => unknown, object])[] = [
    [() => registry.countError(SPEC.id), { errorCount: 1 }],
    [() => registry.join({ client, clientId: 'tv', cap: undefined, localSlots: [] }), { watched: true }],
    [() => registry.report([{ ...report, lastAccessMs: nowMs + 5, bytesServed: 7 }]), { lastAccessMs: nowMs + 5 }],
    [() => registry.markUnshareable(SPEC.id), { unshareable: true }],
    [() => registry.noteDash(SPEC.id, SPEC.url), { dashUrl: SPEC.url }],
    [() => registry.noteDash(SPEC.id, undefined), { dashUrl: undefined }],
    [() => registry.advanceFailover(SPEC.id, -1, moved), { failover: moved }],
    [() => registry.noteState(SPEC.id, later), { failover: later }],
    [
      () => registry.leave({ ...report, lastAccessMs: nowMs, bytesServed: 9 }),
      { bytesServed: 9, segmentsServed: 2, lastAccessMs: nowMs },
    ],
    [() => registry.createStream({ ...SPEC, userAgent: 'another' }, 0), { userAgent: 'another', bytesServed: 0 }],
  ];
  for (const [change, seen] of changes) {
    const before = registry.remembered(SPEC.id);
    const text = JSON.stringify(before);
    expect(registry.remembered(SPEC.id)).toBe(before);
    if ('userAgent' in seen) nowMs += 2 * GRACE_MS;
    await change();
    const after = registry.remembered(SPEC.id);
    expect(after).toMatchObject(seen);
    expect(after).toEqual(await registry.stream(SPEC.id));
    // Whoever has the object from before still has what was true then.
    expect(after).not.toBe(before);
    expect(JSON.stringify(before)).toBe(text);
  }
});
