/** The initial state of a stream, and the one to which a group of idle streams returns. Pure. */

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
    dashUrl: undefined,
    errorCount: 0,
    bytesServed: 0,
    segmentsServed: 0,
  };
}

/** The state of a group of streams that begins at its primary source. */
export function begunAt(url: string, nowMs: number): FailoverState {
  return { ...initialFailover(url), begunAtMs: nowMs };
}

/** When failover or a new start last moved a stream's source; 0: never. Of two states of a group, the one that moved later counts. */
export function movedAtMs({ lastAtMs, begunAtMs }: FailoverState): number {
  return Math.max(lastAtMs ?? 0, begunAtMs ?? 0);
}
