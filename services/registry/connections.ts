/** Counts a cluster's connections to providers over its workers: in total, and for each stream. Pure. */

import type { WorkerRecord } from './types.ts';

export interface ConnectionCounts {
  readonly total: number;
  /** A stream's own connections, and those of the sources it reads, which other streams may read too. */
  of(streamId: string): number;
}

export function countConnections(workers: readonly Pick<WorkerRecord, 'connections'>[]): ConnectionCounts {
  const held = new Map<string, number>();
  const reads = new Map<string, Set<string>>();
  let total = 0;
  for (const { connections } of workers) {
    if (connections === undefined) continue;
    for (const [name, count] of Object.entries(connections.held)) {
      held.set(name, (held.get(name) ?? 0) + count);
      total += count;
    }
    for (const [streamId, names] of Object.entries(connections.reads)) {
      reads.set(streamId, new Set([...(reads.get(streamId) ?? []), ...names]));
    }
  }
  const countOf = (name: string) => held.get(name) ?? 0;
  const of = (streamId: string) =>
    [...(reads.get(streamId) ?? [])].reduce((sum, name) => sum + countOf(name), countOf(streamId));
  return { total, of };
}
