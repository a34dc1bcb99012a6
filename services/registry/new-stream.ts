/** What a stream begins with, and begins with again once it was idle. Pure. */

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

/** An idle stream as its next viewer finds it: at its primary source. What a backup turned out to be says nothing of that. */
export function begunAgain(stream: StreamRecord, nowMs: number): StreamRecord {
  if (stream.failover.index === -1) return stream;
  return { ...stream, unshareable: false, failover: { ...initialFailover(stream.url), begunAtMs: nowMs } };
}

/** When a stream's source was moved last, either way; 0: never. */
export function movedAtMs({ lastAtMs, begunAtMs }: FailoverState): number {
  return Math.max(lastAtMs ?? 0, begunAtMs ?? 0);
}
