/** Converts records to and from Redis hashes. */

import { factsOf } from '../events/stream-facts.ts';
import { failoverShape, parsed, specShape, workerShape } from '../shapes.ts';
import type { FailoverState, StreamRecord, WorkerRecord } from '../types.ts';

/** What people see of a stream in `HGETALL stream:<id>`, with credentials masked. */
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
    watched,
    unshareable,
    dashUrl,
    errorCount,
    bytesServed,
    segmentsServed,
    ...spec
  } = stream;
  const { about, sources } = factsOf(stream);
  return {
    spec: JSON.stringify(spec),
    createdAtMs: String(createdAtMs),
    failover: JSON.stringify(failover),
    watched: watched ? '1' : '0',
    unshareable: unshareable ? '1' : '0',
    dashUrl: dashUrl ?? '',
    errorCount: String(errorCount),
    bytesServed: String(Math.round(bytesServed)),
    segmentsServed: String(segmentsServed),
    shownUrl: shown.url,
    profileName: shown.profile,
    about: JSON.stringify(about),
    sources: JSON.stringify(sources),
  };
}

/** A stream's hash as a record; undefined when it is absent or cannot describe a stream. */
export function readStream(fields: Record<string, string>, lastAccessMs: number): StreamRecord | undefined {
  const spec = parsed(specShape, fields.spec ?? '');
  const failover = readFailover(fields.failover ?? '');
  const createdAtMs = Number(fields.createdAtMs);
  if (spec === undefined || failover === undefined || !Number.isFinite(createdAtMs)) return undefined;
  return {
    ...spec,
    createdAtMs,
    lastAccessMs,
    failover,
    // Records of earlier versions lack this field.
    watched: fields.watched !== '0',
    unshareable: fields.unshareable === '1',
    dashUrl: fields.dashUrl || undefined,
    errorCount: countOf(fields.errorCount),
    bytesServed: countOf(fields.bytesServed),
    segmentsServed: countOf(fields.segmentsServed),
  };
}

/** A count; text that is not a number gives 0. */
export function countOf(text: string | undefined): number {
  const count = Number(text);
  return Number.isFinite(count) && count >= 0 ? count : 0;
}

export function readFailover(text: string): FailoverState | undefined {
  return parsed(failoverShape, text);
}

/** Converts the flat answer of HGETALL inside a script to fields. */
export function fieldsOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] as string] = flat[at + 1] as string;
  return fields;
}

/** A worker's record as people read it; unknown values are null. */
export function workerText(worker: WorkerRecord): string {
  return JSON.stringify({ ...worker, zone: worker.zone ?? null });
}

/** Undefined for a record that no worker can have written. */
export function readWorker(text: string): WorkerRecord | undefined {
  return parsed(workerShape, text);
}
