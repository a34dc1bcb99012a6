/** How callers ask for a list of streams that they search in, and what they get. */

import { z } from 'zod';
import { STREAM_FILTERS, STREAM_SORTS, STREAM_STATES, type StreamPage } from '../../../../shared/console/lists.ts';
import { DEFAULT_LIMIT, listQuery, readCursor } from './paging.ts';
import type { StreamQuestion } from './stream-list.ts';

export const streamListQuery = {
  ...listQuery,
  search: listQuery.search.describe('Only streams that have all these words in name, host, metadata or id.'),
  state: z
    .enum(STREAM_FILTERS)
    .optional()
    .describe('playing: with viewers. failing: something went wrong in the last hour. idle: kept for the address.'),
  sort: z
    .enum(STREAM_SORTS)
    .optional()
    .describe('The largest first, or with `age` the newest; `viewers` when absent. bitrate: what one viewer gets.'),
};

const streamRow = z.object({
  stream_id: z.string(),
  name: z.string().describe('Its metadata `name`, else the last part of its URL.'),
  state: z.enum(STREAM_STATES).describe('waiting: it was created, or its last viewer left, just now.'),
  profile: z.string().nullable().describe('null: it is passed on as it comes.'),
  source_host: z.string().describe('Of the source that plays now.'),
  current_failover_index: z.int().describe('-1: the primary URL.'),
  client_count: z.int(),
  bitrate_kbps: z
    .number()
    .nullable()
    .describe('What one viewer gets, over the last seconds. null: it is not made now.'),
  speed: z.number().nullable().describe('Seconds of media made in a second.'),
  worker_id: z.string().nullable().describe('The worker that makes it.'),
  failures_last_hour: z.int().nullable().describe('null: the record of events cannot be read.'),
  created_at: z.string(),
});

/** The answer to a list that is searched: short rows, in place of whole streams. */
export const streamPageView: z.ZodType<StreamPage> = z.object({
  streams: z.array(streamRow),
  total: z.int().describe('On all pages.'),
  next_cursor: z.string().nullable().describe('null: this is the last page.'),
});

type Query = { readonly [Name in keyof typeof streamListQuery]?: z.infer<(typeof streamListQuery)[Name]> };

/** Undefined: the caller wants all streams, whole. */
export function streamQuestion({ search, state, sort, limit, cursor }: Query): StreamQuestion | undefined {
  if ([search, state, sort, limit, cursor].every((field) => field === undefined)) return undefined;
  return {
    ...{ search: search?.trim() ?? '', state: state ?? 'all', sort: sort ?? 'viewers', limit: limit ?? DEFAULT_LIMIT },
    after: cursor === undefined ? undefined : readCursor(cursor),
  };
}
