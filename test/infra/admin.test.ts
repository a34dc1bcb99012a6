/** The admin API: who may call it, what its functions may do, where they run, and what the schedules send. */
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { readAuthorizer, readFront, readRegistry } from '../../services/admin-lambda/src/environment.ts';
import { jobEvent } from '../../services/admin-lambda/src/jobs.ts';
import { templates } from './support.ts';

const FUNCTION = 'AWS::Lambda::Function';
const SCHEDULE = 'AWS::Scheduler::Schedule';
const AUTHORIZER = 'AWS::ApiGatewayV2::Authorizer';
const ROUTE = 'AWS::ApiGatewayV2::Route';

interface FunctionProperties {
  readonly Handler: string;
  readonly VpcConfig?: unknown;
  readonly Environment: { readonly Variables: Record<string, unknown> };
}

const { admin } = templates();

function functionOf(template: Template, handler: string): FunctionProperties {
  const all = Object.values(template.findResources(FUNCTION)).map(({ Properties }) => Properties as FunctionProperties);
  const found = all.find(({ Handler }) => Handler === handler);
  if (found === undefined) throw new Error(`There is no function with the handler ${handler}.`);
  return found;
}

/** References as something that could be there. */
function environmentOf({ Environment }: FunctionProperties): Record<string, string> {
  const entries = Object.entries(Environment.Variables).map(([name, value]) => {
    if (typeof value === 'string') return [name, value];
    if (name.endsWith('_ARN')) return [name, 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:a'];
    return [name, 'a-name'];
  });
  return Object.fromEntries(entries);
}

describe('the functions', () => {
  it('run on Node 24', () => {
    admin.resourcePropertiesCountIs(FUNCTION, { Runtime: 'nodejs24.x', Architectures: ['arm64'] }, 3);
  });

  it('understand what they are told', () => {
    expect(readFront(environmentOf(functionOf(admin, 'lambda.handler')))).toMatchObject({
      registryFunction: 'a-name',
      ecsCluster: 'a-name',
      ecsService: 'a-name',
      redisSecretArn: expect.stringMatching('^arn:'),
    });
    expect(readRegistry(environmentOf(functionOf(admin, 'registry-lambda.handler')))).toMatchObject({
      redisPort: 6380,
      redisTls: true,
    });
    // Redis's password comes with each call.
    expect(functionOf(admin, 'registry-lambda.handler').Environment.Variables).not.toHaveProperty('REDIS_PASSWORD');
    expect(readAuthorizer(environmentOf(functionOf(admin, 'authorizer.handler')))).toMatchObject({
      tokenSecretArn: expect.stringMatching('^arn:'),
    });
  });

  it('call streams idle and forget them when the workers do', () => {
    const { admin: other } = templates({ settings: { STREAM_IDLE_TTL: '3600', SHARED_STREAM_GRACE: '7' } });
    expect(readRegistry(environmentOf(functionOf(other, 'registry-lambda.handler')))).toMatchObject({
      streamIdleTtlMs: 3_600_000,
      sharedStreamGraceMs: 7_000,
    });
  });

  it('are in the VPC where they must reach Redis, and only there, so that the AWS API needs no NAT and no endpoint', () => {
    expect(functionOf(admin, 'registry-lambda.handler').VpcConfig).toBeDefined();
    expect(functionOf(admin, 'lambda.handler').VpcConfig).toBeUndefined();
    expect(functionOf(admin, 'authorizer.handler').VpcConfig).toBeUndefined();
    admin.resourceCountIs('AWS::EC2::VPCEndpoint', 0);
  });

  it('may read tasks of the cluster and their protection, and neither stop nor protect one', () => {
    admin.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['ecs:DescribeTasks', 'ecs:GetTaskProtection', 'ecs:ListTasks'],
            Condition: { ArnEquals: { 'ecs:cluster': Match.anyValue() } },
          }),
        ]),
      }),
    });
    const actions = JSON.stringify(admin.findResources('AWS::IAM::Policy')).match(/(?<="ecs:)[A-Z]\w+/g) ?? [];
    expect(new Set(actions)).toEqual(new Set(['ListTasks', 'DescribeTasks', 'GetTaskProtection', 'DescribeServices']));
  });
});

it('has the stage in its name', () => {
  admin.hasResourceProperties('AWS::ApiGatewayV2::Api', { Name: 'streampool-test-admin' });
});

describe('who may call it', () => {
  it('by default, whoever has the token', () => {
    admin.hasResourceProperties(AUTHORIZER, {
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      IdentitySource: ['$request.header.Authorization'],
      // API Gateway would keep refusals too, and tokens that were rotated away.
      AuthorizerResultTtlInSeconds: 0,
    });
    const routes = Object.values(admin.findResources(ROUTE)).map(({ Properties }) => Properties);
    expect(routes.map(({ RouteKey, AuthorizationType }) => [RouteKey, AuthorizationType])).toEqual([
      ['ANY /admin/{proxy+}', 'CUSTOM'],
      ['ANY /admin', 'CUSTOM'],
    ]);
  });

  it('with iam, whom IAM lets', () => {
    const { admin: iam } = templates({ adminAuth: 'iam' });
    iam.resourceCountIs(AUTHORIZER, 0);
    iam.resourceCountIs(FUNCTION, 2);
    iam.hasResourceProperties(ROUTE, { AuthorizationType: 'AWS_IAM' });
  });

  it('with jwt, who has a token of the issuer for the audience', () => {
    const { admin: jwt } = templates({ adminAuth: 'jwt', jwtIssuer: 'https://issuer.example', jwtAudience: ['tv'] });
    jwt.hasResourceProperties(AUTHORIZER, {
      AuthorizerType: 'JWT',
      JwtConfiguration: { Issuer: 'https://issuer.example', Audience: ['tv'] },
    });
    jwt.hasResourceProperties(ROUTE, { AuthorizationType: 'JWT' });
  });

  it('nobody without: every route has an authorizer', () => {
    for (const values of [{}, { adminAuth: 'iam' }]) {
      const routes = Object.values(templates(values).admin.findResources(ROUTE));
      expect(routes.map(({ Properties }) => Properties.AuthorizationType)).not.toContain('NONE');
    }
  });

  it('is logged, without the token', () => {
    admin.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      AccessLogSettings: Match.objectLike({ Format: Match.not(Match.stringLikeRegexp('uthorization')) }),
    });
  });
});

it('cleans up every five minutes, and looks for surplus workers every minute', () => {
  const schedules = Object.values(admin.findResources(SCHEDULE)).map(({ Properties }) => Properties);
  const jobs = schedules.map(({ ScheduleExpression, Target }) => [
    jobEvent.parse(JSON.parse(Target.Input as string)).job,
    ScheduleExpression,
  ]);
  expect(Object.fromEntries(jobs)).toEqual({ cleanup: 'rate(5 minutes)', 'scale-in': 'rate(1 minute)' });
});
