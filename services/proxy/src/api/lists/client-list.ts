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

/** What a viewer watches. */
export interface Watched {
  readonly name: string;
  /** It is passed on as DASH. */
  readonly isDash: boolean;
}

interface Entry extends Position {
  readonly client: ClientRecord;
}

export function clientPage(
  clients: readonly ClientRecord[],
  { search, streamId, workerId, sort, limit, after }: ClientQuestion,
  watched: (streamId: string) => Watched,
  nowMs: number,
): ViewerPage {
  const entries: Entry[] = [];
  for (const client of clients) {
    if (streamId !== undefined && client.streamId !== streamId) continue;
    if (workerId !== undefined && client.workerId !== workerId) continue;
    if (search !== '' && !hasWords(textOf(client, watched), search)) continue;
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
    ...{ client_id: client.id, stream_id: client.streamId, stream_name: watched(client.streamId).name },
    ...{ username: client.username ?? null, ip_address: client.ipAddress, user_agent: client.userAgent },
    ...{ worker_id: client.workerId, is_session: client.session === true },
    format: client.session !== true ? null : watched(client.streamId).isDash ? 'dash' : 'hls',
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
  watched: (id: string) => Watched,
) {
  return [username ?? '', ipAddress, userAgent, workerId, watched(streamId).name, id].join('\n').toLowerCase();
}
