/** What is added up for metrics: events by type, and viewers and bytes of streams, in Redis as in memory. */

import { describe, expect, it } from 'vitest';
import { EventLog } from '../../../services/registry/events/event-log.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import type { Registry } from '../../../services/registry/registry.ts';
import { ResilientRegistry } from '../../../services/registry/resilient/resilient-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { until } from '../../support/until.ts';

interface Ground {
  readonly registry: Registry;
  /** Redis answers nothing from now on. */
  readonly cut: () => void;
}

const me = { workerId: 'w1', incarnation: 'i1', address: 'w1:9085', zone: undefined };

async function inRedis(): Promise<Ground> {
  const redis = new SimulatedRedis({ now: () => Date.now() });
  let isCut = false;
  const connection = redis.connection(async ({ perform }) => {
    if (isCut) throw new Error('Connection is closed.');
    return perform();
  });
  const fails = (error: unknown) => {
    throw error;
  };
  const shared = new RedisRegistry(connection, me, {
    ...{ leaseMs: 5_000, youngMs: 0, graceMs: 0 },
    show: () => ({ url: '', profile: '' }),
  });
  const registry = new ResilientRegistry(shared, me, {
    ...{ youngMs: 0, graceMs: 0, onOutage: () => undefined, onLoss: () => undefined, onBug: fails, onBadRecord: fails },
    introduce: async () => undefined,
    others: { exist: false, streamReports: async () => [], place: async () => undefined },
  });
  const { capacity: _, ...numbers } = IDLE;
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
  await registry.renew(IDLE);
  return {
    registry,
    cut: () => {
      isCut = true;
    },
  };
}

async function inMemory(): Promise<Ground> {
  const registry = new MemoryRegistry(me, 0, systemClock, new EventLog(systemClock, 60_000));
  return { registry, cut: () => undefined };
}

function join({ registry }: Ground, clientId: string) {
  const nowMs = Date.now();
  return registry.join({
    client: {
      ...{ streamId: SPEC.id, workerId: 'w1', userAgent: 'VLC', ipAddress: '192.0.2.1', username: undefined },
      ...{ connectedAtMs: nowMs, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 },
    },
    clientId,
    cap: undefined,
    localSlots: [],
  });
}

describe.each([
  ['in Redis', inRedis],
  ['in memory', inMemory],
])('%s', (_, ground) => {
  it('events are counted by type, and streams by their viewers and what these have got', async () => {
    const here = await ground();
    const { registry } = here;
    await registry.createStream(SPEC, 0);
    const [first] = [await join(here, 'a'), await join(here, 'b')];
    if (first.kind !== 'joined') throw new Error('nobody is counted in');
    const { connectedAtMs } = first.client;
    const report = { streamId: SPEC.id, clientId: 'a', connectedAtMs, segmentsServed: 0, lastAccessMs: Date.now() };
    await registry.report([{ ...report, bytesServed: 500 }]);
    await registry.renew(IDLE);
    const totals = async () => [...(await registry.streamTotals([SPEC.id, 'f'.repeat(32)]))];
    expect(await totals()).toMatchObject([[SPEC.id, { viewers: 2, bytesServed: 500 }]]);
    await registry.leave({ ...report, bytesServed: 700 });
    expect(await totals()).toMatchObject([[SPEC.id, { viewers: 1, bytesServed: 700 }]]);

    const heard: string[] = [];
    registry.onTold(({ type }) => heard.push(type));
    registry.tellEvent({ type: 'handover', streamId: SPEC.id, data: {} });
    registry.tellEvent({ type: 'stream_failed', kind: 'once', data: {} });
    registry.tellEvent({ type: 'stream_failed', kind: 'once', data: {} });
    await until(async () => (await registry.eventCounts()).stream_failed === 1, { what: 'what was told' });
    expect(heard).toEqual(['handover', 'stream_failed']);
    const { worker_joined: joined, ...counts } = await registry.eventCounts();
    expect(joined ?? 1).toBe(1);
    expect(counts).toEqual({
      stream_started: 1,
      client_connected: 2,
      client_disconnected: 1,
      handover: 1,
      stream_failed: 1,
    });
  });
});

it('while Redis is away, events are as they were, and of streams nothing is said', async () => {
  const here = await inRedis();
  const { registry } = here;
  await registry.createStream(SPEC, 0);
  await join(here, 'a');
  const before = await registry.eventCounts();
  expect(before.client_connected).toBe(1);
  here.cut();
  expect(await registry.eventCounts()).toEqual(before);
  expect([...(await registry.streamTotals([SPEC.id]))]).toEqual([]);
});
