// The state of the first page, made of what the registry knows.
import { expect, it } from 'vitest';
import { EgressRate } from '../../../../services/proxy/src/api/console/counts/egress-rate.ts';
import { knownStream } from '../../../../services/proxy/src/api/console/counts/stream-book.ts';
import { nowState, shownStreams } from '../../../../services/proxy/src/api/console/now-state.ts';
import { newStream } from '../../../../services/registry/new-stream.ts';
import type { StreamSummary } from '../../../../services/registry/registry.ts';
import type { StreamRecord, WorkerRecord } from '../../../../services/registry/types.ts';
import { IDLE_NUMBERS } from '../../../support/idle-worker.ts';
import { SPEC } from '../../../support/stream-spec.ts';

const NONE = { watched: true, segmentsServed: 0, lastAccessMs: 0 };

function summary(viewers: number, processes = 0, bytesServed = 0): StreamSummary {
  return { ...NONE, viewers, processes, bytesServed, owner: processes > 0 ? 'worker-1' : undefined };
}

const WORKER: WorkerRecord = {
  ...{
    workerId: 'worker-1',
    incarnation: 'i1',
    address: 'a:1',
    zone: undefined,
    startedAtMs: 0,
    lastSeenMs: 0,
    cpu: 0,
  },
  ...IDLE_NUMBERS,
  processes: 2,
  connections: { held: { source: 1, b: 2 }, reads: {} },
};

function record(id: string, failover: Partial<StreamRecord['failover']> = {}): StreamRecord {
  const made = newStream({ ...SPEC, id, url: 'http://user:secret@provider.example:8000/live/one.ts' }, 0);
  return { ...made, failover: { ...made.failover, ...failover } };
}

function state(summaries: Map<string, StreamSummary>, records: StreamRecord[], workers = [WORKER]) {
  return nowState({
    about: { workerId: 'worker-1', version: '1', workers: 1 },
    summaries,
    workers,
    records: new Map(records.map((each) => [each.id, knownStream(each)])),
    bitsPerSecond: 2_600_000.4,
    joinsLastMinute: 3,
    failuresLastHour: undefined,
    areMore: false,
    since: new Map([['a', 5]]),
  });
}

it('counts viewers, and what sharing saves them', () => {
  const summaries = new Map([
    ['a', summary(6, 1)],
    ['b', summary(2, 1)],
    ['direct', summary(3)],
    ['idle', summary(0)],
  ]);
  const { numbers, order } = state(summaries, [record('a'), record('b'), record('direct')]);
  expect(numbers).toEqual({
    ...{ viewers: 11, playing: 3, streams: 4, ffmpegs: 2, sharing: 8, saved: 6, connections: 3 },
    ...{ bitsPerSecond: 2_600_000, joinsLastMinute: 3, failuresLastHour: undefined },
  });
  expect(order).toEqual(['a', 'direct', 'b']);
});

it('adds up what comes from all providers', () => {
  const bringing = (bitsPerSecond: number, worker: object): WorkerRecord => ({
    ...WORKER,
    ...worker,
    accounts: { x: { host: 'provider.example:8000', held: { a: 1 } } },
    making: { a: { failures: 0, input: { bitsPerSecond } } },
  });
  const other = { workerId: 'worker-2', incarnation: 'i2' };
  const { numbers } = state(new Map(), [], [bringing(4_010_000, {}), bringing(2_500_000, other)]);
  expect(numbers.bitsPerSecondIn).toBe(6_500_000);
});

it('shows of a stream what its worker says, without the credentials of its source', () => {
  const making = { a: { bitsPerSecond: 1_234.5, speed: 1.004, failures: 2 } };
  const { streams } = state(
    new Map([['a', summary(1, 1)]]),
    [record('a', { index: 1, currentUrl: 'http://u:p@backup.example/x.ts' })],
    [{ ...WORKER, making }],
  );
  expect(streams.a).toMatchObject({
    ...{ viewers: 1, owner: 'worker-1', sourceHost: 'backup.example', backup: 2, sinceMs: 5 },
    ...{ bitsPerSecond: 1_235, speed: 1, failures: 2 },
  });
  expect(JSON.stringify(streams)).not.toMatch(/secret|u:p/);
});

it('leaves out a stream whose record is not there, and says nothing that is null', () => {
  const shown = state(new Map([['a', summary(1)]]), []);
  expect([shown.order, shown.streams, shown.numbers.viewers]).toEqual([[], {}, 1]);
  expect(JSON.stringify(state(new Map([['a', summary(1)]]), [record('a')]))).not.toContain('null');
});

it('has the hundred streams with the most viewers, in a steady order', () => {
  const many = new Map<string, StreamSummary>(Array.from({ length: 300 }, (_, n) => [`s${n}`, summary(n % 50)]));
  const shown = shownStreams(many);
  expect(shown).toHaveLength(100);
  expect(shown).toEqual(shownStreams(new Map([...many].reverse())));
  expect(many.get(shown[0] ?? '')?.viewers).toBe(49);
});

it('adds up what goes out over the last seconds, and knows nothing at first', () => {
  const rate = new EgressRate();
  const at = (bytes: Record<string, number>) =>
    new Map(Object.entries(bytes).map(([id, served]) => [id, summary(1, 0, served)]));
  expect(rate.next(at({ a: 1_000_000 }), 0)).toBeUndefined();
  expect(rate.next(at({ a: 1_125_000, b: 9_000_000 }), 1_000)).toBe(1_000_000);
  // Of a stream that was there before, and not of what it had served when it came.
  expect(rate.next(at({ a: 1_250_000, b: 9_125_000 }), 2_000)).toBe(1_000_000);
  // Deleted, and made anew.
  expect(rate.next(at({ a: 0 }), 3_000)).toBe(0);
  rate.clear();
  expect(rate.next(at({ a: 5 }), 4_000)).toBeUndefined();
});
