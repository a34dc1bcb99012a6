/** How many bytes a stream's definition takes in Redis and in each worker's heap, and the limit. Pure. */

import type { StreamSpec } from '../../../registry/types.ts';

/**
 * This times MAX_STREAMS bounds the bytes of all streams: 160 MB by default. Measured with 10,000 streams of half this size:
 * 166 MB in Redis, and 165 MB in the heap of a worker that knows them all. A stream of m3u-editor takes about 2 KB; one with
 * the 100 failover URLs that the API takes up to 30 KB.
 */
export const MAX_DEFINITION_BYTES = 32 * 1024;

/** Overhead of a name, value, URL or argument in a JavaScript object, in addition to its text. */
const ENTRY_BYTES = 100;

/** The JSON, the overhead of each entry, and two more copies of the URL: the current one and the masked one. */
export function definitionBytes(spec: StreamSpec): number {
  let entries = 0;
  const text = JSON.stringify(spec, (_name, value: unknown) => {
    entries++;
    return value;
  });
  return Buffer.byteLength(text) + ENTRY_BYTES * entries + 2 * Buffer.byteLength(spec.url);
}
