/** The table of all settings, in the groups and the order of the docs. */
import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import {
  bytes,
  decimal,
  flag,
  host,
  integer,
  languages,
  logFormat,
  logLevel,
  oneOf,
  origins,
  pathPrefix,
  privateSources,
  seconds,
  secret,
  text,
  trustProxy,
} from '../../../shared/settings/kinds.ts';
import { type Environment, optional, setting } from '../../../shared/settings/setting.ts';

const DAY_S = 86_400;
/** Nobody hands out an expiring URL for longer. */
export const MAX_PLAYBACK_URL_TTL_S = 365 * DAY_S;
/** A name that is safe in a Redis key, a log line and a file name. */
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const PRINTABLE = /^[\x20-\x7e]+$/;
/** Long enough that nobody can guess it. */
const SHARED_SECRET = /^[\x20-\x7e]{16,}$/;

/** The memory that this process may use: the limit of its container, or the machine's memory without one. */
function availableMemory(): string {
  const limit = process.constrainedMemory();
  return String(limit > 0 ? Math.min(limit, totalmem()) : totalmem());
}

/** On ECS the private network is the VPC, not the household's. */
function lanOutsideEcs(env: Environment): string {
  return (env.ECS_CONTAINER_METADATA_URI_V4 ?? '') === '' ? 'lan' : 'false';
}

function nextThousand(env: Environment): string {
  const port = Number(env.PORT ?? 8085);
  return String(Number.isInteger(port) && port > 0 && port < 64_536 ? port + 1000 : 0);
}

const server = {
  host: setting('HOST', host, '0.0.0.0', 'Address the worker listens on.'),
  port: setting('PORT', integer(0, 65_535), '8085', 'Port the worker listens on; 0 picks a free one.'),
  rootPath: setting('ROOT_PATH', pathPrefix, '/m3u-proxy', 'Prefix that every route also answers under, beside `/`.'),
  logLevel: setting('LOG_LEVEL', logLevel, 'info', 'Least severe message that is logged. The log goes to stdout.'),
  logFormat: setting(
    'LOG_FORMAT',
    logFormat,
    'auto',
    'How the log is written. `json`: one JSON object a line. `text`: lines for people, in colour unless `NO_COLOR` is set. `auto`: text on a terminal, JSON elsewhere.',
  ),
  logAnonymize: setting(
    'LOG_ANONYMIZE',
    flag,
    'false',
    'Whether the log leaves out who a viewer is: its name, and the last part of its address. Credentials are never in it.',
  ),
  metricsStage: optional(
    'METRICS_STAGE',
    text('1 to 64 letters, digits, dots, dashes and underscores', NAME),
    'Writes metrics into the log once a minute, which CloudWatch Logs publishes under this name of a stage (embedded metric format).',
    'none: no metrics in the log',
  ),
  metricsPerStream: setting(
    'METRICS_PER_STREAM',
    flag,
    'true',
    'Whether `/metrics` has viewers, bytes and speed of each stream, with its name. `false` leaves these out.',
  ),
  apiToken: optional(
    'API_TOKEN',
    // It travels in a header and in URLs.
    secret('printable ASCII without spaces', /^[\x21-\x7e]+$/),
    'Token that the management API requires, as header `X-API-Token` or query `api_token`. Without it the API is open, but only programs on the same machine may create a stream with `GET /stream/…?url=`. A proxy on that machine must add `X-Forwarded-For`; otherwise every request through it counts as local.',
    'none: the API is open',
  ),
  playbackAuth: setting(
    'PLAYBACK_AUTH',
    oneOf('open', 'signed'),
    'open',
    'Who may play a stream. `open`: everybody who knows its id. `signed`: only callers with a signed URL from the API or with the API token.',
  ),
  playbackUrlTtlMs: setting(
    'PLAYBACK_URL_TTL',
    seconds(1, MAX_PLAYBACK_URL_TTL_S),
    '86400',
    'Seconds for which a signed URL can start or resume playback. A running playback continues after that.',
  ),
  playbackSecret: optional(
    'PLAYBACK_SECRET',
    secret('at least 16 printable characters', SHARED_SECRET),
    'Secret that signs playback URLs. All workers need the same one.',
    'generated once and kept in Redis; without Redis generated at each start',
  ),
  corsOrigins: setting(
    'CORS_ORIGINS',
    origins,
    '',
    'Origins whose web pages may call the management API, such as `https://editor.example`. Every page may play streams.',
    'none',
  ),
  console: setting(
    'CONSOLE',
    flag,
    'true',
    'Whether the worker has a console: web pages at `/console/` that show what the cluster does. They ask for `API_TOKEN` where it is set.',
  ),
  trustProxy: setting(
    'TRUST_PROXY',
    trustProxy,
    'loopback',
    'Proxies in front of the worker whose `X-Forwarded-For` names the viewer. `uniquelocal` means private ranges. Rate limits use the last entry that this list does not name by address.',
  ),
  keepAliveTimeoutMs: setting(
    'KEEP_ALIVE_TIMEOUT',
    seconds(1, 3700),
    '72',
    'Seconds that a connection may wait for its next request. Set more than the idle timeout of a load balancer in front.',
  ),
  drainTimeoutMs: setting(
    'DRAIN_TIMEOUT',
    seconds(0, DAY_S),
    '110',
    'Seconds that viewers may keep watching after SIGTERM. Then the worker closes their connections.',
  ),
  deployDrainMs: setting(
    'DEPLOY_DRAIN',
    seconds(0, DAY_S),
    '600',
    'Seconds that a worker of an older revision keeps its ECS task for its remaining viewers.',
  ),
};

