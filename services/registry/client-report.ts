/** What a worker reports of its viewers. Pure. */

import type { ClientRecord, ClientReport } from './types.ts';

/** @param bytesServed since the client came */
export function clientReport(
  { streamId, id, connectedAtMs }: ClientRecord,
  bytesServed: number,
  lastAccessMs = Date.now(),
): ClientReport {
  return { streamId, clientId: id, connectedAtMs, bytesServed, segmentsServed: 0, lastAccessMs };
}
