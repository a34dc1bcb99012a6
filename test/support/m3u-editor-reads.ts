/** The fields that m3u-editor reads from an answer, with their types. Other fields may be there as well. */
import { z } from 'zod';

const text = z.string();
const count = z.int().nonnegative();
const time = z.iso.datetime({ offset: true });
const id = z.string().regex(/^[0-9a-f]{32}$/);
/** Values are always text: it compares `transcoding` with "true", and ids loosely. */
const metadata = z.record(z.string(), z.string());
/** Of streams that run: texts and numbers, or null. */
const mediaInfo = z
  .object({
    resolution: text.nullable(),
    video_codec: text.nullable(),
    fps: z.number().nullable(),
    bitrate_kbps: z.number().nullable(),
    audio_codec: text.nullable(),
    audio_channels: text.nullable(),
  })
  .nullable();

/** POST /streams and POST /transcode. */
export const created = z.object({ stream_id: id });

/** GET /streams/by-metadata. `total_matching` counts streams, but m3u-editor takes it for connections to the provider. */
export const matches = z.object({
  matching_streams: z.array(z.object({ stream_id: id, client_count: count, metadata })),
  total_matching: count,
});

/** GET /streams/counts-by-metadata. */
export const counts = z.object({ counts: z.record(z.string(), count) });

/** DELETE /streams/oldest-by-metadata. */
export const oldestDeleted = z.object({
  deleted_count: count,
  deleted_stream: id.nullable(),
  stream_age_seconds: z.number().nonnegative().optional(),
});

/** DELETE /streams/by-metadata. */
export const deleted = z.object({ deleted_count: count, deleted_streams: z.array(id) });

/** GET /streams, as its stream monitor shows them. */
export const monitoredStreams = z.object({
  streams: z.array(
    z.object({
      stream_id: id,
      original_url: text,
      current_url: text,
      stream_type: text,
      is_active: z.boolean(),
      client_count: count,
      created_at: time,
      total_bytes_served: count,
      total_segments_served: count,
      error_count: count,
      metadata,
      has_failover: z.boolean(),
      failover_urls: z.array(text),
      failover_resolver_url: text.nullable(),
      current_failover_index: z.int(),
      failover_attempts: count,
      last_failover_time: time.nullable(),
      media_info: mediaInfo,
      output_media_info: mediaInfo
        .unwrap()
        .extend({ container: text.nullable(), speed: z.number().nullable() })
        .nullable(),
    }),
  ),
});

/** GET /clients. */
export const monitoredClients = z.object({
  total_clients: count,
  clients: z.array(
    z.object({
      client_id: text,
      stream_id: id,
      ip_address: text,
      username: text.nullable(),
      user_agent: text,
      created_at: time,
      last_access: time,
      bytes_served: count,
      is_connected: z.boolean(),
    }),
  ),
});

/** GET /broadcast. */
export const monitoredBroadcasts = z.object({
  broadcasts: z.array(
    z.object({
      network_id: text,
      status: text,
      stream_url: text,
      started_at: time.nullable(),
      current_segment_number: count,
    }),
  ),
  count,
});

/** POST /broadcast/{id}/start and GET /broadcast/{id}/status. A null `ffmpeg_pid` of a broadcast that runs makes it start once more. */
export const startedBroadcast = z.object({ network_id: text, status: text, ffmpeg_pid: z.int().positive() });

/** POST /broadcast/{id}/stop. */
export const stoppedBroadcast = z.object({ status: text, final_segment_number: count });

/** GET /health. */
export const health = z.object({
  status: z.literal('healthy'),
  version: text,
  stats: z.object({ active_streams: count, total_clients: count }),
});

/** GET /info. */
export const info = z.object({
  version: text,
  ffmpeg_version: text,
  hardware_acceleration: z.object({ enabled: z.boolean(), type: text, device: text.nullable() }),
  redis: z.object({
    enabled: z.boolean(),
    pooling_enabled: z.boolean(),
    max_clients_per_stream: count,
    stream_timeout: z.number(),
    sharing_strategy: text,
  }),
  transcoding: z.object({ enabled: z.literal(true), profiles: z.record(z.string(), z.string()) }),
  configuration: z.object({
    default_user_agent: text,
    client_timeout: z.number(),
    stream_timeout: z.number(),
    cleanup_interval: z.number(),
    max_retries: count,
  }),
  worker: z.object({ worker_id: text, heartbeat_interval: z.number(), multi_worker_mode: z.boolean() }),
});

/** POST /test-connection. */
export const connection = z.object({ success: z.boolean(), message: text, url_tested: text });

/** POST /streams/{id}/failover and DELETE /streams/{id}: m3u-editor only checks that they succeed. */
export const done = z.object({ message: text });

/** The answer for what is not built yet: m3u-editor shows or logs the reason. */
export const refusal = z.object({ detail: z.string().min(20) });

/** GET /webhooks. */
export const webhookList = z.object({
  webhooks: z.array(z.object({ url: text, events: z.array(text), timeout: count, retry_attempts: count })),
});
