/** The names of the worker's metrics, spelled once for the worker, scrapers, scaling and alarms. */

import type { Unit } from './embedded-metrics.ts';

/** Counters end in `_total`, times in `_seconds`. What each one says, and its labels: `services/proxy/src/metrics/series.ts`. */
export const METRICS = {
  /** Viewers connected now. Auto scaling uses the average over the workers. */
  clients: 'streampool_clients',
  /** HLS sessions that the worker serves now. Several workers may serve the same one. */
  hlsSessions: 'streampool_hls_sessions',
  /** Segments sent to HLS viewers. */
  hlsSegments: 'streampool_hls_segments_total',
  /** HLS requests that wait now for what comes next. */
  hlsBlockedRequests: 'streampool_hls_blocked_requests',
  /** Requests to providers of HLS. Only the owner of a source makes any. */
  hlsUpstreamRequests: 'streampool_hls_upstream_requests_total',
  /** Media of HLS sources that a reader got without a request: it was kept, or arriving for another one. */
  hlsCacheHits: 'streampool_hls_cache_hits_total',
  /** Media of HLS that came from another worker: of sources, from the one that asks the provider; of segments, from the owner of the feed. */
  hlsSegmentsFetched: 'streampool_hls_segments_fetched_total',
  /** FFmpeg processes running now. */
  processes: 'streampool_processes',
  /** Feeds of this worker: made here or followed from another worker. */
  processFeeds: 'streampool_process_feeds',
  sourceFeeds: 'streampool_source_feeds',
  /** Relays to other workers that are open now: one per worker and feed. */
  relays: 'streampool_relays',
  /** Bytes sent to viewers. */
  egressBytes: 'streampool_egress_bytes_total',
  /** Bytes sent to other workers. */
  relayBytes: 'streampool_relay_bytes_total',
  /** CPU seconds of the worker and its FFmpegs. */
  cpuSeconds: 'streampool_cpu_seconds_total',
  /** Bytes of media held in the rings of all feeds and in segments, and kept of HLS sources. */
  ringBytes: 'streampool_ring_bytes',
  /** Bytes of memory of the worker itself, without its FFmpegs. */
  residentBytes: 'streampool_resident_bytes',
  /** FFmpegs started to replace one that died or hung. */
  ffmpegRestarts: 'streampool_ffmpeg_restarts_total',
  /** How often a slow viewer skipped to a newer keyframe. */
  skips: 'streampool_skips_total',
  /** Viewers dropped because they stopped reading. */
  stalls: 'streampool_stalls_total',
  /** Viewers whose stream failed before or during playback: 5xx answers, and streams that ended with an error. */
  errors: 'streampool_errors_total',
  /** Recordings and network channels that the worker makes now. */
  broadcasts: 'streampool_broadcasts',
  /** Bytes of media written for them. */
  broadcastBytes: 'streampool_broadcast_bytes_total',
  /** Programmes of them that are over, by how. */
  broadcastEnds: 'streampool_broadcast_ends_total',
  /** Bytes of memory that network channels take. */
  broadcastWindowBytes: 'streampool_broadcast_window_bytes',
  /** 1 while the worker takes nothing new and waits for its viewers to leave. */
  draining: 'streampool_draining',
  /** 1 while the worker's lease is confirmed; 0 while Redis has not confirmed it. */
  leaseHeld: 'streampool_lease_held',
  /** Always 1: its labels say what runs. */
  info: 'streampool_info',
  /** Viewers that came, by what came of it. */
  joins: 'streampool_joins_total',
  /** From the request of a viewer to its first byte. */
  joinSeconds: 'streampool_join_seconds',
  /** Streams that this worker makes because their owner died, and how long their viewers got nothing. */
  takeovers: 'streampool_takeovers_total',
  takeoverGapSeconds: 'streampool_takeover_gap_seconds',
  /** Streams that this worker has given away, and how long that took. */
  handovers: 'streampool_handovers_total',
  handoverSeconds: 'streampool_handover_seconds',
  /** Bytes from providers. */
  sourceBytes: 'streampool_source_bytes_total',
  sourceLosses: 'streampool_source_losses_total',
  sourceFailovers: 'streampool_source_failovers_total',
  ffmpegStarts: 'streampool_ffmpeg_starts_total',
  ffmpegExits: 'streampool_ffmpeg_exits_total',
  /** How long a stream had no media when one FFmpeg replaced another. */
  ffmpegGapSeconds: 'streampool_ffmpeg_gap_seconds',
  /** Media that slow viewers have skipped. */
  skippedSeconds: 'streampool_skipped_seconds_total',
  /** By host. */
  providerConnections: 'streampool_provider_connections',
  providerLimit: 'streampool_provider_limit',
  providerRefusals: 'streampool_provider_refusals_total',
  /** By stream. */
  streamClients: 'streampool_stream_clients',
  streamBytes: 'streampool_stream_bytes_total',
  streamSpeed: 'streampool_stream_speed',
  /** From a command to the answer of Redis. */
  redisSeconds: 'streampool_redis_seconds',
  redisErrors: 'streampool_redis_errors_total',
  leaseLosses: 'streampool_lease_losses_total',
  /** Of the cluster's record of events. */
  events: 'streampool_events_total',
  webhookDeliveries: 'streampool_webhook_deliveries_total',
  consolePages: 'streampool_console_pages',
  eventLoopP99Seconds: 'streampool_event_loop_p99_seconds',
} as const;

export type MetricKey = keyof typeof METRICS;

/** Where a worker shows them. With `API_TOKEN` set, scrapers must send it as `Authorization: Bearer`. */
export const METRICS_PATH = '/metrics';

/**
 * What a worker publishes in CloudWatch, with its unit there. Each of them costs money, so these are only the ones that
 * scaling, alarms or people use. METRICS_PATH has more.
 */
export const PUBLISHED = {
  clients: 'Count',
  processes: 'Count',
  egressBytes: 'Bytes',
  relayBytes: 'Bytes',
  ringBytes: 'Bytes',
  ffmpegRestarts: 'Count',
  errors: 'Count',
} as const satisfies { readonly [Name in keyof typeof METRICS]?: Unit };

export type PublishedName = keyof typeof PUBLISHED;

/** What the scheduled job of the admin API publishes in CloudWatch of the service of the workers. Workers do not have these. */
export const SERVICE_METRICS = {
  /** Workers that ECS wants, as scaling has set it. */
  desiredWorkers: 'streampool_workers_desired',
  runningWorkers: 'streampool_workers_running',
  /** Workers that ECS is starting. */
  pendingWorkers: 'streampool_workers_pending',
} as const;
