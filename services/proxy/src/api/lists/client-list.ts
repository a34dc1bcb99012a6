/** A page of the viewers that somebody searches for. Pure. */

import type { ClientRecord } from '../../../../registry/types.ts';
import type { ViewerPage, ViewerRow, ViewerSort } from '../../../../shared/console/lists.ts';
import { isoTime } from '../http/fields.ts';
import { hasWords, type Position, pageOf } from './paging.ts';

export interface ClientQuestion {
  readonly search: string;
  readonly streamId: string | undefined;
  readonly workerId: string | undefined;
  readonly sort: ViewerSort;
  readonly limit: number;
  readonly after: Position | undefined;
}

interface Entry extends Position {
  readonly client: ClientRecord;
}

/** @param nameOf what a stream is called */
export function clientPage(
  clients: readonly ClientRecord[],
  { search, streamId, workerId, sort, limit, after }: ClientQuestion,
  nameOf: (streamId: string) => string,
  nowMs: number,
): ViewerPage {
  const entries: Entry[] = [];
  for (const client of clients) {
    if (streamId !== undefined && client.streamId !== streamId) continue;
    if (workerId !== undefined && client.workerId !== workerId) continue;
    if (search !== '' && !hasWords(textOf(client, nameOf), search)) continue;
    const values = {
      since: client.connectedAtMs,
      bitrate: bitsPerSecond(client, nowMs),
      bytes: client.bytesServed,
    };
    // An id is one viewer's only together with its stream.
    entries.push({ id: `${client.id} ${client.streamId}`, value: values[sort], client });
  }
  const { items, total, next } = pageOf(entries, limit, after);
  const row = ({ client }: Entry): ViewerRow => ({
    ...{ client_id: client.id, stream_id: client.streamId, stream_name: nameOf(client.streamId) },
    ...{ username: client.username ?? null, ip_address: client.ipAddress, user_agent: client.userAgent },
    ...{ worker_id: client.workerId, is_session: client.session === true },
    created_at: isoTime(client.connectedAtMs),
    bytes_served: client.bytesServed,
    bitrate_kbps: Math.round(bitsPerSecond(client, nowMs) / 1_000),
    skips: client.skips ?? 0,
  });
  return { clients: items.map(row), total, next_cursor: next ?? null };
}

/** On average since it came. */
function bitsPerSecond({ bytesServed, connectedAtMs }: ClientRecord, nowMs: number): number {
  return (bytesServed * 8_000) / Math.max(1_000, nowMs - connectedAtMs);
}

function textOf(
  { id, streamId, username, ipAddress, userAgent, workerId }: ClientRecord,
  nameOf: (id: string) => string,
) {
  return [username ?? '', ipAddress, userAgent, workerId, nameOf(streamId), id].join('\n').toLowerCase();
}
