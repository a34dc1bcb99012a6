/** What is written down of a client: its record when it has been counted in, and what its worker reports of it. Pure. */

import type { ClientRecord, ClientReport, JoinRequest } from './types.ts';

/** @param bytesServed since the client came */
export function clientReport(
  { streamId, id, connectedAtMs }: ClientRecord,
  bytesServed: number,
  lastAccessMs = Date.now(),
  skips = 0,
): ClientReport {
  return {
    streamId,
    clientId: id,
    connectedAtMs,
    bytesServed,
    segmentsServed: 0,
    lastAccessMs,
    skips: skips > 0 ? skips : undefined,
  };
}

/**
 * Names each field: records that are made by spreading others may have a hidden class each, which takes more memory than the record.
 * A worker keeps one for each of its viewers.
 */
export function clientRecord(
  { client, session }: Pick<JoinRequest, 'client' | 'session'>,
  {
    id,
    slot,
    connectedAtMs = client.connectedAtMs,
  }: Pick<ClientRecord, 'id' | 'slot'> & { connectedAtMs?: number | undefined },
): ClientRecord {
  const { streamId, workerId, userAgent, ipAddress, username, lastAccessMs, bytesServed, segmentsServed } = client;
  return {
    id,
    streamId,
    slot,
    workerId,
    userAgent,
    ipAddress,
    username,
    connectedAtMs,
    lastAccessMs,
    bytesServed,
    segmentsServed,
    skips: undefined,
    session: session === undefined ? undefined : true,
  };
}
