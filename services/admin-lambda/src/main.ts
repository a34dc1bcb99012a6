/** The admin API as a program, for compose and tests: the handler of lambda.ts, connected to Redis directly. */

import { ECSClient } from '@aws-sdk/client-ecs';
import { createLogger } from '../../shared/log.ts';
import { maskText } from '../../shared/masking/mask.ts';
import { ConfigError } from '../../shared/settings/read-settings.ts';
import { tokensOf } from './authorizer.ts';
import { DirectCluster } from './cluster/direct-cluster.ts';
import { RedisLink } from './cluster/redis-link.ts';
import { type DepsWithin, ecsOf, pricesOf } from './deps.ts';
import { type LocalSettings, readLocal } from './environment.ts';
import { createHandler } from './handler.ts';
import { startGateway } from './server.ts';
import { JOB_MS } from './time-limits.ts';

async function main(settings: LocalSettings): Promise<void> {
  const log = createLogger(settings.logLevel, { function: 'admin' }, undefined, {
    secrets: [...tokensOf(settings.token).values()],
  });
  const link = new RedisLink(settings);
  const cluster = new DirectCluster(link, settings);
  const ecsClient = settings.ecsCluster === undefined ? undefined : new ECSClient();
  const depsWithin: DepsWithin = (withinMs) => ({
    cluster,
    ecs: ecsOf(settings, ecsClient, withinMs),
    prices: pricesOf(settings),
    log,
  });
  const gateway = await startGateway({
    handler: createHandler(depsWithin(JOB_MS), depsWithin),
    tokens: tokensOf(settings.token),
    host: settings.host,
    port: settings.port,
    log,
  });
  log.info({ address: gateway.url }, 'listening');
  const end = (): void => {
    void gateway.close().then(() => link.close());
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}

try {
  await main(readLocal(process.env));
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : maskText(String((error as Error)?.stack ?? error)));
  process.exitCode = 1;
}
