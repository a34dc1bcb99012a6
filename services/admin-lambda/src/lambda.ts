/**
 * Lambda function behind API Gateway and the schedule: the admin API. It runs OUTSIDE the VPC and asks registry-lambda.ts,
 * inside, for everything in Redis.
 *
 * Why two functions: a function in a VPC without NAT reaches Redis, but neither ECS nor Secrets Manager nor the Lambda API.
 * An interface endpoint costs $7.30 a month in each zone: about $29 a month for the first two services in two zones. A second
 * function that only this one invokes costs cents a month. Invocations go from outside to inside through the Lambda API,
 * which needs no way into the VPC.
 *
 * Deploy dist/admin-functions/front unchanged (`npm run build` makes it and inserts the version).
 * Handler: `lambda.handler`. Environment: FrontEnvironment. Events: HTTP API payload 2.0; EventBridge Scheduler inputs
 * `{"job": "cleanup"}` and `{"job": "scale-in"}`. Timeout: 15 s.
 * Rights: lambda:InvokeFunction on the registry function; secretsmanager:GetSecretValue on Redis's secret; ecs:ListTasks,
 * ecs:DescribeTasks, ecs:GetTaskProtection, ecs:DescribeServices on the cluster's tasks and service.
 */

import { ECSClient } from '@aws-sdk/client-ecs';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Context } from 'aws-lambda';
import { createLogger } from '../../shared/log.ts';
import { RemoteCluster } from './cluster/remote-cluster.ts';
import { type DepsWithin, ecsOf, pricesOf } from './deps.ts';
import { readFront } from './environment.ts';
import { type AdminHandler, createHandler } from './handler.ts';
import { CachedSecret } from './secrets.ts';
import { JOB_MS } from './time-limits.ts';

/** A password that Redis refuses is read again at once. */
const PASSWORD_KEPT_MS = 5 * 60_000;

let opened: AdminHandler | undefined;

export async function handler(event: unknown, context: Context): Promise<unknown> {
  opened ??= open();
  return opened(event, context);
}

function open(): AdminHandler {
  const settings = readFront(process.env);
  const { redisSecretArn: arn, registryFunction: functionName } = settings;
  const log = createLogger(settings.logLevel, { function: 'admin' });
  const password =
    arn === undefined
      ? undefined
      : new CachedSecret({ client: new SecretsManagerClient(), arn, keepMs: PASSWORD_KEPT_MS });
  const lambda = new LambdaClient({ maxAttempts: 1 });
  const ecsClient = new ECSClient();
  const depsWithin: DepsWithin = (withinMs) => ({
    cluster: new RemoteCluster({ lambda, functionName, password, withinMs }),
    ecs: ecsOf(settings, ecsClient, withinMs),
    prices: pricesOf(settings),
    metricsStage: settings.metricsStage,
    log,
  });
  return createHandler(depsWithin(JOB_MS), depsWithin);
}
