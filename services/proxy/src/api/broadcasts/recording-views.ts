/** How recordings appear in answers: kept broadcasts, whoever asked for them. */

import { z } from 'zod';
import {
  BROADCAST_KINDS,
  BROADCAST_STATES,
  kindOfOrder,
  type ShownBroadcast,
  shownState,
} from '../../../../registry/broadcasts/broadcast.ts';
import { StreampoolError } from '../../errors.ts';
import type { PlaybackAccess } from '../access/playback-access.ts';
import { optionalIsoTime } from '../http/fields.ts';
import type { Disclosure } from '../views/stream-views.ts';

export const recordingView = z.object({
  recording_id: z.string(),
  kind: z.enum(BROADCAST_KINDS),
  name: z.string().nullable().describe('`title` of its metadata.'),
  stream_id: z.string().describe('The stream that it is cut from.'),
  status: z.enum(BROADCAST_STATES),
  error_message: z.string().nullable(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable().describe('null: it runs.'),
  seconds: z.number().describe('How much there is of it.'),
  bytes: z.int(),
  segments: z.int().nullable().describe('How many are listed.'),
  worker_id: z.string().nullable().describe('The worker that makes it, or has made it last.'),
  playlist_url: z.string().describe('Plays it, also while it runs. Relative to the base URL of this API.'),
  download_url: z.string().describe('All of it as one file. Relative to the base URL of this API.'),
  urls_expire_at: z.string().nullable().describe('null: the URLs do not expire.'),
  metadata: z.record(z.string(), z.string()),
});

export type RecordingView = z.infer<typeof recordingView>;

/** A recording that is there. @throws {StreampoolError} 404, also for a window */
export function isRecording(shown: ShownBroadcast | undefined): ShownBroadcast {
  if (shown?.order.kept !== true) throw new StreampoolError(404, 'Recording not found');
  return shown;
}

export function viewOfRecording(shown: ShownBroadcast, access: PlaybackAccess, disclosure: Disclosure): RecordingView {
  const { id, order, progress } = shown;
  const metadata = disclosure.metadata(order.metadata);
  const { query, expiresAtMs } = access.ofRecording(id);
  return {
    recording_id: id,
    kind: kindOfOrder(order),
    name: metadata.title ?? null,
    stream_id: order.streamId,
    status: shownState(shown),
    error_message: progress?.error ?? null,
    started_at: optionalIsoTime(progress?.startedAtMs),
    ended_at: optionalIsoTime(progress?.endedAtMs),
    seconds: progress?.seconds ?? 0,
    bytes: progress?.bytes ?? 0,
    segments: progress?.segments ?? null,
    worker_id: progress?.worker ?? null,
    playlist_url: `/recordings/${id}/playlist.m3u8${query}`,
    download_url: `/recordings/${id}/file.ts${query}`,
    urls_expire_at: optionalIsoTime(expiresAtMs),
    metadata,
  };
}