const pooling = {
  poolingEnabled: setting(
    'ENABLE_TRANSCODING_POOLING',
    flag,
    'true',
    'Whether viewers of a transcoded stream share a process. `false` gives each viewer its own FFmpeg.',
  ),
  sharingStrategy: setting(
    'STREAM_SHARING_STRATEGY',
    oneOf('url_profile', 'url_only', 'disabled'),
    'url_profile',
    'What viewers must have in common to share a process. `url_profile`: URL and profile. `url_only`: the URL. `disabled`: they never share.',
  ),
  maxClientsPerSharedStream: setting(
    'MAX_CLIENTS_PER_SHARED_STREAM',
    integer(0),
    '10',
    'Viewers per process. The next viewer starts another process. 0: no limit.',
  ),
  sharedStreamGraceMs: setting(
    'SHARED_STREAM_GRACE',
    seconds(0, DAY_S),
    '3',
    'Seconds that a process without viewers keeps running for the next viewer.',
  ),
  streamTimeoutMs: setting(
    'STREAM_TIMEOUT',
    seconds(1, 3600),
    '15',
    'Seconds without output after which the worker treats FFmpeg as hung and replaces it.',
  ),
  streamIdleTtlMs: setting(
    'STREAM_IDLE_TTL',
    seconds(1, 365 * DAY_S),
    '86400',
    'Seconds after which the worker forgets a stream that nobody watches.',
  ),
  joinBufferMs: setting(
    'JOIN_BUFFER',
    seconds(0, 60),
    '2',
    'Seconds of media that a joining viewer gets at once. Its player starts sooner and has a buffer.',
  ),
  ringMaxBytes: setting('RING_MAX_BYTES', bytes(1024 ** 2), '48M', 'Maximum memory for the media of one feed.'),
  hlsCacheBytes: setting(
    'HLS_CACHE_BYTES',
    bytes(1024 ** 2),
    '64M',
    'Memory for the media of proxied HLS sources, kept for the next viewer.',
  ),
  hlsSegmentTimeMs: setting(
    'HLS_SEGMENT_TIME',
    seconds(1, 10),
    '2',
    'Seconds of a segment of HLS, and between the keyframes of profiles that encode the picture. Must be the same on all workers.',
  ),
  hlsWaitMs: setting(
    'HLS_WAIT_TIME',
    seconds(1, 120),
    '10',
    'Seconds that the first playlist of a stream may take, where its segments are made here.',
  ),
  hlsListSize: setting(
    'HLS_LIST_SIZE',
    integer(3, 1_000),
    '15',
    'Segments in a playlist of HLS, where the profile does not say (`-hls_time`, `-hls_list_size`).',
  ),
  hlsStartSegments: setting(
    'HLS_START_SEGMENTS',
    integer(1, 10),
    '2',
    'Segments with which the playlist of a stream that has just started is shown. The own player of a browser gets at least 3.',
  ),
  hlsPartTimeMs: setting(
    'HLS_PART_TIME',
    seconds(0, 1),
    '0.33',
    'Seconds of a part of a segment, for low latency with fragmented MP4; 0: no parts. Must be the same on all workers.',
  ),
  preferredAudioLanguages: setting(
    'PREFERRED_AUDIO_LANGUAGES',
    languages,
    '',
    'Audio languages in order of preference for transcoded streams, such as `deu,eng`. When empty, the first main track that sends is used.',
    'none',
  ),
  ffmpegPath: setting('FFMPEG_PATH', text('a path', PRINTABLE), 'ffmpeg', 'The FFmpeg to run, 5.1 or newer.'),
  hwAccelType: setting(
    'HW_ACCEL_TYPE',
    oneOf('cpu', 'nvidia', 'intel', 'amd', 'vaapi'),
    'cpu',
    'Encoder of the built-in profiles. The worker tries a hardware encoder at start and falls back to the CPU if it fails.',
  ),
  hwAccelDevice: setting(
    'HW_ACCEL_DEVICE',
    text('a device path', /^\/dev\/[A-Za-z0-9/_-]+$/),
    '/dev/dri/renderD128',
    'Render device for `intel`, `amd` and `vaapi`.',
  ),
};

