/** What a worker itself knows of a stream, and which report counts when several are asked. Pure. */

import { movedAtMs } from './new-stream.ts';
import type { StreamRecord } from './types.ts';

export interface StreamReport {
  /** The stream's record, as this worker knows it. */
  readonly stream?: StreamRecord | undefined;
  /** The number of its viewers there. */
  readonly viewers?: number | undefined;
  /** When the worker deleted the stream. */
  readonly deletedAtMs?: number | undefined;
}

/**
 * The stream, if a worker knows it and none has deleted it since it was created. Of several records, one with viewers counts
 * first, then the one created last, then the one whose source moved last.
 */
export function believed(streamReports: readonly StreamReport[]): StreamRecord | undefined {
  const deletedAtMs = lastDeletion(streamReports);
  const met = streamReports.flatMap(({ stream, viewers = 0 }) => (stream === undefined ? [] : { stream, viewers }));
  const alive = met.filter(({ stream }) => stream.createdAtMs > deletedAtMs);
  return alive.sort(
    (a, b) =>
      Number(b.viewers > 0) - Number(a.viewers > 0) ||
      b.stream.createdAtMs - a.stream.createdAtMs ||
      movedAtMs(b.stream.failover) - movedAtMs(a.stream.failover),
  )[0]?.stream;
}

/** When a worker last deleted the stream; -Infinity when none has. */
export function lastDeletion(streamReports: readonly StreamReport[]): number {
  return Math.max(...streamReports.map((each) => each.deletedAtMs ?? Number.NEGATIVE_INFINITY));
}
