/** How callers ask for a list of viewers that they search in, and what they get. */

import { z } from 'zod';
import { VIEWER_SORTS, type ViewerPage } from '../../../../shared/console/lists.ts';
import type { ClientQuestion } from './client-list.ts';
import { DEFAULT_LIMIT, listQuery, readCursor } from './paging.ts';

export const clientListQuery = {
  ...listQuery,
  search: listQuery.search.describe('Only viewers that have all these words in user name, address, player or stream.'),
  stream_id: z.string().optional(),
  worker_id: z.string().optional(),
  sort: z.enum(VIEWER_SORTS).optional().describe('The largest first, or with `since`, as when absent, who came last.'),
};

const clientRow = z.object({
  client_id: z.string(),
  stream_id: z.string(),
  stream_name: z.string(),
  username: z.string().nullable(),
  ip_address: z.string(),
  user_agent: z.string(),
  worker_id: z.string().describe('Who serves it; of a session, the worker that has counted it in.'),
  is_session: z.boolean().describe('It plays by HLS or DASH: any worker may serve it.'),
  format: z.enum(['hls', 'dash']).nullable().describe('What a session plays; null: one response.'),
  created_at: z.string(),
  bytes_served: z.int(),
  bitrate_kbps: z.number().describe('On average since it came.'),
  skips: z.int().describe('How often it was too slow, and went on at a newer keyframe; 0 of a session.'),
});

/** The answer to a list that is searched: short rows, in place of whole clients. */
export const clientPageView: z.ZodType<ViewerPage> = z.object({
  clients: z.array(clientRow),
  total: z.int().describe('On all pages.'),
  next_cursor: z.string().nullable().describe('null: this is the last page.'),
});

type Query = { readonly [Name in keyof typeof clientListQuery]?: z.infer<(typeof clientListQuery)[Name]> };

/** Undefined: the caller wants all viewers, whole. */
export function clientQuestion(query: Query): ClientQuestion | undefined {
  const { search, stream_id: streamId, worker_id: workerId, sort, limit, cursor } = query;
  if ([search, streamId, workerId, sort, limit, cursor].every((field) => field === undefined)) return undefined;
  return {
    ...{ search: search?.trim() ?? '', streamId, workerId, sort: sort ?? 'since', limit: limit ?? DEFAULT_LIMIT },
    after: cursor === undefined ? undefined : readCursor(cursor),
  };
}