const clients = {
  clientStallTimeoutMs: setting(
    'CLIENT_STALL_TIMEOUT',
    seconds(1, DAY_S),
    '60',
    'Seconds after which a viewer of a live stream that takes no bytes is dropped. A viewer of a file stays connected, but its connection to the provider is closed.',
  ),
  clientTimeoutMs: setting(
    'CLIENT_TIMEOUT',
    seconds(1, DAY_S),
    '10',
    'Seconds that a viewer still counts as connected between two requests of one session (VOD seeks, HLS). A connection that takes nothing for this long ends when the same client opens another one.',
  ),
};

const sources = {
  defaultUserAgent: setting(
    'DEFAULT_USER_AGENT',
    text('printable ASCII', PRINTABLE),
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/115.0.0.0 Safari/537.36',
    'User-Agent sent to providers when a stream sets none.',
  ),
  useStickySession: optional(
    'USE_STICKY_SESSION',
    flag,
    'Whether a reconnect goes to the server that the first redirect led to, for streams that do not say `use_sticky_session`.',
    'HLS does, other streams do not',
  ),
  shareDirectStreams: setting(
    'SHARE_DIRECT_STREAMS',
    flag,
    'false',
    'Whether viewers of a direct live stream share one connection to the provider.',
  ),
  sourceMaxConnections: setting(
    'SOURCE_MAX_CONNECTIONS',
    integer(0),
    '0',
    'Simultaneous connections of all workers to one provider host with the same credentials. 0: no limit.',
  ),
  allowPrivateSources: setting(
    'ALLOW_PRIVATE_SOURCES',
    privateSources,
    lanOutsideEcs,
    'Private addresses that sources may have: `true`, `false`, or a list of CIDR ranges, hosts and `lan`. Loopback is allowed only when the list names it.',
    '`lan`; on ECS `false`',
  ),
  connectTimeoutMs: setting(
    'DEFAULT_CONNECTION_TIMEOUT',
    seconds(0.1, 600),
    '10',
    'Seconds to connect to a provider: DNS lookup, TCP and TLS.',
  ),
  readTimeoutMs: setting(
    'DEFAULT_READ_TIMEOUT',
    seconds(0.1, 3600),
    '30',
    'Seconds that a provider may take to send response headers.',
  ),
  liveChunkTimeoutMs: setting(
    'LIVE_CHUNK_TIMEOUT_SECONDS',
    seconds(0.1, 3600),
    '15',
    'Seconds without a picture or sound after which the worker opens a live source again. It does so sooner where the rhythm of the source shows that it hangs.',
  ),
  vodReadTimeoutMs: setting(
    'VOD_READ_TIMEOUT',
    seconds(0.1, DAY_S),
    '60',
    'Seconds without a byte after which the worker resumes the transfer of a finite source. Time in which the viewer reads nothing does not count.',
  ),
  retryAttempts: setting(
    'STREAM_RETRY_ATTEMPTS',
    integer(0, 1000),
    '3',
    'Retries of one source URL before the worker uses its failover URL. Without one they count only until the stream has played; after that it is tried until `STREAM_TOTAL_TIMEOUT`.',
  ),
  retryDelayMs: setting(
    'STREAM_RETRY_DELAY',
    seconds(0, 600),
    '1',
    'Seconds before each retry. The first retry of a source that has played comes at once.',
  ),
  retryExponentialBackoff: setting(
    'STREAM_RETRY_EXPONENTIAL_BACKOFF',
    flag,
    'false',
    'Whether that delay doubles with each retry, as often as `STREAM_RETRY_ATTEMPTS` allows.',
  ),
  streamTotalTimeoutMs: setting(
    'STREAM_TOTAL_TIMEOUT',
    seconds(0, DAY_S),
    '30',
    'Seconds that one outage may last before the stream fails. All retries and failovers count. Each failover URL gets one try even after that. 0: no limit, and `STREAM_RETRY_ATTEMPTS` counts.',
  ),
  maxFailoverAttempts: setting(
    'MAX_FAILOVER_ATTEMPTS',
    integer(0),
    '0',
    'Failovers per outage. 0: as many as there are failover URLs, or no limit with a resolver.',
  ),
  bitrateMonitoring: setting(
    'ENABLE_BITRATE_MONITORING',
    flag,
    'false',
    'Whether the worker fails over from a live source that delivers too little.',
  ),
  minBitrateBytesPerSecond: setting(
    'MIN_BITRATE_THRESHOLD',
    integer(1),
    '62500',
    'Bytes per second below which a live source delivers too little.',
  ),
  bitrateCheckIntervalMs: setting(
    'BITRATE_CHECK_INTERVAL',
    seconds(0.1, 3600),
    '5',
    'Seconds that each bitrate measurement takes.',
  ),
  bitrateFailoverThreshold: setting(
    'BITRATE_FAILOVER_THRESHOLD',
    integer(1, 1000),
    '3',
    'Low measurements in a row that cause a failover.',
  ),
  bitrateGraceMs: setting(
    'BITRATE_MONITORING_GRACE_PERIOD',
    seconds(0, 3600),
    '10',
    'Seconds from opening a source to its first measurement.',
  ),
  slowDetection: setting(
    'SLOW_DETECTION',
    flag,
    'true',
    'Whether a stream leaves a live source that sends less than a second of media in a second, if it has another one.',
  ),
};

