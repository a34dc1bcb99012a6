/** What a renewal writes besides the lease: the worker's record and its clients' counters, each only if Redis may lack it. */

import { describe, expect, it } from 'vitest';
import { ClientCounters } from '../../../services/registry/redis/client-counters.ts';
import { OwnRecord } from '../../../services/registry/redis/own-record.ts';
import type { ClientReport } from '../../../services/registry/types.ts';
import { IDLE_NUMBERS } from '../../support/idle-worker.ts';

function report(clientId: string, bytesServed: number): ClientReport {
  return { streamId: 's', clientId, connectedAtMs: 1, bytesServed, segmentsServed: 0, lastAccessMs: 1 };
}

const ME = { workerId: 'w', incarnation: 'i', address: 'w:1', zone: undefined };

describe('the record of a worker', () => {
  const beating = () => {
    const record = new OwnRecord(ME);
    record.beat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0.5, ...IDLE_NUMBERS });
    return record;
  };

  it('is empty before the first heartbeat', () => {
    const record = new OwnRecord(ME);
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
    record.written(IDLE_NUMBERS);
    expect(record.toWrite(IDLE_NUMBERS)).toBe('');
    // That renewal was not confirmed.
    expect(record.toWrite(IDLE_NUMBERS)).not.toBe('');
    record.written(IDLE_NUMBERS);
    record.beat({ startedAtMs: 1, lastSeenMs: 2, cpu: 0.7, ...IDLE_NUMBERS });
    expect(JSON.parse(record.toWrite(IDLE_NUMBERS))).toMatchObject({ cpu: 0.7 });
  });
});

describe('the counters of clients', () => {
  const written = (counters: ClientCounters) => JSON.parse(counters.text || '[]') as ClientReport[];

  it('are written when they have changed', () => {
    const counters = new ClientCounters();
    expect(counters.text).toBe('');
    counters.report([report('a', 5)]);
    expect(written(counters)).toEqual([report('a', 5)]);
    counters.written();
    expect(counters.text).toBe('');
    counters.writeAgain();
    expect(written(counters)).toEqual([report('a', 5)]);
  });

  it('are without a client that has left, but not without a newer one of its id', () => {
    const counters = new ClientCounters();
    counters.report([report('a', 5), report('b', 6)]);
    counters.forget({ ...report('a', 5), connectedAtMs: 99 });
    counters.forget(report('b', 6));
    expect(written(counters)).toEqual([report('a', 5)]);
  });

  it('go on under the new id of a client', () => {
    const counters = new ClientCounters();
    counters.report([report('a', 5)]);
    const { streamId, connectedAtMs } = report('a', 5);
    counters.rename({ streamId, clientId: 'a', connectedAtMs: 99, newId: 'other' });
    counters.rename({ streamId, clientId: 'a', connectedAtMs, newId: 'a2' });
    expect(written(counters)).toEqual([report('a2', 5)]);
  });
});
