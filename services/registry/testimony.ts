/** What a worker knows of a stream by itself, and whom to believe when several are asked. Pure. */

import type { StreamRecord } from './types.ts';

export interface Testimony {
  /** As the worker has met it. */
  readonly stream?: StreamRecord | undefined;
  /** It has deleted the stream, at this time. */
  readonly deletedAtMs?: number | undefined;
}

/**
 * The stream, if anybody has met it and nobody has deleted it since it was created. Of several records the one whose source
 * was moved last.
 */
export function believed(testimonies: readonly Testimony[]): StreamRecord | undefined {
  const deletedAtMs = Math.max(...testimonies.map((each) => each.deletedAtMs ?? Number.NEGATIVE_INFINITY));
  const records = testimonies.flatMap(({ stream }) => stream ?? []);
  const alive = records.filter(({ createdAtMs }) => createdAtMs > deletedAtMs);
  return alive.sort((a, b) => movedAt(b) - movedAt(a))[0];
}

function movedAt({ failover }: StreamRecord): number {
  return failover.lastAtMs ?? 0;
}
