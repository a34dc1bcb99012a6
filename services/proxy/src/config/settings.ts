/** The table of every setting, in the order and the groups in which people read it. */
import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import {
  bytes,
  flag,
  host,
  integer,
  languages,
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
/** For longer nobody hands out a URL that expires. */
export const MAX_PLAYBACK_URL_TTL_S = 365 * DAY_S;
/** A name that is safe in a Redis key, a log line and a file name. */
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const PRINTABLE = /^[\x20-\x7e]+$/;
/** Long enough that nobody guesses it. */
const SHARED_SECRET = /^[\x20-\x7e]{16,}$/;

/** The memory this process may use: the container's limit where there is one, else the machine's. */
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
  rootPath: setting(
    'ROOT_PATH',
    pathPrefix,
    '/m3u-proxy',
    'Prefix under which every route is served as well as under `/`.',
  ),
  logLevel: setting('LOG_LEVEL', logLevel, 'info', 'Least severe message that is logged, as JSON lines on stdout.'),
  apiToken: optional(
    'API_TOKEN',
    // It travels in a header and in URLs.
    secret('printable ASCII without spaces', /^[\x21-\x7e]+$/),
    'Token that the management API asks for, as header `X-API-Token` or query `api_token`. Without it only programs on the machine of the worker may create a stream by `GET /stream/…?url=`; a proxy there that adds no `X-Forwarded-For` makes everybody one of them.',
    'none: the API is open',
  ),
  playbackAuth: setting(
    'PLAYBACK_AUTH',
    oneOf('open', 'signed'),
    'open',
    'Who may play a stream: whoever knows its id, or only who has a signed URL from the API, or the API token.',
  ),
  playbackUrlTtlMs: setting(
    'PLAYBACK_URL_TTL',
    seconds(1, MAX_PLAYBACK_URL_TTL_S),
    '86400',
    'Seconds for which playback may be started, or taken up again, with a signed URL; what plays then goes on.',
  ),
  playbackSecret: optional(
    'PLAYBACK_SECRET',
    secret('at least 16 printable characters', SHARED_SECRET),
    'What playback URLs are signed with; the same on all workers.',
    'made once and kept in Redis; without Redis made at each start',
  ),
  corsOrigins: setting(
    'CORS_ORIGINS',
    origins,
    '',
    'Origins whose web pages may call the management API, such as `https://editor.example`; every page may play.',
    'none',
  ),
  trustProxy: setting(
    'TRUST_PROXY',
    trustProxy,
    'loopback',
    'Proxies in front of the worker whose `X-Forwarded-For` names the viewer; `uniquelocal` means private ranges. For limits the last entry counts, or the last one that is not named here by its address.',
  ),
  keepAliveTimeoutMs: setting(
    'KEEP_ALIVE_TIMEOUT',
    seconds(1, 3700),
    '72',
    'Seconds that a connection may wait for its next request; more than the idle timeout of a load balancer in front.',
  ),
  drainTimeoutMs: setting(
    'DRAIN_TIMEOUT',
    seconds(0, DAY_S),
    '110',
    'Seconds that viewers may go on watching after SIGTERM before they are closed.',
  ),
  deployDrainMs: setting(
    'DEPLOY_DRAIN',
    seconds(0, DAY_S),
    '600',
    'Seconds that a worker of an older revision keeps its ECS task for the viewers it still has.',
  ),
};

