/** What a stream begins with. */

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
    unshareable: false,
    errorCount: 0,
    bytesServed: 0,
    segmentsServed: 0,
  };
}
