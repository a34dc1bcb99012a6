/** Settings of m3u-proxy and its compose files that have no effect here. The log at start gives the reason for each. */

const STARTED_ONCE =
  'a broadcast whose source does not open answers 502 at once; one that has played is opened again for 60 s';
const NO_FILES = 'the worker writes no files';
const LIVE_ALWAYS_STRICT = 'the worker always checks and repairs live MPEG-TS';
const RETRIES = 'STREAM_RETRY_ATTEMPTS and STREAM_RETRY_DELAY control retries';
const STALLS = 'the worker logs a silent source and opens it again after LIVE_CHUNK_TIMEOUT_SECONDS';
const IDLE =
  'CLIENT_STALL_TIMEOUT ends a connection that takes nothing, and LIVE_CHUNK_TIMEOUT_SECONDS one that brings nothing; both are logged';

export const IGNORED_SETTINGS: Readonly<Record<string, string>> = {
  APP_DEBUG: 'LOG_LEVEL=debug logs more',
  RELOAD: 'restart the worker to load new code',
  DOCS_URL: 'the documentation is at /docs',
  REDOC_URL: 'the documentation is at /docs',
  OPENAPI_URL: 'the description of the API is at /openapi.json',
  LOG_FILE: 'the log goes to stdout',
  LOG_DIR: 'the log goes to stdout',
  TEMP_DIR: NO_FILES,
  REDIS_PORT: 'REDIS_SERVER_PORT is the port of Redis',
  REDIS_POOL_MAX_CONNECTIONS: 'a worker opens as many connections to Redis as it needs',
  ENABLE_REDIS_POOLING: 'REDIS_ENABLED and ENABLE_TRANSCODING_POOLING control sharing',
  SHARED_STREAM_TIMEOUT: 'SHARED_STREAM_GRACE sets how long a process without viewers keeps running',
  CHANGE_BUFFER_CHUNKS: 'viewers share one buffer, and RING_MAX_BYTES limits its size',
  DEFAULT_MAX_RETRIES: RETRIES,
  DEFAULT_BACKOFF_FACTOR: RETRIES,
  DEFAULT_RETRY_ATTEMPTS: RETRIES,
  DEFAULT_RETRY_DELAY: RETRIES,
  DEFAULT_HEALTH_CHECK_INTERVAL: 'the worker watches a source while it reads it and probes none',
  VOD_PROBE_TIMEOUT: 'DEFAULT_CONNECTION_TIMEOUT and DEFAULT_READ_TIMEOUT limit the first request of such a source',
  VOD_CHUNK_TIMEOUT_SECONDS: 'VOD_READ_TIMEOUT sets how long a finite source may send nothing',
  VOD_WRITE_TIMEOUT: 'a viewer of a finite source may pause as long as it keeps its connection',
  LIVE_TV_WRITE_TIMEOUT: 'CLIENT_STALL_TIMEOUT sets when a live viewer that takes nothing is dropped',
  ENABLE_CONNECTION_IDLE_MONITORING: IDLE,
  CONNECTION_IDLE_ALERT_THRESHOLD: IDLE,
  CONNECTION_IDLE_ERROR_THRESHOLD: IDLE,
  STRICT_LIVE_TS: LIVE_ALWAYS_STRICT,
  STRICT_LIVE_TS_PREBUFFER_SIZE: 'JOIN_BUFFER sets how much a joining viewer gets at once',
  STRICT_LIVE_TS_PREBUFFER_TIMEOUT: 'JOIN_BUFFER sets how much a joining viewer gets at once',
  STRICT_LIVE_TS_OVERLAP_TRIM: LIVE_ALWAYS_STRICT,
  STRICT_LIVE_TS_CIRCUIT_BREAKER_TIMEOUT: STALLS,
  STRICT_LIVE_TS_CIRCUIT_BREAKER_COOLDOWN: STALLS,
  HW_ACCEL_AVAILABLE: 'HW_ACCEL_TYPE alone decides; the worker tries that hardware at start',
  HLS_GC_ENABLED: NO_FILES,
  HLS_GC_INTERVAL: NO_FILES,
  HLS_GC_AGE_THRESHOLD: NO_FILES,
  HLS_TEMP_DIR: NO_FILES,
  HLS_BROADCAST_DIR: 'the windows of network channels are kept in memory; RECORDINGS is for recordings',
  BROADCAST_GC_ENABLED: 'RECORDINGS_MAX, RECORDINGS_MAX_BYTES and RECORDINGS_MAX_AGE limit what is kept',
  BROADCAST_CALLBACK_TIMEOUT: 'the receiver of a callback has 35 s',
  BROADCAST_MAX_START_RETRIES: STARTED_ONCE,
  BROADCAST_START_RETRY_WINDOW: STARTED_ONCE,
  BROADCAST_START_RETRY_COOLDOWN: STARTED_ONCE,
  BROADCAST_START_FAILURE_GRACE: STARTED_ONCE,
};