const pooling = {
  poolingEnabled: setting(
    'ENABLE_TRANSCODING_POOLING',
    flag,
    'true',
    'Whether viewers of a transcoded stream share a process; `false` gives each an FFmpeg of its own.',
  ),
  sharingStrategy: setting(
    'STREAM_SHARING_STRATEGY',
    oneOf('url_profile', 'url_only', 'disabled'),
    'url_profile',
    'What viewers who share a process have in common: URL and profile, or the URL alone; `disabled`: they never share.',
  ),
  maxClientsPerSharedStream: setting(
    'MAX_CLIENTS_PER_SHARED_STREAM',
    integer(0),
    '10',
    'Viewers of one process; the next one opens another. 0: no cap.',
  ),
  sharedStreamGraceMs: setting(
    'SHARED_STREAM_GRACE',
    seconds(0, DAY_S),
    '3',
    'Seconds that a process without viewers keeps running for the next one.',
  ),
  streamTimeoutMs: setting(
    'STREAM_TIMEOUT',
    seconds(1, 3600),
    '15',
    'Seconds without output after which an FFmpeg counts as hung and is replaced.',
  ),
  streamIdleTtlMs: setting(
    'STREAM_IDLE_TTL',
    seconds(1, 365 * DAY_S),
    '86400',
    'Seconds after which a stream that nobody watches is forgotten.',
  ),
  joinBufferMs: setting(
    'JOIN_BUFFER',
    seconds(0, 60),
    '2',
    'Seconds of media that a joining viewer gets at once, so that its player starts and has a cushion.',
  ),
  ringMaxBytes: setting('RING_MAX_BYTES', bytes(1024 ** 2), '48M', 'Most memory that the media of one feed may take.'),
  keyframeIntervalMs: setting(
    'KEYFRAME_INTERVAL',
    seconds(0, 60),
    '0',
    'Seconds between keyframes that FFmpeg adds to those of the source, for sources that have few; 0: none.',
  ),
  preferredAudioLanguages: setting(
    'PREFERRED_AUDIO_LANGUAGES',
    languages,
    '',
    'Languages of sound in the order in which a transcode prefers them, such as `deu,eng`; none: the first main track that sends.',
    'none',
  ),
  ffmpegPath: setting('FFMPEG_PATH', text('a path', PRINTABLE), 'ffmpeg', 'The FFmpeg to run, 5.1 or newer.'),
  hwAccelType: setting(
    'HW_ACCEL_TYPE',
    oneOf('cpu', 'nvidia', 'intel', 'amd', 'vaapi'),
    'cpu',
    'Encoder of the built-in profiles; a hardware one is tried at start, and the CPU used where it does not work.',
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
    'Seconds after which a viewer that takes no byte of a live stream is dropped. A file is held for the viewer without a connection to the provider from then on.',
  ),
  clientTimeoutMs: setting(
    'CLIENT_TIMEOUT',
    seconds(1, DAY_S),
    '10',
    'Seconds that a viewer still counts as connected between two requests of one session (VOD seeks, HLS). A connection that takes nothing for this long ends when the same client has opened another one.',
  ),
};

const sources = {
  defaultUserAgent: setting(
    'DEFAULT_USER_AGENT',
    text('printable ASCII', PRINTABLE),
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/115.0.0.0 Safari/537.36',
    'User-Agent that providers see when a stream names none.',
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
    'Connections to one provider host with the same credentials at a time, over all workers; 0: unlimited.',
  ),
  allowPrivateSources: setting(
    'ALLOW_PRIVATE_SOURCES',
    privateSources,
    lanOutsideEcs,
    'Private addresses that sources may have: `true`, `false`, or a list of CIDR ranges, hosts and `lan`; loopback only when named.',
    '`lan`; on ECS `false`',
  ),
  connectTimeoutMs: setting(
    'DEFAULT_CONNECTION_TIMEOUT',
    seconds(0.1, 600),
    '10',
    'Seconds for name, TCP and TLS of a connection to a provider.',
  ),
  readTimeoutMs: setting(
    'DEFAULT_READ_TIMEOUT',
    seconds(0.1, 3600),
    '30',
    'Seconds that a provider may take from the request to its response headers.',
  ),
  liveChunkTimeoutMs: setting(
    'LIVE_CHUNK_TIMEOUT_SECONDS',
    seconds(0.1, 3600),
    '15',
    'Seconds without a byte after which a live source counts as stalled and is opened again.',
  ),
  vodReadTimeoutMs: setting(
    'VOD_READ_TIMEOUT',
    seconds(0.1, DAY_S),
    '60',
    'Seconds without a byte, while its viewer wants more, after which the transfer of a finite source is resumed.',
  ),
  retryAttempts: setting(
    'STREAM_RETRY_ATTEMPTS',
    integer(0, 1000),
    '3',
    'Further tries of one source URL before its failover URL is used.',
  ),
  retryDelayMs: setting('STREAM_RETRY_DELAY', seconds(0, 600), '1', 'Seconds before such a try.'),
  retryExponentialBackoff: setting(
    'STREAM_RETRY_EXPONENTIAL_BACKOFF',
    flag,
    'false',
    'Whether that delay doubles with each try.',
  ),
  streamTotalTimeoutMs: setting(
    'STREAM_TOTAL_TIMEOUT',
    seconds(0, DAY_S),
    '30',
    'Seconds that one outage may last, over all tries and failovers, before the stream fails; 0: no limit.',
  ),
  maxFailoverAttempts: setting(
    'MAX_FAILOVER_ATTEMPTS',
    integer(0),
    '0',
    'Failovers during one outage; 0: as many as there are failover URLs, or no limit with a resolver.',
  ),
  bitrateMonitoring: setting(
    'ENABLE_BITRATE_MONITORING',
    flag,
    'false',
    'Whether a live source that delivers too little is failed over.',
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
    'Seconds over which each of those measurements is taken.',
  ),
  bitrateFailoverThreshold: setting(
    'BITRATE_FAILOVER_THRESHOLD',
    integer(1, 1000),
    '3',
    'Low measurements in a row that cause the failover.',
  ),
  bitrateGraceMs: setting(
    'BITRATE_MONITORING_GRACE_PERIOD',
    seconds(0, 3600),
    '10',
    'Seconds after a source is opened before it is measured.',
  ),
};

