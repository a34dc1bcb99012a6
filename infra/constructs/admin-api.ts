/** The admin API: an HTTP API with its authorizer, the two functions behind it, and the schedules that clean up. */

import { Duration, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpMethod,
  HttpStage,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import {
  HttpIamAuthorizer,
  HttpJwtAuthorizer,
  HttpLambdaAuthorizer,
  HttpLambdaResponseType,
} from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Construct } from 'constructs';
import type {
  AuthorizerEnvironment,
  FrontEnvironment,
  RegistryEnvironment,
} from '../../services/admin-lambda/src/environment.ts';
import type { JobEvent } from '../../services/admin-lambda/src/jobs.ts';
import { acknowledge, acknowledgeWildcard } from '../acknowledge.ts';
import type { StageConfig } from '../config.ts';
import type { NetworkStack } from '../stacks/network.ts';
import type { StateStack } from '../stacks/state.ts';
import { AdminFunction } from './admin-function.ts';
import type { ProxyService } from './proxy-service.ts';

export interface AdminApiProps {
  readonly stage: StageConfig;
  readonly network: NetworkStack;
  readonly state: StateStack;
  readonly proxy: ProxyService;
}

export class AdminApi extends Construct {
  readonly url: string;
  readonly api: HttpApi;
  /** The functions with an alarm on errors: the one that answers, and the one that reaches Redis. */
  readonly functions: readonly AdminFunction[];

