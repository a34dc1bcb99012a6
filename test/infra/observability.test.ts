/** Dashboard and alarms: each thing that must wake somebody does, and says what to do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { METRICS, PUBLISHED, SERVICE_METRICS } from '../../services/shared/metric-names.ts';
import { templates } from './support.ts';

const ALARM = 'AWS::CloudWatch::Alarm';
const { observability } = templates();

describe('the alarms', () => {
  it('ring when no worker is there, also when nothing says so', () => {
    observability.hasResourceProperties(ALARM, {
      MetricName: 'HealthyHostCount',
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
      TreatMissingData: 'breaching',
    });
  });

  it.each([
    ['DatabaseMemoryUsagePercentage', 75],
    ['DatabaseMemoryUsagePercentage', 95],
    ['EngineCPUUtilization', 70],
  ])('watch %s of every Redis node, at %d', (MetricName, Threshold) => {
    observability.resourcePropertiesCountIs(ALARM, { MetricName, Threshold }, 2);
    const three = templates({ redisReplicas: 2 }).observability;
    three.resourcePropertiesCountIs(ALARM, { MetricName, Threshold }, 3);
  });

  it.each([METRICS.errors, METRICS.ffmpegRestarts, 'HTTPCode_ELB_5XX_Count', 'Errors'])('watch %s', (metric) => {
    observability.hasResourceProperties(ALARM, { MetricName: metric, Statistic: 'Sum' });
  });

  it('watch the share of failed answers', () => {
    observability.hasResourceProperties(ALARM, {
      Metrics: Match.arrayWith([Match.objectLike({ Expression: '100 * failed / requests' })]),
    });
  });

  it('stand in the docs, each with what to do', () => {
    const docs = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'deploy-aws.md'), 'utf8');
    const names = Object.values(templates()).flatMap((template) =>
      Object.keys(template.findResources(ALARM)).map((id) =>
        id
          .replace(/^(?:Alarms|Proxy)/, '')
          .replace(/[0-9A-F]{8}$/, '')
          .replace(/^Redis\d/, 'Redis1'),
      ),
    );
    expect(names).toContain('DeploymentErrors');
    const table = docs.split('\n').filter((line) => line.startsWith('| `'));
    expect(names.filter((name) => !table.some((line) => line.split('|')[1]?.includes(`\`${name}\``)))).toEqual([]);
  });

  it('ring when ECS does not start what it wants, and when scaling may add no worker', () => {
    const { observability: scaled } = templates({ maxWorkers: 7 });
    scaled.hasResourceProperties(ALARM, {
      EvaluationPeriods: 10,
      Threshold: 1,
      Metrics: Match.arrayWith([Match.objectLike({ Expression: 'desired - running' })]),
    });
    const atMost = { MetricName: SERVICE_METRICS.desiredWorkers, Namespace: 'Streampool' };
    scaled.hasResourceProperties(ALARM, { ...atMost, Threshold: 7, EvaluationPeriods: 15 });
    // A stage that does not scale is always at its maximum.
    templates({ minWorkers: 7, maxWorkers: 7 }).observability.resourcePropertiesCountIs(ALARM, atMost, 0);
  });

  it('ring at the egress that the stage names', () => {
    templates({ egressAlarmGbPerHour: 100 }).observability.hasResourceProperties(ALARM, {
      MetricName: 'ProcessedBytes',
      Threshold: 100e9,
      AlarmDescription: Match.stringLikeRegexp('about 9 USD an hour'),
    });
  });

  it('all say what to do, and to whom', () => {
    const alarms = Object.values(observability.findResources(ALARM)).map(({ Properties }) => Properties);
    expect(alarms.length).toBeGreaterThan(10);
    for (const { AlarmDescription, AlarmActions, OKActions } of alarms) {
      expect(AlarmDescription).toMatch(/\.$/);
      expect(AlarmActions).toHaveLength(1);
      expect(OKActions).toHaveLength(1);
    }
  });

  it('may be published to the topics that they name, and by no other account', () => {
    const all = Object.values(templates());
    const published = all.flatMap((template) => publications(template));
    expect(published.length).toBeGreaterThan(20);
    expect(published.filter(({ isAllowed }) => !isAllowed)).toEqual([]);
    const allowed = all.flatMap(statements).filter(({ Effect }) => Effect === 'Allow');
    // Budgets are made by people, for the same topic.
    expect(allowed.map(({ Principal }) => Principal)).toEqual([
      { Service: 'cloudwatch.amazonaws.com' },
      { Service: 'budgets.amazonaws.com' },
    ]);
    for (const { Condition } of allowed) expect(Condition).toEqual(THIS_ACCOUNT);
  });

  it('go by e-mail where the stage has one', () => {
    observability.resourceCountIs('AWS::SNS::Subscription', 0);
    templates({ alarmEmail: 'ops@example.com' }).observability.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
  });
});

interface Statement {
  readonly Effect: string;
  readonly Principal: { readonly Service?: string };
  readonly Action: string;
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

interface TopicPolicy {
  readonly Properties: { readonly PolicyDocument: { readonly Statement: Statement[] } };
}

const THIS_ACCOUNT = { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } };

/** What the policies of a stack's topics say. */
function statements(template: Template): Statement[] {
  const policies = Object.values(template.findResources('AWS::SNS::TopicPolicy')) as TopicPolicy[];
  return policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
}

/** Every action of every alarm of a stack; all must be topics of the same stack whose policy lets CloudWatch publish. */
function publications(template: Template): { alarm: string; action: unknown; isAllowed: boolean }[] {
  const allowed = statements(template).filter(
    ({ Effect, Principal, Action }) =>
      Effect === 'Allow' && Principal.Service === 'cloudwatch.amazonaws.com' && Action === 'sns:Publish',
  );
  return Object.entries(template.findResources(ALARM)).flatMap(([alarm, { Properties }]) =>
    ['AlarmActions', 'OKActions', 'InsufficientDataActions']
      .flatMap((kind): unknown[] => Properties[kind] ?? [])
      .map((action) => ({
        alarm,
        action,
        isAllowed: allowed.some(({ Resource }) => JSON.stringify(Resource) === JSON.stringify(action)),
      })),
  );
}

it('the dashboard shows every metric of the workers that is published, and no other', () => {
  const text = JSON.stringify(observability.findResources('AWS::CloudWatch::Dashboard'));
  for (const [key, name] of Object.entries(METRICS)) {
    expect(text.includes(`"${name}\\"`) || text.includes(`"${name}"`), name).toBe(key in PUBLISHED);
  }
});

it('logs are kept as long as the stage says, everywhere but the refused connections', () => {
  const { proxy, admin } = templates({ logRetentionDays: 90 });
  for (const template of [proxy, admin]) {
    const groups = Object.values(template.findResources('AWS::Logs::LogGroup'));
    expect(groups.length).toBeGreaterThan(0);
    expect(new Set(groups.map(({ Properties }) => Properties.RetentionInDays))).toEqual(new Set([90]));
  }
});
