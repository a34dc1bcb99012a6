/**
 * What each program of the admin API reads from its environment. The types are shared, so the stack that sets these names and
 * the code that reads them cannot disagree.
 *
 * @example const environment: FrontEnvironment = { ADMIN_REGISTRY_FUNCTION: registry.functionName, … }; // in infra
 */

import { SETTINGS } from '../../proxy/src/config/settings.ts';
import { host, integer, secret, text } from '../../shared/settings/kinds.ts';
import { readSettings, type SettingsTable, type ValuesOf } from '../../shared/settings/read-settings.ts';
import { type Environment, optional, setting } from '../../shared/settings/setting.ts';

const {
  logLevel,
  metricsStage,
  redisHost,
  redisPort,
  redisDb,
  redisPassword,
  redisTls,
  redisUrl,
  streamIdleTtlMs,
  sharedStreamGraceMs,
} = SETTINGS;

/** The same settings for Redis as the workers have. */
const redis = {
  redisHost,
  redisPort,
  redisDb,
  redisPassword,
  redisTls,
  redisUrl,
  streamIdleTtlMs,
  sharedStreamGraceMs,
};

const WORD = /^\S+$/;
const arn = text('the ARN of a secret', /^arn:\S+$/);

const answers = {
  ecsCluster: optional('ADMIN_ECS_CLUSTER', text('a name or an ARN', WORD), 'Cluster whose tasks are workers.', 'none'),
  ecsService: optional('ADMIN_ECS_SERVICE', text('a name or an ARN', WORD), 'Its service.', 'none'),
  egressUsdPerGb: optional(
    'ADMIN_EGRESS_USD_PER_GB',
    text('a price such as 0.09', /^\d+(\.\d+)?$/),
    'One price for every GB to viewers, in USD.',
    'the public tiers of us-east-1',
  ),
};

const FRONT = {
  logLevel,
  metricsStage,
  ...answers,
  registryFunction: setting(
    'ADMIN_REGISTRY_FUNCTION',
    text('the name or ARN of the function made of registry-lambda.ts', WORD),
    '',
    'The function that reaches Redis.',
  ),
  redisSecretArn: optional('ADMIN_REDIS_SECRET_ARN', arn, "The secret whose string is Redis's password.", 'none'),
};

const REGISTRY = { logLevel, ...redis };

const AUTHORIZER = {
  logLevel,
  tokenSecretArn: setting(
    'ADMIN_TOKEN_SECRET_ARN',
    arn,
    '',
    'The secret whose string is the token, or JSON of name → token.',
  ),
};

const LOCAL = {
  logLevel,
  ...answers,
  ...redis,
  host: setting('HOST', host, '0.0.0.0', 'Address the admin API listens on.'),
  port: setting('PORT', integer(0, 65_535), '8090', 'Port the admin API listens on; 0 picks a free one.'),
  token: setting(
    'ADMIN_TOKEN',
    secret('the token of the admin API, or JSON of name → token', /\S/),
    '',
    'The token, or JSON of name → token.',
  ),
};

export type FrontSettings = ValuesOf<typeof FRONT>;
export type AnswerSettings = ValuesOf<typeof answers>;
export type RegistrySettings = ValuesOf<typeof REGISTRY>;
export type AuthorizerSettings = ValuesOf<typeof AUTHORIZER>;
export type LocalSettings = ValuesOf<typeof LOCAL>;

type NameIn<Table extends SettingsTable> = Table[keyof Table]['env'];
type Names<Table extends SettingsTable, Required extends NameIn<Table>> = { [Name in Required]: string } & {
  [Name in Exclude<NameIn<Table>, Required>]?: string;
};

/** What the stack sets for lambda.ts. */
export type FrontEnvironment = Names<
  typeof FRONT,
  'ADMIN_REGISTRY_FUNCTION' | 'ADMIN_REDIS_SECRET_ARN' | 'ADMIN_ECS_CLUSTER' | 'ADMIN_ECS_SERVICE' | 'METRICS_STAGE'
>;
/** What the stack sets for registry-lambda.ts; each call passes Redis's password instead. */
export type RegistryEnvironment = Names<typeof REGISTRY, 'REDIS_HOST' | 'REDIS_SERVER_PORT' | 'REDIS_TLS'>;
/** What the stack sets for authorizer.ts. */
export type AuthorizerEnvironment = Names<typeof AUTHORIZER, 'ADMIN_TOKEN_SECRET_ARN'>;

/** Each throws a ConfigError that names every missing or wrong variable. */
export const readFront = (env: Environment): FrontSettings => readSettings(FRONT, env);
export const readRegistry = (env: Environment): RegistrySettings => readSettings(REGISTRY, env);
export const readAuthorizer = (env: Environment): AuthorizerSettings => readSettings(AUTHORIZER, env);
export const readLocal = (env: Environment): LocalSettings => readSettings(LOCAL, env);