/** A stream that is created can ask for other values. */
const levels = {
  silenceDetection: setting(
    'ENABLE_SILENCE_DETECTION',
    flag,
    'false',
    'Whether a stream leaves a source that has fallen silent, if it has another one. A stream can ask for it by itself, and for other values of the next five.',
  ),
  silenceThresholdDb: setting(
    'SILENCE_THRESHOLD_DB',
    decimal(-90, 0),
    '-50',
    'Sound whose peaks are below this is silence, in dB of full scale.',
  ),
  silenceDurationMs: setting(
    'SILENCE_DURATION',
    seconds(0.1, 3600),
    '3',
    'Seconds without sound at the end of a check that make it a silent one.',
  ),
  silenceCheckIntervalMs: setting(
    'SILENCE_CHECK_INTERVAL',
    seconds(0.5, 3600),
    '10',
    'Seconds of sound from one check to the next.',
  ),
  silenceFailoverThreshold: setting(
    'SILENCE_FAILOVER_THRESHOLD',
    integer(1, 1000),
    '3',
    'Silent checks in a row that cause a failover.',
  ),
  silenceGraceMs: setting(
    'SILENCE_MONITORING_GRACE_PERIOD',
    seconds(0, 3600),
    '15',
    'Seconds of sound of a source before its first check begins.',
  ),
  blackDetection: setting(
    'BLACK_DETECTION',
    flag,
    'false',
    'Whether a stream leaves a source that has shown black pictures for 30 s, if it has another one.',
  ),
  freezeDetection: setting(
    'FREEZE_DETECTION',
    flag,
    'false',
    'Whether a stream leaves a source that has shown the same picture for 60 s, if it has another one.',
  ),
};

