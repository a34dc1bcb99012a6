/** Every setting: its default, a value that is taken and what it becomes, a value that is refused and how. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type Config,
  ConfigError,
  ignoredSettings,
  loadConfig,
  secretsIn,
  settingsTable,
} from '../../../services/proxy/src/config/config.ts';
import { IGNORED_SETTINGS } from '../../../services/proxy/src/config/ignored.ts';
import { SETTINGS } from '../../../services/proxy/src/config/settings.ts';
import type { Setting } from '../../../services/shared/settings/setting.ts';

interface Case {
  /** What the setting is when nothing is set; a function where it depends on the machine. */
  unset: unknown;
  good: [text: string, value: unknown][];
  bad: string[];
}

const toggle = (unset: boolean): Case => ({ unset, good: [[unset ? 'No' : 'TRUE', !unset]], bad: ['maybe', '2'] });
const count = (unset: number): Case => ({ unset, good: [['7', 7]], bad: ['-1', '1.5', 'many'] });
const time = (unset: number): Case => ({ unset, good: [['2.5', 2500]], bad: ['-1', '5s', 'never', '1e3'] });
const size = (unset: unknown): Case => ({
  unset,
  good: [
    ['100000000', 100_000_000],
    ['64MiB', 64 * 1024 ** 2],
    ['1.5g', 1.5 * 1024 ** 3],
  ],
  bad: ['-1', '1', '48X'],
});