  constructor(scope: Construct, id: string, props: AdminApiProps) {
    super(scope, id);
    const { stage, state } = props;
    const registry = this.#registry(props);
    const front = this.#front(props, registry);
    this.functions = [front, registry];

    this.api = new HttpApi(this, 'Api', {
      apiName: `streampool-${stage.stage}-admin`,
      description: `Streampool ${stage.stage}: admin`,
      createDefaultStage: false,
    });
    new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      // Enough for people and dashboards; players do not call this API.
      throttle: { rateLimit: 20, burstLimit: 40 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(new LogGroup(this, 'AccessLog', { retention: stage.logRetentionDays })),
        format: accessLogFormat(),
      },
    });
    const integration = new HttpLambdaIntegration('Front', front);
    const authorizer = this.#authorizer(stage, state);
    for (const path of ['/admin/{proxy+}', '/admin']) {
      this.api.addRoutes({ path, methods: [HttpMethod.ANY], integration, authorizer });
    }
    this.url = `${this.api.apiEndpoint}/admin`;

    this.#schedule(
      'Cleanup',
      front,
      { job: 'cleanup' },
      Duration.minutes(5),
      'Removes what dead workers left in Redis',
    );
    this.#schedule(
      'ScaleIn',
      front,
      { job: 'scale-in' },
      Duration.minutes(1),
      'Drains the emptiest worker when there are too many',
    );
    this.#acknowledgeSchedules(front);
  }

  /** Inside the VPC, with Redis but without the AWS API: services/admin-lambda/src/lambda.ts says why there are two. */
  #registry({ stage, network, state }: AdminApiProps): AdminFunction {
    const environment: RegistryEnvironment = {
      REDIS_HOST: state.redis.host,
      REDIS_SERVER_PORT: String(state.redis.port),
      REDIS_TLS: 'true',
      ...(stage.settings.STREAM_IDLE_TTL === undefined ? {} : { STREAM_IDLE_TTL: stage.settings.STREAM_IDLE_TTL }),
      ...(stage.settings.SHARED_STREAM_GRACE === undefined
        ? {}
        : { SHARED_STREAM_GRACE: stage.settings.SHARED_STREAM_GRACE }),
    };
    const registry = new AdminFunction(this, 'Registry', {
      stage,
      name: 'registry',
      description: 'Admin API: the part that reaches Redis',
      environment,
      timeout: Duration.seconds(10),
      network: {
        vpc: network.vpc,
        vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
        securityGroups: [state.redis.clients],
      },
    });
    if (registry.role !== undefined) {
      acknowledge(
        registry.role,
        'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]',
        'The policy that AWS keeps for exactly this: its network interface in the VPC.',
      );
    }
    return registry;
  }

  #front({ stage, state, proxy }: AdminApiProps, registry: AdminFunction): AdminFunction {
    const environment: FrontEnvironment = {
      ADMIN_REGISTRY_FUNCTION: registry.functionName,
      ADMIN_REDIS_SECRET_ARN: state.redis.password.secretArn,
      ADMIN_ECS_CLUSTER: proxy.cluster.clusterName,
      ADMIN_ECS_SERVICE: proxy.service.serviceName,
      METRICS_STAGE: stage.stage,
    };
    const front = new AdminFunction(this, 'Front', {
      stage,
      name: 'front',
      description: 'Admin API: the part that answers',
      environment,
      timeout: Duration.seconds(15),
    });
    // grantInvoke would also allow every version and alias.
    front.addToRolePolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [registry.functionArn] }),
    );
    state.redis.password.grantRead(front);
    this.#grantTasks(front, proxy);
    return front;
  }

  /** Allows reading the tasks and their protection. The admin API never stops or protects a task. */
  #grantTasks(front: AdminFunction, { cluster, service }: ProxyService): void {
    front.addToRolePolicy(
      new PolicyStatement({
        actions: ['ecs:ListTasks', 'ecs:DescribeTasks', 'ecs:GetTaskProtection'],
        resources: ['*'],
        conditions: { ArnEquals: { 'ecs:cluster': cluster.clusterArn } },
      }),
    );
    front.addToRolePolicy(new PolicyStatement({ actions: ['ecs:DescribeServices'], resources: [service.serviceArn] }));
    if (front.role === undefined) return;
    acknowledge(
      front.role,
      'IAM5[Resource::*]',
      'Tasks come and go, to be read only; the condition names their cluster.',
    );
  }

  #authorizer(stage: StageConfig, state: StateStack): IHttpRouteAuthorizer {
    if (stage.adminAuth === 'iam') return new HttpIamAuthorizer();
    if (stage.jwtIssuer !== undefined && stage.jwtAudience !== undefined) {
      return new HttpJwtAuthorizer('Jwt', stage.jwtIssuer, { jwtAudience: [...stage.jwtAudience] });
    }
    const environment: AuthorizerEnvironment = { ADMIN_TOKEN_SECRET_ARN: state.adminToken.secretArn };
    const authorizer = new AdminFunction(this, 'Authorizer', {
      stage,
      name: 'authorizer',
      description: 'Admin API: knows the token',
      environment,
      timeout: Duration.seconds(3),
    });
    state.adminToken.grantRead(authorizer);
    return new HttpLambdaAuthorizer('Token', authorizer, {
      responseTypes: [HttpLambdaResponseType.SIMPLE],
      identitySource: ['$request.header.Authorization'],
      // It would keep refusals too, and tokens that were rotated away. So each call also invokes the authorizer.
      resultsCacheTtl: Duration.seconds(0),
    });
  }

  #schedule(id: string, front: AdminFunction, job: JobEvent, every: Duration, description: string): void {
    new Schedule(this, id, {
      description,
      schedule: ScheduleExpression.rate(every),
      // The next run comes by itself; a late one is worth nothing.
      target: new LambdaInvoke(front, {
        input: ScheduleTargetInput.fromObject(job),
        retryAttempts: 0,
        maxEventAge: Duration.minutes(1),
      }),
    });
  }

  /** The target of a schedule grants itself all versions of the function; only one exists. */
  #acknowledgeSchedules(front: AdminFunction): void {
    acknowledgeWildcard(
      Stack.of(this),
      `${front.functionArn}:*`,
      'Versions of this function alone, of which there is one.',
    );
  }
}

/** Logs the caller without the Authorization header, which API Gateway would write. */
function accessLogFormat(): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      requestId: '$context.requestId',
      ip: '$context.identity.sourceIp',
      method: '$context.httpMethod',
      path: '$context.path',
      status: '$context.status',
      ms: '$context.responseLatency',
      error: '$context.error.message',
      authorizerError: '$context.authorizer.error',
    }),
  );
}
