/** The names of the worker's metrics, said once for the worker that counts them and for what scrapes, scales and alarms by them. */

/** Gauges and counters of one worker, without labels; counters end in `_total`. */
export const METRICS = {
  /** Viewers connected now. Auto scaling goes by its average over the workers. */
  clients: 'streampool_clients',
  /** FFmpeg processes running now. */
  processes: 'streampool_processes',
  /** Bytes sent to viewers. */
  egressBytes: 'streampool_egress_bytes_total',
  /** Bytes sent to other workers. */
  relayBytes: 'streampool_relay_bytes_total',
  /** CPU seconds of the worker and its FFmpegs. */
  cpuSeconds: 'streampool_cpu_seconds_total',
  /** Bytes of media held in the rings of all feeds. */
  ringBytes: 'streampool_ring_bytes',
  /** FFmpegs that were started in place of one that died or hung. */
  ffmpegRestarts: 'streampool_ffmpeg_restarts_total',
  /** Viewers whose stream could not be given or went away: 5xx answers and streams that failed under them. */
  errors: 'streampool_errors_total',
} as const;

/** Where a worker shows them, without a token; the load balancer does not pass it on. */
export const METRICS_PATH = '/metrics';
