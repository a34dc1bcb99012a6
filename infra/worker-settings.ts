/** The environment that the stack gives a worker, typed by the settings that the worker reads, so that the two cannot drift. */

import type { Secret } from 'aws-cdk-lib/aws-ecs';
import type { SettingName } from '../services/proxy/src/config/settings.ts';

/** The settings that the stack sets; a stage cannot set them again. A name that no worker reads does not compile. */
export const STACK_SETTINGS = [
  'PORT',
  'RELAY_PORT',
  'PLAYBACK_AUTH',
  'TRUST_PROXY',
  'KEEP_ALIVE_TIMEOUT',
  'DRAIN_TIMEOUT',
  'DEPLOY_DRAIN',
  'MAX_CLIENTS_PER_SHARED_STREAM',
  'ALLOW_PRIVATE_SOURCES',
  'MEMORY_LIMIT',
  'METRICS_STAGE',
  'RECORDINGS',
  'RECORDINGS_MAX_AGE',
  'REDIS_ENABLED',
  'REDIS_HOST',
  'REDIS_SERVER_PORT',
  'REDIS_TLS',
] as const satisfies readonly SettingName[];

/** Settings from Secrets Manager; no template and no `describe` answer contains them. */
export const SECRET_SETTINGS = [
  'API_TOKEN',
  'CLUSTER_SECRET',
  'PLAYBACK_SECRET',
  'REDIS_PASSWORD',
] as const satisfies readonly SettingName[];

/** Settings that must differ between workers, or that the platform decides. */
export const WORKER_OWN_SETTINGS = [
  'HOST',
  'WORKER_ID',
  'WORKER_ADDRESS',
  'REDIS_URL',
  'REDIS_DB',
] as const satisfies readonly SettingName[];

export type WorkerEnvironment = Record<(typeof STACK_SETTINGS)[number], string>;
export type WorkerSecrets = Record<(typeof SECRET_SETTINGS)[number], Secret>;
