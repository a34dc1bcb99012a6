/** The names of the worker's metrics, said once for the worker that counts them and for what scrapes, scales and alarms by them. */

/** Gauges and counters of one worker, without labels; counters end in `_total` and begin at 0 with the process. */
export const METRICS = {
  /** Viewers connected now. Auto scaling goes by its average over the workers. */
  clients: 'streampool_clients',
  /** FFmpeg processes running now. */
  processes: 'streampool_processes',
  /** Feeds this worker has, made here or followed from another worker. */
  processFeeds: 'streampool_process_feeds',
  sourceFeeds: 'streampool_source_feeds',
  /** Other workers that follow a feed of this one, once for each feed. */
  relays: 'streampool_relays',
  /** Bytes sent to viewers. */
  egressBytes: 'streampool_egress_bytes_total',
  /** Bytes sent to other workers. */
  relayBytes: 'streampool_relay_bytes_total',
  /** CPU seconds of the worker and its FFmpegs. */
  cpuSeconds: 'streampool_cpu_seconds_total',
  /** Bytes of media held in the rings of all feeds. */
  ringBytes: 'streampool_ring_bytes',
  /** Bytes of memory of the worker itself, without its FFmpegs. */
  residentBytes: 'streampool_resident_bytes',
  /** FFmpegs that were started in place of one that died or hung. */
  ffmpegRestarts: 'streampool_ffmpeg_restarts_total',
  /** Times a viewer was too slow and went on at a newer keyframe. */
  skips: 'streampool_skips_total',
  /** Viewers dropped because they took nothing. */
  stalls: 'streampool_stalls_total',
  /** Viewers whose stream could not be given or went away: 5xx answers and streams that failed under them. */
  errors: 'streampool_errors_total',
  /** 1 while the worker takes nothing new and waits for its viewers to leave. */
  draining: 'streampool_draining',
  /** 1 while what the worker owns is surely its own; 0 while Redis has not confirmed that. */
  leaseHeld: 'streampool_lease_held',
} as const;

/** Where a worker shows them: asks for `API_TOKEN` when there is one, which scrapers send as `Authorization: Bearer`. */
export const METRICS_PATH = '/metrics';
