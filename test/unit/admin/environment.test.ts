/** The environments of the functions: what the stack must set, and what is said when it does not. */
import { describe, expect, it } from 'vitest';
import {
  type AuthorizerEnvironment,
  type FrontEnvironment,
  type RegistryEnvironment,
  readAuthorizer,
  readFront,
  readLocal,
  readRegistry,
} from '../../../services/admin-lambda/src/environment.ts';

const ARN = 'arn:aws:secretsmanager:eu-west-1:1:secret:x';

describe('what the stack sets is what the functions read', () => {
  it('the front', () => {
    const environment: FrontEnvironment = {
      ADMIN_REGISTRY_FUNCTION: 'registry',
      ADMIN_REDIS_SECRET_ARN: ARN,
      ADMIN_ECS_CLUSTER: 'cluster',
      ADMIN_ECS_SERVICE: 'workers',
      ADMIN_EGRESS_USD_PER_GB: '0.07',
      METRICS_STAGE: 'prod',
    };
    expect(readFront(environment)).toMatchObject({
      registryFunction: 'registry',
      redisSecretArn: ARN,
      ecsCluster: 'cluster',
      ecsService: 'workers',
      egressUsdPerGb: '0.07',
      metricsStage: 'prod',
      logLevel: 'info',
    });
  });

  it('the registry', () => {
    const environment: RegistryEnvironment = {
      REDIS_HOST: 'redis.example',
      REDIS_SERVER_PORT: '6380',
      REDIS_TLS: 'true',
      STREAM_IDLE_TTL: '60',
      SHARED_STREAM_GRACE: '5',
    };
    expect(readRegistry(environment)).toMatchObject({
      redisHost: 'redis.example',
      redisPort: 6380,
      redisTls: true,
      streamIdleTtlMs: 60_000,
      sharedStreamGraceMs: 5_000,
    });
  });

  it('the authorizer', () => {
    const environment: AuthorizerEnvironment = { ADMIN_TOKEN_SECRET_ARN: ARN, LOG_LEVEL: 'warning' };
    expect(readAuthorizer(environment)).toEqual({ tokenSecretArn: ARN, logLevel: 'warn' });
  });
});

describe('what is missing or wrong stops the start', () => {
  it.each([
    ['front', () => readFront({}), 'ADMIN_REGISTRY_FUNCTION'],
    ['front', () => readFront({ ADMIN_REGISTRY_FUNCTION: 'f', ADMIN_REDIS_SECRET_ARN: 'redis' }), 'REDIS_SECRET_ARN'],
    ['front', () => readFront({ ADMIN_REGISTRY_FUNCTION: 'f', ADMIN_EGRESS_USD_PER_GB: '-1' }), 'EGRESS_USD_PER_GB'],
    ['registry', () => readRegistry({ REDIS_SERVER_PORT: 'six' }), 'REDIS_SERVER_PORT'],
    ['authorizer', () => readAuthorizer({}), 'ADMIN_TOKEN_SECRET_ARN'],
    ['local', () => readLocal({ ADMIN_TOKEN: ' ' }), 'ADMIN_TOKEN'],
    ['local', () => readLocal({ ADMIN_TOKEN: 'x', PORT: '-1' }), 'PORT'],
    ['local', () => readLocal({ ADMIN_TOKEN: 'x', ADMIN_ECS_CLUSTER: 'a b' }), 'ADMIN_ECS_CLUSTER'],
  ])('%s %#', (_, read, named) => {
    expect(read).toThrow(named);
  });
});
