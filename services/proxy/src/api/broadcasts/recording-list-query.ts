/** How callers ask for a list of recordings that they search in, and what they get. */

import { z } from 'zod';
import { BROADCAST_KINDS, BROADCAST_STATES } from '../../../../registry/broadcasts/broadcast.ts';
import { RECORDING_FILTERS, RECORDING_SORTS, type RecordingPage } from '../../../../shared/console/lists.ts';
import { DEFAULT_LIMIT, listQuery, readCursor } from '../lists/paging.ts';
import type { RecordingQuestion } from './recording-list.ts';

export const recordingListQuery = {
  ...listQuery,
  search: listQuery.search.describe('Only those that have all these words in metadata, ids or worker.'),
  kind: z
    .enum([...BROADCAST_KINDS, 'all'])
    .optional()
    .describe('channel: the windows of network channels. recording when absent.'),
  state: z.enum(RECORDING_FILTERS).optional().describe('ended: stopped, or over. all when absent.'),
  stream_id: z.string().optional().describe('Only those that are cut from this stream.'),
  sort: z.enum(RECORDING_SORTS).optional().describe('The largest first, or with `age`, as when absent, the newest.'),
};

const recordingRow = z.object({
  recording_id: z.string(),
  kind: z.enum(BROADCAST_KINDS),
  name: z.string().nullable().describe('`title` of its metadata.'),
  stream_id: z.string(),
  stream_name: z.string().nullable().describe('null: there is no such stream any more.'),
  status: z.enum(BROADCAST_STATES),
  error_message: z.string().nullable(),
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  seconds: z.number(),
  bytes: z.int(),
  segments: z.int().nullable().describe('How many are listed.'),
  worker_id: z.string().nullable().describe('The worker that makes it, or has made it last.'),
  playlist_url: z.string().nullable().describe('null: a network channel that only the API token opens.'),
  download_url: z.string().nullable().describe('null: a network channel keeps nothing.'),
});

/** The answer to a list that is searched: short rows, in place of whole recordings. */
export const recordingPageView: z.ZodType<RecordingPage> = z.object({
  recordings: z.array(recordingRow),
  total: z.int().describe('On all pages.'),
  next_cursor: z.string().nullable().describe('null: this is the last page.'),
});

type Query = { readonly [Name in keyof typeof recordingListQuery]?: z.infer<(typeof recordingListQuery)[Name]> };

/** Undefined: the caller wants all recordings, whole. */
export function recordingQuestion(query: Query): RecordingQuestion | undefined {
  const { search, kind, state, stream_id: streamId, sort, limit, cursor } = query;
  if ([search, kind, state, streamId, sort, limit, cursor].every((field) => field === undefined)) return undefined;
  return {
    ...{ search: search?.trim() ?? '', kind: kind === 'all' ? undefined : (kind ?? 'recording'), streamId },
    ...{ state: state ?? 'all', sort: sort ?? 'age', limit: limit ?? DEFAULT_LIMIT },
    after: cursor === undefined ? undefined : readCursor(cursor),
  };
}
