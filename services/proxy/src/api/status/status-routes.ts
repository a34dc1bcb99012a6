/** What this worker is and how it is configured: /, /health, /info, /transcode/profiles. Never a secret. */

import { z } from 'zod';
import { VERSION } from '../../../../shared/version.ts';
import { openApiWarning } from '../../config/no-token-warning.ts';
import { hardwareInputOptions } from '../../ffmpeg/host/hardware.ts';
import { defaultVariables, listProfiles } from '../../ffmpeg/profiles/profiles.ts';
import type { Services } from '../../worker/services.ts';
import type { Api } from '../http/typed-server.ts';
import { takeClusterSnapshot } from '../views/snapshot.ts';
import { proxyStats, proxyStatsOf, uptimeSeconds } from './stats.ts';

const seconds = z.number();

const info = z.object({
  version: z.string(),
  ffmpeg_version: z.string(),
  streamlink_version: z.string().nullable().describe('null: not installed, or switched off.'),
  ytdlp_version: z.string().nullable().describe('null: not installed, or switched off.'),
  hardware_acceleration: z.object({
    enabled: z.boolean(),
    type: z.string(),
    device: z.string().nullable(),
    ffmpeg_args: z.array(z.string()),
  }),
  ffmpeg_sandbox: z
    .object({
      other_user: z.boolean(),
      files_closed: z.boolean(),
      worker_environment_closed: z.boolean(),
      network_closed: z.boolean(),
      gateway_only: z.boolean(),
      missing: z.array(z.string()).describe('Restrictions that do not work here, and what they need.'),
    })
    .describe('Which restrictions on FFmpeg work on this machine; the worker tries this when it starts.'),
  access: z.object({
    api_token: z.boolean().describe('Whether the management API requires a token.'),
    playback: z.string().describe('Value of PLAYBACK_AUTH.'),
    cors_origins: z.array(z.string()).describe('Origins whose pages may call the management API.'),
    warning: z.string().nullable().describe('What anybody may do because no token is set.'),
  }),
  redis: z.object({
    enabled: z.boolean(),
    pooling_enabled: z.boolean(),
    host: z.string(),
    port: z.int(),
    password: z.string().nullable().describe('*** when a password is set.'),
    db: z.int(),
    max_clients_per_stream: z.int(),
    stream_timeout: seconds,
    sharing_strategy: z.string(),
  }),
  transcoding: z.object({ enabled: z.boolean(), profiles: z.record(z.string(), z.string()) }),
  configuration: z.object({
    default_user_agent: z.string(),
    client_timeout: seconds,
    stream_timeout: seconds,
    cleanup_interval: seconds,
    max_retries: z.int(),
  }),
  worker: z.object({ worker_id: z.string(), heartbeat_interval: seconds, multi_worker_mode: z.boolean() }),
});

export function statusRoutes(app: Api, services: Services): void {
  const { config, hardware, ffmpeg } = services;
  const tags = ['Status'];

  app.get(
    '/',
    {
      schema: {
        tags,
        summary: 'Check that the worker runs; its version and totals.',
        response: {
          200: z.object({
            status: z.string(),
            message: z.string(),
            version: z.string(),
            uptime: z.int(),
            stats: proxyStats,
          }),
        },
      },
    },
    async () => ({
      status: 'running',
      message: 'Streampool is running',
      version: VERSION,
      uptime: uptimeSeconds(services),
      stats: proxyStatsOf(services, await takeClusterSnapshot(services)),
    }),
  );

  app.get(
    '/health',
    {
      schema: {
        tags,
        summary: 'Get health and totals; load balancers use /livez and /readyz.',
        response: {
          200: z.object({
            status: z.string(),
            root_path: z.string(),
            version: z.string(),
            uptime_seconds: z.int(),
            active_streams: z.int(),
            active_clients: z.int(),
            total_bytes_served: z.int(),
            stats: proxyStats,
          }),
        },
      },
    },
    async () => {
      const stats = proxyStatsOf(services, await takeClusterSnapshot(services));
      return {
        status: 'healthy',
        root_path: config.rootPath,
        version: VERSION,
        uptime_seconds: stats.uptime_seconds,
        active_streams: stats.active_streams,
        active_clients: stats.active_clients,
        total_bytes_served: stats.total_bytes_served,
        stats,
      };
    },
  );

  app.get(
    '/info',
    { schema: { tags, summary: 'Get the configuration of the worker, without secrets.', response: { 200: info } } },
    async () => ({
      version: VERSION,
      ffmpeg_version: ffmpeg.version,
      streamlink_version: (await services.pageResolvers.version('streamlink')) ?? null,
      ytdlp_version: (await services.pageResolvers.version('ytdlp')) ?? null,
      hardware_acceleration: {
        enabled: hardware.type !== 'cpu',
        type: hardware.type,
        device: hardware.device === '' ? null : hardware.device,
        ffmpeg_args: hardwareInputOptions(hardware),
      },
      ffmpeg_sandbox: { ...services.sandbox, missing: [...services.sandbox.missing] },
      access: {
        api_token: config.apiToken !== undefined,
        playback: config.playbackAuth,
        cors_origins: [...config.corsOrigins],
        warning: openApiWarning(config) ?? null,
      },
      redis: {
        enabled: config.redisEnabled,
        pooling_enabled: config.poolingEnabled,
        host: config.redisHost,
        port: config.redisPort,
        password: config.redisPassword === undefined ? null : '***',
        db: config.redisDb,
        max_clients_per_stream: config.maxClientsPerSharedStream,
        stream_timeout: config.sharedStreamGraceMs / 1000,
        sharing_strategy: config.sharingStrategy,
      },
      transcoding: {
        enabled: true,
        profiles: Object.fromEntries(listProfiles().map(({ name, description }) => [name, description] as const)),
      },
      configuration: {
        default_user_agent: config.defaultUserAgent,
        client_timeout: config.clientTimeoutMs / 1000,
        stream_timeout: config.streamTimeoutMs / 1000,
        cleanup_interval: config.cleanupIntervalMs / 1000,
        max_retries: config.retryAttempts,
      },
      worker: {
        worker_id: config.workerId,
        heartbeat_interval: config.heartbeatIntervalMs / 1000,
        multi_worker_mode: config.redisEnabled,
      },
    }),
  );

  app.get(
    '/transcode/profiles',
    {
      schema: {
        tags: ['Streams'],
        summary: 'List the built-in profiles and their variables.',
        response: {
          200: z.object({
            profiles: z.array(
              z.object({
                name: z.string(),
                description: z.string(),
                parameters: z.record(z.string(), z.string()),
              }),
            ),
            hardware_acceleration: z.object({ available: z.boolean(), type: z.string() }),
            default_variables: z.record(z.string(), z.string()),
          }),
        },
      },
    },
    async () => ({
      profiles: listProfiles().map((profile) => ({ ...profile, parameters: { ...profile.parameters } })),
      hardware_acceleration: { available: hardware.type !== 'cpu', type: hardware.type },
      default_variables: { ...defaultVariables },
    }),
  );
}