const CASES: Record<keyof Config, Case> = {
  host: { unset: '0.0.0.0', good: [['::1', '::1']], bad: ['http://a', 'a b'] },
  port: { unset: 8085, good: [['0', 0]], bad: ['-1', '65536', '80a', '0x50'] },
  rootPath: {
    unset: '/m3u-proxy',
    good: [
      ['/', ''],
      ['/a/b/', '/a/b'],
    ],
    bad: ['a', '//a', '/a?b'],
  },
  logAnonymize: toggle(false),
  logFormat: {
    unset: 'auto',
    good: [
      ['JSON', 'json'],
      ['text', 'text'],
    ],
    bad: ['pretty', 'yes'],
  },
  logLevel: {
    unset: 'info',
    good: [
      ['WARNING', 'warn'],
      ['Critical', 'fatal'],
      ['error', 'error'],
    ],
    bad: ['loud'],
  },
  metricsStage: { unset: undefined, good: [['prod', 'prod']], bad: ['a b', 'a/b'] },
  metricsPerStream: { unset: true, good: [['false', false]], bad: ['some'] },
  apiToken: { unset: undefined, good: [['t0ken', 't0ken']], bad: ['with space', 'line\nbreak'] },
  playbackAuth: { unset: 'open', good: [['OPEN', 'open']], bad: ['closed', 'true'] },
  playbackUrlTtlMs: { ...time(86_400_000), bad: ['0', '1h', '31536001'] },
  playbackSecret: { unset: undefined, good: [['0123456789abcdef', '0123456789abcdef']], bad: ['short'] },
  corsOrigins: {
    unset: [],
    good: [
      ['https://editor.example, http://nas:36400', ['https://editor.example', 'http://nas:36400']],
      ['http://[fd00::1]:8080,capacitor://localhost', ['http://[fd00::1]:8080', 'capacitor://localhost']],
    ],
    bad: [
      ...[
        '*',
        'null',
        ',',
        'editor.example',
        'https://editor.example/',
        'https://editor.example/app',
        'https://*.a.example',
      ],
      ...[
        'https://Editor.example',
        'https://editor.example:443',
        'http://u:p@nas',
        'https://a.example https://b.example',
      ],
    ],
  },
  console: toggle(true),
  trustProxy: {
    unset: ['loopback'],
    good: [
      ['true', true],
      ['false', false],
      ['uniquelocal, 203.0.113.7,2001:db8::/32', ['uniquelocal', '203.0.113.7/32', '2001:db8::/32']],
    ],
    bad: ['everyone', '10.0.0.0/33', '10.0/8'],
  },
  keepAliveTimeoutMs: time(72_000),
  drainTimeoutMs: time(110_000),
  deployDrainMs: time(600_000),
  poolingEnabled: toggle(true),
  sharingStrategy: {
    unset: 'url_profile',
    good: [
      ['URL_ONLY', 'url_only'],
      ['disabled', 'disabled'],
    ],
    bad: ['url'],
  },
  maxClientsPerSharedStream: count(10),
  sharedStreamGraceMs: time(3000),
  streamTimeoutMs: time(15_000),
  streamIdleTtlMs: time(86_400_000),
  joinBufferMs: time(2000),
  ringMaxBytes: size(48 * 1024 ** 2),
  hlsCacheBytes: size(64 * 1024 ** 2),
  hlsSegmentTimeMs: { ...time(2_000), bad: ['0', '0.5', '11', '2s'] },
  hlsWaitMs: { ...time(10_000), bad: ['0', '121', '2s'] },
  hlsListSize: { unset: 15, good: [['30', 30]], bad: ['2', '1001', '1.5'] },
  recordings: {
    unset: '/var/lib/streampool/recordings',
    good: [['/recordings', '/recordings']],
    bad: ['recordings', 'C:\\recordings'],
  },
  recordingsShared: toggle(false),
  recordingsMax: count(0),
  recordingsMaxBytes: { ...size(0), bad: ['-1', '48X'] },
  recordingsMaxAgeMs: time(0),
  hlsPartTimeMs: {
    unset: 330,
    good: [
      ['0', 0],
      ['0.5', 500],
    ],
    bad: ['-1', '1.5', 'x'],
  },
  hlsStartSegments: { unset: 2, good: [['3', 3]], bad: ['0', '11', 'two'] },
  preferredAudioLanguages: { unset: [], good: [['de, ENG,fre', ['deu', 'eng', 'fra']]], bad: ['german', 'xx,de'] },
  ffmpegPath: { unset: 'ffmpeg', good: [['/opt/ffmpeg', '/opt/ffmpeg']], bad: ['a\nb'] },
  streamlinkEnabled: toggle(true),
  streamlinkPath: { unset: 'streamlink', good: [['/opt/s', '/opt/s']], bad: ['a\nb'] },
  ytdlpEnabled: toggle(true),
  ytdlpPath: { unset: 'yt-dlp', good: [['/opt/y', '/opt/y']], bad: ['a\nb'] },
  cookiesDir: { unset: undefined, good: [['/srv/cookies', '/srv/cookies']], bad: ['cookies', '../x', '/a\nb'] },
  hwAccelType: { unset: 'cpu', good: [['NVIDIA', 'nvidia']], bad: ['gpu'] },
  hwAccelDevice: {
    unset: '/dev/dri/renderD128',
    good: [['/dev/dri/renderD129', '/dev/dri/renderD129']],
    bad: ['D128'],
  },
  clientStallTimeoutMs: time(60_000),
  clientTimeoutMs: time(10_000),
  defaultUserAgent: { unset: expect.stringContaining('Chrome/115'), good: [['VLC/3', 'VLC/3']], bad: ['a\r\nb'] },
  useStickySession: {
    unset: undefined,
    good: [
      ['true', true],
      ['0', false],
    ],
    bad: ['perhaps'],
  },
  shareDirectStreams: toggle(false),
  sourceMaxConnections: count(0),
  allowPrivateSources: {
    unset: { lan: true, loopback: false, ranges: [], hosts: [] },
    good: [
      ['true', { lan: true, loopback: true, ranges: [], hosts: [] }],
      ['false', { lan: false, loopback: false, ranges: [], hosts: [] }],
      [
        'lan, 127.0.0.1, 10.1.0.0/16, fd00::1, Tuner.Local.',
        { lan: true, loopback: false, ranges: ['127.0.0.1/32', '10.1.0.0/16', 'fd00::1/128'], hosts: ['tuner.local'] },
      ],
    ],
    bad: ['10.0.0/8', '10.0.0.0/33', '300.1.1.1', 'a b', ','],
  },
  connectTimeoutMs: time(10_000),
  readTimeoutMs: time(30_000),
  liveChunkTimeoutMs: time(15_000),
  vodReadTimeoutMs: time(60_000),
  retryAttempts: count(3),
  retryDelayMs: time(1000),
  retryExponentialBackoff: toggle(false),
  streamTotalTimeoutMs: time(30_000),
  maxFailoverAttempts: count(0),
  bitrateMonitoring: toggle(false),
  minBitrateBytesPerSecond: count(62_500),
  bitrateCheckIntervalMs: time(5000),
  bitrateFailoverThreshold: count(3),
  bitrateGraceMs: time(10_000),
  slowDetection: toggle(true),
  silenceDetection: toggle(false),
  silenceThresholdDb: {
    unset: -50,
    good: [
      ['-42.5', -42.5],
      ['0', 0],
    ],
    bad: ['-91', '1', '1e1', 'quiet'],
  },
  silenceDurationMs: time(3_000),
  silenceCheckIntervalMs: time(10_000),
  silenceFailoverThreshold: count(3),
  silenceGraceMs: time(15_000),
  blackDetection: toggle(false),
  freezeDetection: toggle(false),
  maxProcesses: count(100),
  maxCpuPercent: {
    unset: 85,
    good: [
      ['0', 0],
      ['100', 100],
    ],
    bad: ['-1', '101', 'x'],
  },
  maxClients: count(10_000),
  maxStreams: count(5_000),
  maxBodyBytes: size(1024 ** 2),
  apiRateLimit: count(1200),
  eventsKeepMs: time(86_400_000),
  memoryLimitBytes: size(expect.any(Number)),
  workerId: {
    unset: expect.stringMatching(/^worker-[0-9a-f]{8}$/),
    good: [['worker-1', 'worker-1']],
    bad: ['a b', 'a/b'],
  },
  heartbeatIntervalMs: time(30_000),
  cleanupIntervalMs: time(60_000),
  redisEnabled: {
    unset: false,
    good: [
      ['off', false],
      ['true', true],
    ],
    bad: ['redis'],
  },
  redisHost: { unset: 'localhost', good: [['redis', 'redis']], bad: ['redis:6379/x'] },
  redisPort: { unset: 6379, good: [['6380', 6380]], bad: ['0', 'x'] },
  redisDb: { unset: 0, good: [['6', 6]], bad: ['-1', 'six'] },
  redisTls: { unset: false, good: [['true', true]], bad: ['tls'] },
  redisUrl: { unset: undefined, good: [['rediss://h:1/2', 'rediss://h:1/2']], bad: ['http://h'] },
  relayPort: {
    unset: 9085,
    good: [
      ['9999', 9999],
      ['0', 0],
    ],
    bad: ['x'],
  },
  workerAddress: { unset: undefined, good: [['10.0.0.5', '10.0.0.5']], bad: ['a b'] },
  clusterSecret: { unset: undefined, good: [['0123456789abcdef', '0123456789abcdef']], bad: ['short'] },
  redisPassword: { unset: undefined, good: [['p@ss', 'p@ss']], bad: ['p\tss'] },
};