const recordings = {
  recordings: setting(
    'RECORDINGS',
    text(
      'an absolute path, or s3://bucket/prefix',
      /^(?:\/[^\0]*|s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[\w./-]*)?)$/,
    ),
    (env) => env.DVR_RECORDING_DIR || '/var/lib/streampool/recordings',
    'Where recordings are kept: a folder, which is made when the first recording begins, or `s3://bucket/prefix`. The windows of network channels need no disk.',
    '`DVR_RECORDING_DIR`, else `/var/lib/streampool/recordings`',
  ),
  recordingsShared: setting(
    'RECORDINGS_SHARED',
    flag,
    'false',
    'Whether all workers have the same folder in `RECORDINGS`; of a bucket they always do. Then another worker goes on with a recording, and every worker serves it.',
  ),
  recordingsMax: setting(
    'RECORDINGS_MAX',
    integer(0),
    '0',
    'How many recordings there may be; 0: no limit. The oldest that has ended is removed first, and none that runs.',
  ),
  recordingsMaxBytes: setting(
    'RECORDINGS_MAX_BYTES',
    bytes(0),
    '0',
    'What all recordings may take; 0: no limit. The oldest that has ended is removed first, and none that runs.',
  ),
  recordingsMaxAgeMs: setting(
    'RECORDINGS_MAX_AGE',
    seconds(0, 10 * 365 * DAY_S),
    '0',
    'Seconds for which a recording is kept after its end; 0: for ever.',
  ),
};

const pages = {
  streamlinkEnabled: setting(
    'STREAMLINK_ENABLED',
    flag,
    'true',
    'Whether callers may let streamlink find the media of a web page. It is used only where it is installed.',
  ),
  streamlinkPath: setting('STREAMLINK_PATH', text('a path', PRINTABLE), 'streamlink', 'The streamlink to run.'),
  ytdlpEnabled: setting(
    'YTDLP_ENABLED',
    flag,
    'true',
    'Whether callers may let yt-dlp find the media of a web page. It is used only where it is installed.',
  ),
  ytdlpPath: setting('YTDLP_PATH', text('a path', PRINTABLE), 'yt-dlp', 'The yt-dlp to run.'),
  cookiesDir: optional(
    'COOKIES_DIR',
    text('an absolute path', /^\/[\x20-\x7e]*$/),
    'Folder of cookies files that callers may name for streamlink and yt-dlp. Nothing outside it is read.',
    'none: callers name no file',
  ),
};

