/** The requests and answers of the admin API as zod schemas; the types of its routes come from these. */

import { z } from 'zod';
import { BROADCAST_KINDS, BROADCAST_STATES } from '../../registry/broadcasts/broadcast.ts';
import { isClientCursor } from '../../registry/redis/client-reads.ts';
import { isSearchCursor } from '../../registry/redis/inspection.ts';
import { DRAIN_REASONS } from '../../registry/types.ts';

const MAX_PAGE = 500;

/** Input comes from a query string, where everything is text, or from a JSON body. */
const FLAG = ['true', 'false', '1', '0'] as const;

const flag = z
  .union([z.boolean(), z.enum(FLAG)], { error: `it is one of ${FLAG.join(', ')}` })
  .transform((value) => value === true || value === 'true' || value === '1')
  .default(false);

export const pageInput = z.strictObject({
  limit: z.coerce
    .number(`it is a whole number from 1 to ${MAX_PAGE}`)
    .int(`it is a whole number from 1 to ${MAX_PAGE}`)
    .min(1)
    .max(MAX_PAGE)
    .default(100)
    .describe('The most items of a page.'),
  cursor: z.string().optional().describe('The `next_cursor` of the page before; absent: the first page.'),
});

/** Of a page of viewers. */
export const viewersInput = pageInput.extend({
  cursor: pageInput.shape.cursor.refine(
    (cursor) => cursor === undefined || isClientCursor(cursor),
    'it is not the next_cursor of an answer',
  ),
});

/** Who is looked for; one of the two. */
export const viewerSearchInput = pageInput
  .extend({
    address: z.string().min(1).optional().describe('As `ip_address` shows it.'),
    user: z.string().min(1).optional().describe('The name that the player has given.'),
    cursor: pageInput.shape.cursor.refine(
      (cursor) => cursor === undefined || isSearchCursor(cursor),
      'it is not the next_cursor of an answer',
    ),
  })
  .refine(({ address, user }) => (address === undefined) !== (user === undefined), 'give either address or user');

export const streamsInput = pageInput.extend({
  idle: flag.describe('The streams that are kept only for their address, in place of those in use.'),
});

export const broadcastsInput = pageInput.extend({
  kind: z
    .enum(BROADCAST_KINDS)
    .optional()
    .describe('recording: all of it is kept. channel: a window is. Absent: both.'),
  status: z.enum(BROADCAST_STATES).optional().describe('Only those that are so.'),
  stream_id: z.string().optional().describe('Only those that are cut from this stream.'),
});

export const cleanupInput = z.strictObject({
  dry_run: flag.describe('Only say what would be removed.'),
});

export const drainInput = z.strictObject({
  force: flag.describe('Also drain the last worker that takes viewers.'),
});

export const noInput = z.strictObject({});

export const indexAnswer = z.strictObject({
  version: z.string(),
  openapi: z.string().describe('The path of the OpenAPI document.'),
  routes: z.array(z.strictObject({ method: z.string(), path: z.string(), summary: z.string() })),
});

export const errorAnswer = z.strictObject({ detail: z.string() });

export const healthAnswer = z.strictObject({
  status: z.literal('ok'),
  version: z.string(),
  registry_ms: z.number().describe('Milliseconds that Redis took to answer.'),
});

const broadcastTotals = z.strictObject({
  total: z.int(),
  running: z.int().describe('Those that are not over.'),
  failed: z.int(),
  bytes: z.int().describe('What their segments take.'),
});

export const statsAnswer = z.strictObject({
  workers: z.strictObject({ alive: z.int(), draining: z.int(), dead: z.int() }),
  streams: z.strictObject({ total: z.int(), active: z.int() }),
  clients: z.strictObject({ total: z.int(), transcoded: z.int(), direct: z.int() }),
  pooling: z.strictObject({
    processes: z.int(),
    clients_per_process: z
      .number()
      .describe('Viewers of transcoded streams, divided by the FFmpeg processes that they use.'),
    processes_saved: z.int().describe('Additional processes that would run if no viewers shared one.'),
  }),
  bytes_served: z.int().describe('To all viewers of the streams that still exist, including viewers that have left.'),
  recordings: broadcastTotals,
  channels: broadcastTotals.describe('Network channels.'),
  egress: z.strictObject({
    bytes_per_second: z.int(),
    gb_per_month: z.number(),
    usd_per_month: z.number(),
    formula: z.string(),
    prices: z.array(z.strictObject({ up_to_gb: z.number().nullable(), usd_per_gb: z.number() })),
  }),
});

const taskView = z.strictObject({
  arn: z.string(),
  last_status: z.string(),
  desired_status: z.string(),
  definition: z.string().describe('Family and revision.'),
  revision: z.int().nullable().describe('Revision of the task definition; each deployment has a higher one.'),
  protected: z
    .boolean()
    .nullable()
    .describe(
      'Whether scale-in and deployments leave the task alone; null: ECS does not say, see `protection_missing`.',
    ),
  protected_until: z.string().nullable().describe('End of the protection, unless the worker renews it.'),
  zone: z.string().nullable(),
  private_ip: z.string().nullable(),
  created_at: z.string(),
  started_at: z.string().nullable(),
});

