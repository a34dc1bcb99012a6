// The workers as the page Cluster shows them.
import { expect, it } from 'vitest';
import { clusterState, GONE_MS } from '../../../../services/proxy/src/api/console/cluster-state.ts';
import type { RecordedEvent } from '../../../../services/registry/events/event.ts';
import type { GoneWorker } from '../../../../services/registry/registry.ts';
import type { WorkerRecord } from '../../../../services/registry/types.ts';
import { IDLE_NUMBERS } from '../../../support/idle-worker.ts';

const NOW_MS = 10_000_000;

function worker(workerId: string, more: Partial<WorkerRecord> = {}): WorkerRecord {
  const identity = { workerId, incarnation: `i-${workerId}`, address: 'a:1', zone: undefined };
  return { ...identity, ...IDLE_NUMBERS, startedAtMs: 5, lastSeenMs: 0, cpu: 0.123, ...more };
}

function left(workerId: string, agoMs: number, reason = 'died'): RecordedEvent {
  const data = { worker_id: workerId, reason, clients_lost: 3 };
  return {
    id: `${NOW_MS - agoMs}-1`,
    type: 'worker_left',
    atMs: NOW_MS - agoMs,
    late: false,
    streamId: undefined,
    data,
  };
}

function state(
  workers: WorkerRecord[],
  leases: Record<string, number>,
  turnover: RecordedEvent[] = [],
  gone: GoneWorker[] = [],
) {
  const about = { workerId: 'w1', version: '1', workers: workers.length };
  return clusterState({ about, workers, leases: new Map(Object.entries(leases)), gone, turnover, nowMs: NOW_MS });
}

it('lists who serves, who drains and why, the most viewers first', () => {
  const { workers, order, total } = state(
    [
      worker('w1', { clients: 2 }),
      worker('w2', { clients: 9, processes: 3 }),
      worker('w3', { draining: true, drainReason: 'told' }),
    ],
    { 'i-w1': 4_900, 'i-w2': 4_100 },
  );
  expect([order, total]).toEqual([['w2', 'w1', 'w3'], 3]);
  expect(workers.w2).toMatchObject({ state: 'serving', viewers: 9, ffmpegs: 3, cpu: 0.1, startedAtMs: 5 });
  expect(workers.w3).toMatchObject({ state: 'draining', reason: 'told' });
});

it('says of a worker that has not renewed its lease for 2 s how long it is silent', () => {
  const of = (leftMs: number) => state([worker('w1')], { 'i-w1': leftMs }).workers.w1;
  expect(of(3_001)).toMatchObject({ state: 'serving', forMs: undefined });
  expect(of(3_000)).toMatchObject({ state: 'silent', forMs: 2_000 });
  expect(of(400)).toMatchObject({ state: 'silent', forMs: 4_000 });
});

it('keeps who has gone for five minutes, unless it is back', () => {
  const { workers, order, total } = state([worker('w1'), worker('back')], {}, [
    left('w9', 3_900),
    left('w9', 200_000, 'stopped'),
    left('back', 1_000),
    // It is back, and nobody knows it while Redis is away.
    { ...left('unknown', 2_000), type: 'worker_joined' },
    left('unknown', 3_000),
    left('w8', GONE_MS),
  ]);
  expect([order, total]).toEqual([['back', 'w1', 'w9'], 3]);
  expect(workers.w9).toEqual({ state: 'gone', reason: 'died', forMs: 3_000, lost: 3 });
});

it('shows who is dead as gone before it has ended, and once', () => {
  const gone = [{ worker: worker('w9', { clients: 7, version: '1.2.3' }), forMs: 1_900 }];
  const { workers, order } = state([worker('w1')], {}, [left('w9', 100_000)], gone);
  expect(order).toEqual(['w1', 'w9']);
  expect(workers.w9).toMatchObject({ state: 'gone', reason: 'died', forMs: 1_000, version: '1.2.3' });
  // They may come back with it.
  expect([workers.w9?.viewers, workers.w9?.lost]).toEqual([undefined, undefined]);
});

it('shows what comes from providers and from other workers', () => {
  const accounts = {
    a: { host: 'tv.example', held: { 's:1': 1, 's:2': 1 } },
    b: { host: 'tv.example', held: { 's:3': 1 } },
    c: { host: 'idle.example', held: {}, refused: 2 },
  };
  const relays = { w2: { feeds: 2, bitsPerSecond: 4_321_000 }, w3: { feeds: 1 } };
  const { workers } = state([worker('w1', { accounts, relays, cores: 4, bytesPerSecond: 1_000_000 })], {});
  expect(workers.w1).toMatchObject({
    sources: { 'tv.example': { count: 3 } },
    relays: { w2: { count: 2, bitsPerSecond: 4_300_000 }, w3: { count: 1 } },
    cores: 4,
    bitsPerSecond: 8_000_000,
  });
  expect(Object.keys(workers.w1?.sources ?? {})).toEqual(['tv.example']);
});

it('says how much a provider sends, as far as somebody has measured it', () => {
  const accounts = {
    a: { host: 'tv.example', held: { 's:1': 1, film: 1 } },
    b: { host: 'tv.example', held: { 's:2': 1 } },
    c: { host: 'other.example', held: { 's:3': 1 } },
  };
  const making = {
    one: { failures: 0, input: { bitsPerSecond: 4_000_000 } },
    // A second profile of the same source.
    two: { failures: 0, input: { bitsPerSecond: 4_000_000 } },
    film: { failures: 0, input: { bitsPerSecond: 2_000_000 } },
    three: { failures: 0, input: {} },
  };
  const reads = { one: ['s:1'], two: ['s:1'], three: ['s:3'] };
  const { workers } = state([worker('w1', { accounts, making, connections: { held: {}, reads } })], {});
  expect(workers.w1?.sources).toEqual({
    'tv.example': { count: 3, bitsPerSecond: 6_000_000 },
    'other.example': { count: 1, bitsPerSecond: undefined },
  });
});

it('shows a hundred of them at most, and says how many there are', () => {
  const many = Array.from({ length: 130 }, (_, n) => worker(`w${n}`, { clients: n }));
  const { order, total } = state(many, {});
  expect([order.length, order[0], total]).toEqual([100, 'w129', 130]);
});