const limits = {
  maxProcesses: setting('MAX_PROCESSES', integer(0), '100', 'FFmpeg processes of this worker; 0: no limit.'),
  maxCpuPercent: setting(
    'MAX_CPU',
    integer(0, 100),
    '85',
    "Percent of the machine's processors in use beyond which a worker leaves new processes to others, where there are some that have more left; 0: never.",
  ),
  maxClients: setting('MAX_CLIENTS', integer(0), '10000', 'Viewers of this worker; 0: no limit.'),
  maxStreams: setting(
    'MAX_STREAMS',
    integer(0),
    '10000',
    'Streams that can exist at a time; the one that has been idle longest gives way to a new one. A definition takes up to 16 KB in Redis and in each worker. 0: no limit.',
  ),
  maxBodyBytes: setting('MAX_BODY_BYTES', bytes(1024), '1M', 'Largest request body.'),
  apiRateLimit: setting(
    'API_RATE_LIMIT',
    integer(0),
    '1200',
    'Management requests per minute from one address, or IPv6 network of 64 bits; 0: no limit. Requests with the right token are not limited, and of playback only those that carry a token or `url=`.',
  ),
  memoryLimitBytes: setting(
    'MEMORY_LIMIT',
    bytes(64 * 1024 ** 2),
    availableMemory,
    'Memory that the worker may count on; the media of all feeds takes at most 40 % of it.',
    'that of the container or machine',
  ),
};

const cluster = {
  workerId: setting(
    'WORKER_ID',
    text('1 to 64 letters, digits, dots, dashes and underscores', NAME),
    () => `worker-${randomBytes(4).toString('hex')}`,
    'Name of this worker, different from every other.',
    'generated',
  ),
  heartbeatIntervalMs: setting(
    'HEARTBEAT_INTERVAL',
    seconds(1, 3600),
    '30',
    "Seconds between updates of the worker's record while none of its numbers changes.",
  ),
  cleanupIntervalMs: setting(
    'CLEANUP_INTERVAL',
    seconds(1, DAY_S),
    '60',
    'Seconds between searches for expired streams, sessions and stale processes.',
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
  redisTls: setting('REDIS_TLS', flag, 'false', 'Whether Redis is spoken to over TLS.'),
  redisUrl: optional(
    'REDIS_URL',
    secret('a redis:// or rediss:// URL', /^rediss?:\/\/\S+$/),
    'All of the above in one URL, `redis://:password@host:6379/0`; it wins over them.',
    'none',
  ),
  relayPort: setting(
    'RELAY_PORT',
    integer(0, 65_535),
    nextThousand,
    'Port on which other workers fetch feeds; not for the world.',
    '`PORT` + 1000',
  ),
  workerAddress: optional(
    'WORKER_ADDRESS',
    host,
    'Host name or address under which other workers reach this one.',
    'on ECS that of the task, else the one that Redis is reached from',
  ),
  clusterSecret: optional(
    'CLUSTER_SECRET',
    secret('at least 16 printable characters', SHARED_SECRET),
    'What workers prove themselves to each other with.',
    'made once and kept in Redis',
  ),
};

/** The groups, for docs/settings.md. */
export const SETTING_GROUPS = {
  Server: server,
  'Shared streams': pooling,
  Viewers: clients,
  Sources: sources,
  Limits: limits,
  'Workers and Redis': cluster,
} as const;

export const SETTINGS = { ...server, ...pooling, ...clients, ...sources, ...limits, ...cluster } as const;

/** The environment variables that a worker reads; whatever starts workers is typed by it, so that it sets no other. */
export type SettingName = (typeof SETTINGS)[keyof typeof SETTINGS]['env'];
