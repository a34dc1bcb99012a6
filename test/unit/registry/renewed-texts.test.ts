/** What a renewal writes besides the lease: the worker's record and its clients' counters, each only if Redis may lack it. */

import { describe, expect, it } from 'vitest';
import {
  ClientCounters,
  counterText,
  readCounters,
} from '../../../services/registry/redis/counters/client-counters.ts';
import { OwnRecord } from '../../../services/registry/redis/own-record.ts';
import type { ClientReport } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE_NUMBERS } from '../../support/idle-worker.ts';

function report(clientId: string, bytesServed: number): ClientReport {
  return { streamId: 's', clientId, connectedAtMs: 1, bytesServed, segmentsServed: 0, lastAccessMs: 1 };
}

const ME = { workerId: 'w', incarnation: 'i', address: 'w:1', zone: undefined };

describe('the record of a worker', () => {
  const beating = () => {
    const record = new OwnRecord(ME, systemClock);
    record.beat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0.5, ...IDLE_NUMBERS });
    return record;
  };

  it('is empty before the first heartbeat', () => {
    const record = new OwnRecord(ME, systemClock);
    expect([record.toWrite(IDLE_NUMBERS), record.text]).toEqual(['', '']);
  });

  it('is written until Redis has it, and again when a number changes', () => {
    const record = beating();
    expect(JSON.parse(record.toWrite(IDLE_NUMBERS))).toMatchObject({ cpu: 0.5, clients: 0 });
    expect(record.toWrite(IDLE_NUMBERS)).not.toBe('');
    record.written(IDLE_NUMBERS);
    expect(record.toWrite(IDLE_NUMBERS)).toBe('');
    record.written(IDLE_NUMBERS);
    expect(JSON.parse(record.toWrite({ ...IDLE_NUMBERS, clients: 1 }))).toMatchObject({ clients: 1 });
  });

  it('is written again when the next renewal finds no answer, or a heartbeat has come', () => {
    const record = beating();
    expect(record.toWrite(IDLE_NUMBERS)).not.toBe('');
    record.written(IDLE_NUMBERS);
    expect(record.toWrite(IDLE_NUMBERS)).toBe('');
    // That renewal was not confirmed.
    expect(record.toWrite(IDLE_NUMBERS)).not.toBe('');
    record.written(IDLE_NUMBERS);
    record.beat({ startedAtMs: 1, lastSeenMs: 2, cpu: 0.7, ...IDLE_NUMBERS });
    expect(JSON.parse(record.toWrite(IDLE_NUMBERS))).toMatchObject({ cpu: 0.7 });
    // Another one comes while that is on its way.
    record.beat({ startedAtMs: 1, lastSeenMs: 3, cpu: 0.9, ...IDLE_NUMBERS });
    record.written(IDLE_NUMBERS);
    expect(JSON.parse(record.toWrite(IDLE_NUMBERS))).toMatchObject({ cpu: 0.9 });
    record.written(IDLE_NUMBERS);
    expect(record.toWrite(IDLE_NUMBERS)).toBe('');
  });
});

describe('the counters of clients', () => {
  it('are written when they have changed', () => {
    const counters = new ClientCounters();
    expect(counters.toWrite()).toEqual([]);
    counters.report([report('a', 5)]);
    expect(counters.toWrite()).toEqual([report('a', 5)]);
    counters.written(counters.toWrite());
    expect(counters.toWrite()).toEqual([]);
    counters.writeAgain();
    expect(counters.toWrite()).toEqual([report('a', 5)]);
  });

  it('that change while they are being written are written again', () => {
    const counters = new ClientCounters();
    counters.report([report('a', 5), report('b', 6)]);
    const underWay = counters.toWrite();
    counters.report([report('a', 7)]);
    counters.written(underWay);
    expect(counters.toWrite()).toEqual([report('a', 7)]);
  });

  it('of many clients are written in turns', () => {
    const counters = new ClientCounters();
    const all = Array.from({ length: 1_000 }, (_, n) => report(`c${n}`, 1));
    counters.report(all);
    const written = new Set<string>();
    for (let renewals = 0; renewals < 5; renewals++) {
      const some = counters.toWrite();
      expect(some).toHaveLength(200);
      for (const { clientId } of some) written.add(clientId);
      counters.written(some);
      // All have changed meanwhile; those that were written wait behind the others.
      counters.report(all.map((each) => ({ ...each, bytesServed: 2 + renewals })));
    }
    expect(written.size).toBe(1_000);
  });

  it('are without a client that has left, but not without a newer one of its id', () => {
    const counters = new ClientCounters();
    counters.report([report('a', 5), report('b', 6)]);
    counters.forget({ ...report('a', 5), connectedAtMs: 99 });
    counters.forget(report('b', 6));
    expect(counters.toWrite()).toEqual([report('a', 5)]);
  });

  it('go on under the new id of a client', () => {
    const counters = new ClientCounters();
    counters.report([report('a', 5)]);
    const { streamId, connectedAtMs } = report('a', 5);
    counters.rename({ streamId, clientId: 'a', connectedAtMs: 99, newId: 'other' });
    counters.rename({ streamId, clientId: 'a', connectedAtMs, newId: 'a2' });
    expect(counters.toWrite()).toEqual([report('a2', 5)]);
  });

  it('add up to the bytes of a second, over at least ten', () => {
    const counters = new ClientCounters();
    counters.report([report('a', 40_000), { ...report('b', 50_000), connectedAtMs: 99_001 }]);
    expect(counters.bytesPerSecond(100_001)).toBe(400 + 5_000);
  });

  it('are read as they are written, and not from anything else', () => {
    const { connectedAtMs, bytesServed, segmentsServed, lastAccessMs } = report('a', 5);
    const read = { connectedAtMs, bytesServed, segmentsServed, lastAccessMs };
    expect(readCounters(counterText({ ...read, bytesServed: 5.2 }))).toEqual(read);
    // A worker of an earlier version reads four numbers.
    expect(counterText({ ...read, skips: 0 }).split(' ')).toHaveLength(4);
    expect(readCounters(counterText({ ...read, skips: 2 }))).toEqual({ ...read, skips: 2 });
    for (const text of ['', '1 2 3', '1 2 3 4 5 6', '1 2 x 4', '1 2 3 4 x', '-1 2 3 4'])
      expect(readCounters(text)).toBeUndefined();
  });
});
