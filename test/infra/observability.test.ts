/** Dashboard and alarms: each thing that must wake somebody does, and says what to do. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { PUBLISHED } from '../../infra/metrics.ts';
import { METRICS } from '../../services/shared/metric-names.ts';
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
    ['EngineCPUUtilization', 70],
    ['Evictions', 1],
  ])('watch %s of every Redis node', (metric, threshold) => {
    observability.resourcePropertiesCountIs(ALARM, { MetricName: metric, Threshold: threshold }, 2);
    const three = templates({ redisReplicas: 2 }).observability;
    three.resourcePropertiesCountIs(ALARM, { MetricName: metric }, 3);
  });

  it.each([METRICS.errors, METRICS.ffmpegRestarts, 'HTTPCode_ELB_5XX_Count', 'Errors'])('watch %s', (metric) => {
    observability.hasResourceProperties(ALARM, { MetricName: metric, Statistic: 'Sum' });
  });

  it('watch the share of failed answers', () => {
    observability.hasResourceProperties(ALARM, {
      Metrics: Match.arrayWith([Match.objectLike({ Expression: '100 * failed / requests' })]),
    });
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

  it('go by e-mail where the stage has one', () => {
    observability.resourceCountIs('AWS::SNS::Subscription', 0);
    templates({ alarmEmail: 'ops@example.com' }).observability.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
  });
});

it('the dashboard shows every metric of the workers that is published, and no other', () => {
  const text = JSON.stringify(observability.findResources('AWS::CloudWatch::Dashboard'));
  for (const [key, name] of Object.entries(METRICS)) {
    expect(text.includes(`"${name}\\"`) || text.includes(`"${name}"`), name).toBe(
      PUBLISHED.some((each) => each === key),
    );
  }
});

it('logs are kept as long as the stage says, everywhere but the refused connections', () => {
  const { proxy, admin } = templates({ logRetentionDays: 90 });
  for (const template of [proxy, admin]) {
    const groups = Object.values(template.findResources('AWS::Logs::LogGroup'));
    expect(groups.length).toBeGreaterThan(1);
    expect(new Set(groups.map(({ Properties }) => Properties.RetentionInDays))).toEqual(new Set([90]));
  }
});
