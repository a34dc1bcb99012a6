/** What a renewal writes besides the lease: the worker's record and its clients' counters, each only if Redis may lack it. */

import { describe, expect, it } from 'vitest';
import { ClientCounters } from '../../../services/registry/redis/client-counters.ts';
import { OwnRecord } from '../../../services/registry/redis/own-record.ts';
import type { ClientReport, WorkerNumbers } from '../../../services/registry/types.ts';

const IDLE: WorkerNumbers = {
  processes: 0,
  clients: 0,
  processFeeds: 0,
  sourceFeeds: 0,
  bufferedBytes: 0,
  restarts: 0,
  skips: 0,
  stalls: 0,
  draining: false,
};

function report(clientId: string, bytesServed: number): ClientReport {
  return { streamId: 's', clientId, connectedAtMs: 1, bytesServed, segmentsServed: 0, lastAccessMs: 1 };
}

const ME = { workerId: 'w', incarnation: 'i', address: 'w:1', zone: undefined };

describe('the record of a worker', () => {
  const beating = () => {
    const record = new OwnRecord(ME);
    record.beat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0.5, ...IDLE });
    return record;
  };

  it('is empty before the first heartbeat', () => {
    const record = new OwnRecord(ME);
    expect([record.toWrite(IDLE), record.text]).toEqual(['', '']);
  });

  it('is written until Redis has it, and again when a number changes', () => {
    const record = beating();
    expect(JSON.parse(record.toWrite(IDLE))).toMatchObject({ cpu: 0.5, clients: 0 });
    expect(record.toWrite(IDLE)).not.toBe('');
    record.written(IDLE);
    expect(record.toWrite(IDLE)).toBe('');
    record.written(IDLE);
    expect(JSON.parse(record.toWrite({ ...IDLE, clients: 1 }))).toMatchObject({ clients: 1 });
  });

  it('is written again when the next renewal finds no answer, or a heartbeat has come', () => {
    const record = beating();
    record.written(IDLE);
    expect(record.toWrite(IDLE)).toBe('');
    // That renewal was not confirmed.
    expect(record.toWrite(IDLE)).not.toBe('');
    record.written(IDLE);
    record.beat({ startedAtMs: 1, lastSeenMs: 2, cpu: 0.7, ...IDLE });
    expect(JSON.parse(record.toWrite(IDLE))).toMatchObject({ cpu: 0.7 });
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
