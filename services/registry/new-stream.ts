/** The initial state of a stream, which an idle stream returns to. Pure. */

import type { FailoverState, StreamRecord, StreamSpec } from './types.ts';

export function initialFailover(url: string): FailoverState {
  return { index: -1, attempts: 0, lastAtMs: undefined, currentUrl: url };
}

export function newStream(spec: StreamSpec, nowMs: number): StreamRecord {
  return {
    ...spec,
    createdAtMs: nowMs,
    lastAccessMs: nowMs,
    failover: initialFailover(spec.url),
    watched: false,
    unshareable: false,
    errorCount: 0,
    bytesServed: 0,
    segmentsServed: 0,
  };
}

/** An idle stream for its next viewer: back at its primary source. What a backup turned out to be does not count for that. */
export function begunAgain(stream: StreamRecord, nowMs: number): StreamRecord {
  if (stream.failover.index === -1) return stream;
  return { ...stream, unshareable: false, failover: { ...initialFailover(stream.url), begunAtMs: nowMs } };
}

/** When failover or a new start last moved a stream's source; 0: never. */
export function movedAtMs({ lastAtMs, begunAtMs }: FailoverState): number {
  return Math.max(lastAtMs ?? 0, begunAtMs ?? 0);
}