const settings = Object.entries<Setting<unknown>>(SETTINGS).map(([key, setting]) => ({
  key: key as keyof Config,
  ...setting,
}));

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe.each(settings)('$env', ({ key, env, kind }) => {
  const { unset, good, bad } = CASES[key];

  it('has its default when unset or empty', () => {
    expect(loadConfig({})[key]).toEqual(unset);
    expect(loadConfig({ [env]: '  ' })[key]).toEqual(unset);
  });

  it.each(good)('takes %j', (text, value) => {
    expect(loadConfig({ [env]: text })[key]).toEqual(value);
    expect(loadConfig({ [env.toLowerCase()]: text })[key]).toEqual(value);
  });

  it.each(bad)('refuses %j with its name, the value and what is allowed', (text) => {
    const shown = kind.secret ? '(hidden)' : JSON.stringify(text);
    expect(problemsOf({ [env]: text })).toEqual([`${env}=${shown}: must be ${kind.allowed}.`]);
  });
});

describe('loadConfig', () => {
  it('names every wrong setting at once, and never shows a secret', () => {
    const env = { PORT: 'x', api_token: 'my secret', REDIS_PASSWORD: 'a\tb' };
    expect(() => loadConfig(env)).toThrow(
      [
        'Streampool did not start because of 3 settings:',
        '  PORT="x": must be a whole number from 0 to 65535.',
        '  API_TOKEN=(hidden): must be printable ASCII without spaces.',
        '  REDIS_PASSWORD=(hidden): must be printable ASCII.',
      ].join('\n'),
    );
  });

  it.each(['KEYFRAME_INTERVAL', 'keyframe_interval'])('refuses %s with the name of what took its place', (name) => {
    expect(problemsOf({ [name]: '2' })).toEqual([
      'KEYFRAME_INTERVAL: is no setting any more. Set HLS_SEGMENT_TIME in its place.',
    ]);
    expect(problemsOf({ [name]: '' })).toEqual([]);
  });

  it('signs playback URLs only where a token says who may have them', () => {
    expect(problemsOf({ PLAYBACK_AUTH: 'signed' })).toEqual([
      'PLAYBACK_AUTH=signed: needs API_TOKEN. Without it anybody could create streams and get signed URLs.',
    ]);
    expect(loadConfig({ PLAYBACK_AUTH: 'signed', API_TOKEN: 't0ken' }).playbackAuth).toBe('signed');
  });

  it('prefers the upper-case name, as the documentation spells it', () => {
    expect(loadConfig({ port: '1', PORT: '2' }).port).toBe(2);
    expect(loadConfig({ PORT: '2', port: '1' }).port).toBe(2);
    expect(loadConfig({ PORT: '', port: '1' }).port).toBe(1);
  });

  it('allows the LAN as a source at home, and not the VPC on ECS', () => {
    const onEcs = { ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4/x' };
    expect(loadConfig(onEcs).allowPrivateSources.lan).toBe(false);
    expect(loadConfig({ ...onEcs, ALLOW_PRIVATE_SOURCES: 'lan' }).allowPrivateSources.lan).toBe(true);
  });

  it('draws another WORKER_ID each time', () => {
    expect(loadConfig({}).workerId).not.toBe(loadConfig({}).workerId);
  });

  it('takes no more memory than the machine has', () => {
    expect(loadConfig({}).memoryLimitBytes).toBeGreaterThan(64 * 1024 ** 2);
    expect(loadConfig({}).memoryLimitBytes).toBeLessThan(2 ** 50);
  });
});

describe('secretsIn', () => {
  it('has every secret, and the password of a URL, and no word of a log', () => {
    const redisUrl = 'redis://default:p%40ss@redis:6379';
    const config = loadConfig({ API_TOKEN: 't0ken', PLAYBACK_SECRET: '0123456789abcdef', REDIS_URL: redisUrl });
    expect(secretsIn(config)).toEqual(['t0ken', '0123456789abcdef', redisUrl, 'p%40ss', 'p@ss']);
  });
});

describe('ignoredSettings', () => {
  it('says of each setting that has no effect why', () => {
    expect(ignoredSettings({ temp_dir: '/tmp', PORT: '1', HLS_GC_ENABLED: '' })).toEqual([
      'TEMP_DIR has no effect: the worker writes no files.',
    ]);
  });

  it("starts with what m3u-editor's compose file gives to m3u-proxy, and says what of it does nothing", () => {
    const given = {
      API_TOKEN: 'changeme',
      PORT: '38085',
      REDIS_ENABLED: 'true',
      REDIS_PORT: '6379',
      REDIS_HOST: 'redis',
      REDIS_PASSWORD: 'changeme',
      REDIS_DB: '6',
      ENABLE_REDIS_POOLING: 'true',
      LOG_LEVEL: 'INFO',
      HLS_TEMP_DIR: '/var/www/html/storage/app/hls-segments',
      HLS_GC_ENABLED: 'true',
      HLS_GC_INTERVAL: '600',
      HLS_GC_AGE_THRESHOLD: '7200',
      HLS_BROADCAST_DIR: '/dev/shm',
      BROADCAST_GC_ENABLED: 'true',
      REDIS_POOL_MAX_CONNECTIONS: '50',
      STREAM_TIMEOUT: '300',
      CLEANUP_INTERVAL: '60',
    };
    expect(loadConfig(given)).toMatchObject({ port: 38_085, redisDb: 6, logLevel: 'info', apiToken: 'changeme' });
    const known = settings.map(({ env }) => env);
    const said = ignoredSettings(given).map((line) => line.split(' ')[0]);
    expect(said.toSorted()).toEqual(
      Object.keys(given)
        .filter((name) => !known.includes(name))
        .toSorted(),
    );
  });

  it('ignores no setting that exists', () => {
    const names = settings.map(({ env }) => env);
    expect(Object.keys(IGNORED_SETTINGS).filter((name) => names.includes(name))).toEqual([]);
  });
});

describe('docs/settings.md', () => {
  it('has the table of the settings as the code has them (`npm run docs` writes it)', () => {
    const page = readFileSync(new URL('../../../docs/settings.md', import.meta.url), 'utf8');
    const section = /<!-- settings -->([\s\S]*?)<!-- \/settings -->/.exec(page)?.[1];
    expect(section?.trim()).toBe(settingsTable());
  });
});
