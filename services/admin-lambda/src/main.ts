/** The admin API as a program, for compose and tests: the handler of lambda.ts, connected to Redis directly. */

import { ECSClient } from '@aws-sdk/client-ecs';
import { createLogger } from '../../shared/log.ts';
import { maskText } from '../../shared/masking/mask.ts';
import { ConfigError } from '../../shared/settings/read-settings.ts';
import { tokensOf } from './authorizer.ts';
import { DirectCluster } from './cluster/direct-cluster.ts';
import { RedisLink } from './cluster/redis-link.ts';
import { ecsOf, pricesOf } from './deps.ts';
import { type LocalSettings, readLocal } from './environment.ts';
import { createHandler } from './handler.ts';
import { startGateway } from './server.ts';

async function main(settings: LocalSettings): Promise<void> {
  const log = createLogger(settings.logLevel, { function: 'admin' }, undefined, [...tokensOf(settings.token).values()]);
  const link = new RedisLink(settings);
  const gateway = await startGateway({
    handler: createHandler({
      cluster: new DirectCluster(link, settings),
      ecs: ecsOf(settings, () => new ECSClient()),
      prices: pricesOf(settings),
      log,
    }),
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
