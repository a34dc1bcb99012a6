// How many connections to providers a cluster holds.
import { describe, expect, it } from 'vitest';
import { countConnections } from '../../../services/registry/connections.ts';
import { workerShape } from '../../../services/registry/shapes.ts';

describe('connections', () => {
  it('are those of direct viewers, one each, on whatever worker', () => {
    const counts = countConnections([
      { connections: { held: { a: 2, b: 1 }, reads: {} } },
      { connections: { held: { a: 1 }, reads: {} } },
    ]);
    expect([counts.total, counts.of('a'), counts.of('b'), counts.of('c')]).toEqual([4, 3, 1, 0]);
  });

  it('are one for several streams of one source, and for a stream that another worker makes', () => {
    const counts = countConnections([
      { connections: { held: { 's:1': 1 }, reads: { a: ['s:1'], b: ['s:1'] } } },
      { connections: { held: {}, reads: { c: ['s:1'] } } },
    ]);
    expect([counts.total, ...['a', 'b', 'c'].map(counts.of)]).toEqual([1, 1, 1, 1]);
  });

  it('are two while a stream changes its source, and while two workers cannot see each other', () => {
    const moving = countConnections([{ connections: { held: { 's:1': 1, 's:2': 1 }, reads: { a: ['s:1', 's:2'] } } }]);
    expect([moving.total, moving.of('a')]).toEqual([2, 2]);
    const half = { connections: { held: { 's:1': 1 }, reads: { a: ['s:1'] } } };
    const split = countConnections([half, half]);
    expect([split.total, split.of('a')]).toEqual([2, 2]);
  });

  it('are none of a worker of an earlier version, or of one whose record says what cannot be', () => {
    expect(countConnections([{ connections: undefined }]).total).toBe(0);
    const record = {
      ...{ workerId: 'w', incarnation: 'i', address: '127.0.0.1:9085', zone: null, startedAtMs: 1, lastSeenMs: 1 },
      ...{ cpu: 0, processes: 0, clients: 0, processFeeds: 0, sourceFeeds: 0, bufferedBytes: 0, restarts: 0 },
      ...{ skips: 0, stalls: 0, draining: false },
    };
    for (const connections of [7, null, { held: { a: -1 }, reads: {} }, { held: {}, reads: { a: 's:1' } }]) {
      expect(workerShape.parse({ ...record, connections })).toMatchObject({ workerId: 'w', connections: undefined });
    }
    const told = { held: { a: 1 }, reads: { a: ['s:1'] } };
    expect(workerShape.parse({ ...record, connections: told }).connections).toEqual(told);
  });
});