const limits = {
  maxProcesses: setting('MAX_PROCESSES', integer(0), '100', 'FFmpeg processes of this worker; 0: no limit.'),
  maxCpuPercent: setting(
    'MAX_CPU',
    integer(0, 100),
    '85',
    'CPU percent of the machine above which new processes go to less busy workers. 0 disables this.',
  ),
  maxClients: setting('MAX_CLIENTS', integer(0), '10000', 'Viewers of this worker; 0: no limit.'),
  maxStreams: setting(
    'MAX_STREAMS',
    integer(0),
    '5000',
    'Streams that can exist at a time. A new one replaces the one that has been idle longest. A definition takes up to 32 KB in Redis and in each worker. 0: no limit.',
  ),
  maxBodyBytes: setting('MAX_BODY_BYTES', bytes(1024), '1M', 'Largest request body.'),
  apiRateLimit: setting(
    'API_RATE_LIMIT',
    integer(0),
    '1200',
    'Management requests per minute from one IPv4 address or one IPv6 /64 network. Requests with the right token are not limited. Playback requests count only when they carry a token or `url=`. 0: no limit.',
  ),
  eventsKeepMs: setting(
    'EVENTS_KEEP',
    seconds(1, 365 * DAY_S),
    '86400',
    'Seconds for which `/events` keeps what has happened. At most 10,000 events of viewers and 10,000 others are kept.',
  ),
  memoryLimitBytes: setting(
    'MEMORY_LIMIT',
    bytes(64 * 1024 ** 2),
    availableMemory,
    'Memory that the worker may use. The media of all feeds takes at most 40 % of it.',
    'the memory of the container or machine',
  ),
};

const cluster = {
  workerId: setting(
    'WORKER_ID',
    text('1 to 64 letters, digits, dots, dashes and underscores', NAME),
    () => `worker-${randomBytes(4).toString('hex')}`,
    'Name of this worker. Every worker needs a different one.',
    'generated',
  ),
  heartbeatIntervalMs: setting(
    'HEARTBEAT_INTERVAL',
    seconds(1, 3600),
    '30',
    "Seconds between updates of the worker's record while its numbers do not change.",
  ),
  cleanupIntervalMs: setting(
    'CLEANUP_INTERVAL',
    seconds(1, DAY_S),
    '60',
    'Seconds between cleanups of expired streams, sessions and stale processes.',
  ),
  redisEnabled: setting(
    'REDIS_ENABLED',
    flag,
    'false',
    'Whether workers share their state through Redis; `false` keeps it in this process.',
  ),
  redisHost: setting('REDIS_HOST', host, 'localhost', 'Host of Redis.'),
  redisPort: setting('REDIS_SERVER_PORT', integer(1, 65_535), '6379', 'Port of Redis.'),
  redisDb: setting('REDIS_DB', integer(0, 65_535), '0', 'Number of the database in Redis.'),
  redisPassword: optional('REDIS_PASSWORD', secret('printable ASCII', PRINTABLE), 'Password of Redis.', 'none'),
  redisTls: setting('REDIS_TLS', flag, 'false', 'Whether workers connect to Redis over TLS.'),
  redisUrl: optional(
    'REDIS_URL',
    secret('a redis:// or rediss:// URL', /^rediss?:\/\/\S+$/),
    'All of the above in one URL, `redis://:password@host:6379/0`. It overrides them.',
    'none',
  ),
  relayPort: setting(
    'RELAY_PORT',
    integer(0, 65_535),
    nextThousand,
    'Port on which other workers fetch feeds. Do not expose it to the internet.',
    '`PORT` + 1000',
  ),
  workerAddress: optional(
    'WORKER_ADDRESS',
    host,
    'Host name or address at which other workers reach this one.',
    'on ECS the address of the task, else the local address of the connection to Redis',
  ),
  clusterSecret: optional(
    'CLUSTER_SECRET',
    secret('at least 16 printable characters', SHARED_SECRET),
    'Secret with which workers authenticate to each other.',
    'generated once and kept in Redis',
  ),
};

/** The groups, for docs/settings.md. */
export const SETTING_GROUPS = {
  Server: server,
  'Shared streams': pooling,
  Viewers: clients,
  Sources: sources,
  'Sound and pictures': levels,
  Recordings: recordings,
  'Web pages': pages,
  Limits: limits,
  'Workers and Redis': cluster,
} as const;

export const SETTINGS = {
  ...server,
  ...pooling,
  ...clients,
  ...sources,
  ...levels,
  ...recordings,
  ...pages,
  ...limits,
  ...cluster,
} as const;

/** The environment variables that a worker reads. Code that starts workers uses this type, so it cannot set others. */
export type SettingName = (typeof SETTINGS)[keyof typeof SETTINGS]['env'];