export const workersAnswer = z.strictObject({
  workers: z.array(
    z.strictObject({
      worker_id: z.string(),
      incarnation: z.string(),
      address: z.string(),
      zone: z.string().nullable(),
      alive: z.boolean().describe('Whether its lease is valid.'),
      draining: z.boolean(),
      drain_reason: z
        .enum(DRAIN_REASONS)
        .nullable()
        .describe('told: by a call; deployment: ECS wants another deployment; stopping: its process ends.'),
      clients: z.int(),
      processes: z.int(),
      cpu_cores: z.number(),
      started_at: z.string(),
      last_seen: z.string().describe('Time of its last record: written at each change, and every HEARTBEAT_INTERVAL.'),
      task: taskView.nullable(),
    }),
  ),
  total: z.int(),
  next_cursor: z.string().nullable(),
  ecs: z
    .strictObject({
      cluster: z.string(),
      service: z.string(),
      tasks: z.int(),
      tasks_without_worker: z.array(taskView),
      workers_without_task: z.array(z.string()),
      protection_missing: z.string().nullable().describe('Why the protection of some or all tasks is unknown.'),
    })
    .nullable(),
  ecs_missing: z.string().nullable().describe('Why there is no information about ECS.'),
});

const streamState = z.strictObject({
  stream_id: z.string(),
  state: z.enum(['active', 'waiting', 'idle']).describe('waiting: it has no viewer, and is not idle yet.'),
  owner: z.string().nullable().describe('The worker that makes its first process; null: none does.'),
  bits_per_second: z.int().nullable().describe('Of the media that the owner makes, over the last ten seconds.'),
  speed: z.number().nullable().describe('Seconds of media made in a second; below 1 the viewers run out of media.'),
  failures: z.int().nullable().describe('Runs of its FFmpeg that ended and were replaced.'),
  url: z.string().describe('Credentials are hidden.'),
  current_url: z.string(),
  profile: z.string().nullable().describe('null: a direct stream.'),
  metadata: z.record(z.string(), z.string()),
  clients: z.int(),
  processes: z.int(),
  bytes_served: z.int(),
  errors: z.int(),
  created_at: z.string(),
  last_access: z.string(),
});

export const streamsAnswer = z.strictObject({
  streams: z.array(streamState),
  total: z.int(),
  next_cursor: z.string().nullable(),
});

const viewerState = z.strictObject({
  client_id: z.string(),
  worker_id: z.string(),
  slot: z.int().nullable().describe('Of the process; null: a viewer of a direct stream.'),
  ip_address: z.string(),
  user_agent: z.string(),
  connected_at: z.string(),
  bytes_served: z.int(),
});

export const streamAnswer = streamState.extend({
  shared_by: z.array(
    z.strictObject({
      slot: z.int(),
      clients: z.int(),
      owner: z.strictObject({ worker_id: z.string(), epoch: z.int() }).nullable(),
    }),
  ),
  viewers: z.array(viewerState),
  next_cursor: z.string().nullable().describe('Where the next page of viewers begins; null: this is the last one.'),
});

export const foundViewersAnswer = z.strictObject({
  viewers: z.array(viewerState.extend({ stream_id: z.string(), username: z.string().nullable() })),
  next_cursor: z.string().nullable(),
});

export const broadcastsAnswer = z.strictObject({
  broadcasts: z.array(
    z.strictObject({
      broadcast_id: z.string(),
      kind: z.enum(BROADCAST_KINDS),
      name: z.string().nullable().describe('`title` of its metadata.'),
      stream_id: z.string(),
      status: z.enum(BROADCAST_STATES),
      error: z.string().nullable().describe('Why it has failed.'),
      worker: z.string().nullable().describe('The worker that makes it, or has made it last.'),
      started_at: z.string().nullable(),
      ended_at: z.string().nullable(),
      seconds: z.number().describe('How much there is of it.'),
      bytes: z.int(),
      segments: z.int().nullable().describe('How many are listed.'),
    }),
  ),
  total: z.int().describe('On all pages.'),
  next_cursor: z.string().nullable(),
  summary: z
    .strictObject({ recordings: broadcastTotals, channels: broadcastTotals })
    .describe('Of all that there are, whatever was asked for.'),
});

export const disconnectedAnswer = z.strictObject({
  stream_id: z.string(),
  client_id: z.string(),
  worker_id: z.string(),
  message: z.string(),
});

export const failoverAnswer = z.strictObject({
  stream_id: z.string(),
  worker_id: z.string().describe('The worker that moves it.'),
  message: z.string(),
});

export const deletedAnswer = z.strictObject({ stream_id: z.string(), clients: z.int().describe('Viewers it had.') });

export const cleanupAnswer = z.strictObject({
  dry_run: z.boolean(),
  expired_streams: z.array(z.string()),
  dead_workers: z.array(z.strictObject({ worker_id: z.string().nullable(), incarnation: z.string() })),
});

export const drainAnswer = z.strictObject({ worker_id: z.string(), message: z.string() });

export type StatsAnswer = z.infer<typeof statsAnswer>;
export type WorkersAnswer = z.infer<typeof workersAnswer>;
export type StreamAnswer = z.infer<typeof streamAnswer>;
export type FoundViewersAnswer = z.infer<typeof foundViewersAnswer>;
export type StreamsAnswer = z.infer<typeof streamsAnswer>;
export type CleanupView = z.infer<typeof cleanupAnswer>;
export type BroadcastsAnswer = z.infer<typeof broadcastsAnswer>;
