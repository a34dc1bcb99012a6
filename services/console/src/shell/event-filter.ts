/** Which events a page shows, as its address says it. Pure. */

import { FAILURE_TYPES } from '../../../shared/console/live.ts';
import type { Wanted } from '../live/event-list.ts';

/** Groups of types that people ask for, by the name that stands in the address. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  failures: FAILURE_TYPES,
  streams: [
    'stream_started',
    'stream_stopped',
    'stream_failed',
    'failover_triggered',
    'ffmpeg_restarted',
    'source_lost',
    'source_back',
  ],
  recordings: ['broadcast_started', 'broadcast_ended', 'broadcast_failed'],
  viewers: ['client_connected', 'client_disconnected', 'client_stalled', 'limit_reached'],
  workers: ['worker_joined', 'worker_left', 'worker_draining', 'takeover', 'handover', 'redis_lost', 'redis_back'],
};

export const FAILURES_FILTER = 'failures';

/** @param query of the address of the page */
export function wantedOf(query: URLSearchParams): Wanted {
  const type = query.get('type') ?? '';
  return {
    types: type === '' ? [] : (GROUPS[type] ?? type.split(',')),
    streamId: query.get('stream_id') ?? '',
    workerId: query.get('worker_id') ?? '',
  };
}

/** The question to the API; `before` is the id of an event. */
export function questionOf({ types, streamId, workerId }: Wanted, limit: number, before: string): string {
  const asked = new URLSearchParams({ limit: String(limit) });
  if (types.length > 0) asked.set('type', types.join(','));
  if (streamId !== '') asked.set('stream_id', streamId);
  if (workerId !== '') asked.set('worker_id', workerId);
  if (before !== '') asked.set('before', before);
  return `/events?${asked}`;
}
