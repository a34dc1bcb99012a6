/** What a worker knows of a stream by itself, and whom to believe when several are asked. Pure. */

import { movedAtMs } from './new-stream.ts';
import type { StreamRecord } from './types.ts';

export interface StreamReport {
  /** As the worker has met it. */
  readonly stream?: StreamRecord | undefined;
  /** How many watch it there. */
  readonly viewers?: number | undefined;
  /** It has deleted the stream, at this time. */
  readonly deletedAtMs?: number | undefined;
}

/**
 * The stream, if anybody has met it and nobody has deleted it since it was created. Of several records the one that is
 * watched, then the one created last, then the one whose source was moved last.
 */
export function believed(streamReports: readonly StreamReport[]): StreamRecord | undefined {
  const deletedAtMs = Math.max(...streamReports.map((each) => each.deletedAtMs ?? Number.NEGATIVE_INFINITY));
  const met = streamReports.flatMap(({ stream, viewers = 0 }) => (stream === undefined ? [] : { stream, viewers }));
  const alive = met.filter(({ stream }) => stream.createdAtMs > deletedAtMs);
  return alive.sort(
    (a, b) =>
      Number(b.viewers > 0) - Number(a.viewers > 0) ||
      b.stream.createdAtMs - a.stream.createdAtMs ||
      movedAtMs(b.stream.failover) - movedAtMs(a.stream.failover),
  )[0]?.stream;
}
