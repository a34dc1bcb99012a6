/** As much of the API's answers as the command reads. Other fields pass: a newer worker may have more. */

import { z } from 'zod';

const media = z.looseObject({
  resolution: z.string().nullable(),
  video_codec: z.string().nullable(),
  fps: z.number().nullable(),
  audio_codec: z.string().nullable(),
});

export const stream = z.looseObject({
  stream_id: z.string(),
  original_url: z.string(),
  current_url: z.string(),
  client_count: z.number(),
  connection_count: z.number(),
  total_bytes_served: z.number(),
  error_count: z.number(),
  is_active: z.boolean(),
  current_failover_index: z.number(),
  stream_type: z.string(),
  metadata: z.record(z.string(), z.string()),
  output_media_info: media.nullish(),
});

export type Stream = z.infer<typeof stream>;

export const streams = z.looseObject({ streams: z.array(stream) });

export const worker = z.looseObject({
  worker_id: z.string(),
  processes: z.number(),
  clients: z.number(),
  cpu: z.number(),
  draining: z.boolean(),
});

export type Worker = z.infer<typeof worker>;

export const workers = z.looseObject({ workers: z.array(worker) });

export const totals = z.looseObject({ total_connections: z.number() });

export const event = z.looseObject({
  event_id: z.string(),
  event_type: z.string(),
  timestamp: z.string(),
  late: z.boolean(),
  data: z.record(z.string(), z.unknown()),
});

export type Event = z.infer<typeof event>;

export const events = z.looseObject({ events: z.array(event) });

export const recording = z.looseObject({
  recording_id: z.string(),
  name: z.string().nullable(),
  status: z.string(),
  error_message: z.string().nullable(),
  started_at: z.string().nullable(),
  seconds: z.number(),
  bytes: z.number(),
  metadata: z.record(z.string(), z.string()),
});

export type Recording = z.infer<typeof recording>;

export const recordings = z.looseObject({ recordings: z.array(recording) });

export const message = z.looseObject({ message: z.string() });

export const playbackUrl = z.looseObject({ playback_url: z.string(), expires_at: z.string().nullable() });
