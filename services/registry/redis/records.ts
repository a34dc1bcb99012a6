/** How records are written in Redis hashes, and read back. */

import type { FailoverState, StreamRecord, StreamSpec } from '../types.ts';

/** What people see of a stream in `HGETALL stream:<id>`; credentials masked. */
export interface ShownStream {
  url: string;
  profile: string;
}

/** Fields of a new stream's hash. */
export function specFields(spec: StreamSpec, shown: ShownStream): Record<string, string> {
  const failover: FailoverState = { index: -1, attempts: 0, lastAtMs: undefined, currentUrl: spec.url };
  return {
    spec: JSON.stringify(spec),
    failover: JSON.stringify(failover),
    unshareable: '0',
    errorCount: '0',
    bytesServed: '0',
    segmentsServed: '0',
    shownUrl: shown.url,
    profileName: shown.profile,
  };
}

/** A stream's hash as a record; undefined for one that is not there. */
export function readStream(fields: Record<string, string>, lastAccessMs: number): StreamRecord | undefined {
  if (fields.spec === undefined) return undefined;
  const spec = JSON.parse(fields.spec) as StreamSpec;
  return {
    ...spec,
    failoverResolverUrl: spec.failoverResolverUrl,
    profile: spec.profile,
    createdAtMs: Number(fields.createdAtMs ?? 0),
    lastAccessMs,
    failover: readFailover(fields.failover ?? '{}'),
    unshareable: fields.unshareable === '1',
    errorCount: Number(fields.errorCount ?? 0),
    bytesServed: Number(fields.bytesServed ?? 0),
    segmentsServed: Number(fields.segmentsServed ?? 0),
  };
}

export function readFailover(text: string): FailoverState {
  const { index, attempts, lastAtMs, currentUrl } = JSON.parse(text) as FailoverState;
  return { index, attempts, lastAtMs, currentUrl };
}

/** HGETALL's flat answer inside a script's. */
export function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] as string] = flat[at + 1] as string;
  return fields;
}
