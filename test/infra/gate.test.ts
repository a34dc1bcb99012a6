/** The gate that every synthesis passes: it lets our stages through, and stops what AWS would refuse halfway through a deployment. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Annotations, Stack, Validations } from 'aws-cdk-lib';
import { CfnTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { CfnReplicationGroup } from 'aws-cdk-lib/aws-elasticache';
import { CfnTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { addChecks } from '../../infra/checks.ts';
import { addStacks } from '../../infra/streampool.ts';
import { testApp, testStage } from './support.ts';

interface Report {
  readonly pluginReports: readonly {
    readonly violations: readonly { readonly ruleName: string }[];
    readonly suppressedViolations?: readonly { readonly ruleName: string; readonly reason: string }[];
  }[];
}

function reportOf(folder: string): Report {
  return JSON.parse(readFileSync(join(folder, 'validation-report.json'), 'utf8')) as Report;
}

describe('the gate', () => {
  it.each<[string, object]>([
    ['the defaults', {}],
    ...Object.entries<object>(cdkJson.context.stages).map(([name, values]): [string, object] => [
      `${name} of cdk.json`,
      values,
    ]),
    [
      'a stage with everything that can be said',
      {
        region: 'eu-central-1',
        zones: ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'],
        domain: 'tv.example.com',
        certificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/abc',
        hostedZoneId: 'Z0123456789',
        playbackAuth: 'signed',
        architecture: 'arm64',
        workerCpu: 4096,
        workerMemoryMiB: 8192,
        redisReplicas: 2,
        adminAuth: 'jwt',
        jwtIssuer: 'https://issuer.example',
        jwtAudience: ['streampool'],
        alarmEmail: 'ops@example.com',
        allowExec: true,
        terminationProtection: true,
      },
    ],
    [
      'a stage in a VPC that exists',
      {
        vpcId: 'vpc-01234567',
        zones: ['eu-central-1a', 'eu-central-1b'],
        publicSubnetIds: ['subnet-0aaaaaaa', 'subnet-0bbbbbbb'],
        isolatedSubnetIds: ['subnet-1aaaaaaa', 'subnet-1bbbbbbb'],
      },
    ],
  ])('lets %s through, and keeps a reason for each finding that was acknowledged', (_, values) => {
    const app = testApp();
    addChecks(app);
    addStacks(app, testStage(values));
    const { pluginReports } = reportOf(app.synth().directory);
    const acknowledged = pluginReports.flatMap(({ suppressedViolations }) => suppressedViolations ?? []);
    expect(acknowledged.length).toBeGreaterThan(3);
    for (const { ruleName, reason } of acknowledged) expect(reason.length, ruleName).toBeGreaterThan(30);
    expect(pluginReports.flatMap(({ violations }) => violations.map(({ ruleName }) => ruleName))).toEqual([]);
  });

  it('stops what CloudFormation would only refuse at deployment', () => {
    const app = testApp();
    addChecks(app);
    const stack = new Stack(app, 'Broken');
    new CfnTaskDefinition(stack, 'Task', {
      containerDefinitions: [{ name: 'worker', image: 'worker', stopTimeout: 600 }],
    });
    new CfnTargetGroup(stack, 'Targets', {
      targetGroupAttributes: [
        { key: 'deregistration_delay.timeout_seconds', value: '3601' },
        { key: 'load_balancing.algorithm.type', value: 'least_outstanding_requests' },
        { key: 'slow_start.duration_seconds', value: '30' },
      ],
    });
    new CfnReplicationGroup(stack, 'Redis', { replicationGroupDescription: 'Redis', engine: 'valky' });
    const message = refusalOf(() => app.synth());
    expect(message).toContain('CloudFormation-Validate::stop_timeout_max');
    expect(message).toContain('CloudFormation-Validate::deregistration_delay_max');
    expect(message).toContain('CloudFormation-Validate::no_slow_start_with_least_outstanding');
    expect(message).toContain('CloudFormation-Validate::redis_engine_name');
  });

  it.each(['Warning', 'Error'] as const)('stops what CDK annotates as a %s, unless it is acknowledged', (level) => {
    const app = testApp();
    addChecks(app);
    const stack = new Stack(app, 'Annotated');
    new Topic(stack, 'Topic', { enforceSSL: true });
    if (level === 'Warning') Annotations.of(stack).addWarningV2('streampool:odd', 'This is odd');
    else Annotations.of(stack).addError('This is wrong');
    expect(refusalOf(() => app.synth())).toContain(level === 'Warning' ? 'This is odd' : 'This is wrong');
    if (level === 'Warning') {
      Validations.of(stack).acknowledge({ id: 'Annotation::streampool:odd', reason: 'It is a test, and nothing odd.' });
      expect(() => app.synth({ force: true })).not.toThrow();
    }
  });

  it('stops a property that does not exist, and what cdk-nag finds', () => {
    const app = testApp();
    addChecks(app);
    const stack = new Stack(app, 'Broken');
    const redis = new CfnReplicationGroup(stack, 'Redis', { replicationGroupDescription: 'Redis', engine: 'redis' });
    redis.addPropertyOverride('CacheNodeTypes', 'cache.t4g.micro');
    const message = refusalOf(() => app.synth());
    expect(message).toContain('CacheNodeType');
    expect(message).toContain('AwsSolutions-AEC');
  });
});

function refusalOf(synthesis: () => unknown): string {
  try {
    synthesis();
  } catch (error) {
    return String(error);
  }
  throw new Error('The synthesis was not stopped.');
}
