/** How records are written in Redis hashes, and read back. */

import type { FailoverState, StreamRecord, StreamSpec, WorkerRecord } from '../types.ts';

/** What people see of a stream in `HGETALL stream:<id>`; credentials masked. */
export interface ShownStream {
  url: string;
  profile: string;
}

/** The fields of a stream's hash. */
export function streamFields(stream: StreamRecord, shown: ShownStream): Record<string, string> {
  const {
    createdAtMs,
    lastAccessMs: _,
    failover,
    unshareable,
    errorCount,
    bytesServed,
    segmentsServed,
    ...spec
  } = stream;
  return {
    spec: JSON.stringify(spec),
    createdAtMs: String(createdAtMs),
    failover: JSON.stringify(failover),
    unshareable: unshareable ? '1' : '0',
    errorCount: String(errorCount),
    bytesServed: String(Math.round(bytesServed)),
    segmentsServed: String(segmentsServed),
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

/** A worker's record as people read it; what is not known is null. */
export function workerText(worker: WorkerRecord): string {
  return JSON.stringify({ ...worker, zone: worker.zone ?? null });
}

export function readWorker(text: string): WorkerRecord {
  const record = JSON.parse(text) as Omit<WorkerRecord, 'zone'> & { zone: string | null };
  return { ...record, zone: record.zone ?? undefined };
}
