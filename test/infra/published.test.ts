/** What scaling, the alarms and the dashboard go by is what a worker, or the admin API, writes into its log for CloudWatch. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { METRICS, PUBLISHED, SERVICE_METRICS } from '../../services/shared/metric-names.ts';
import { templates, theOnly } from './support.ts';

const { proxy, admin, observability } = templates();

/** Each metric of a namespace that a template names, as `{ name, dimensions }`. */
function metricsOf(value: unknown): { name: string; dimensions: string }[] {
  if (typeof value === 'string') return value.includes('streampool_') ? ofDashboard(value) : [];
  if (typeof value !== 'object' || value === null) return [];
  const { Namespace, MetricName, Dimensions } = value as Record<string, unknown>;
  const own = Namespace === 'Streampool' ? [{ name: String(MetricName), dimensions: JSON.stringify(Dimensions) }] : [];
  return [...own, ...Object.values(value).flatMap(metricsOf)];
}

/** A dashboard is a text of JSON, in pieces around references. */
function ofDashboard(text: string): { name: string; dimensions: string }[] {
  return [...text.matchAll(/"Streampool","(\w+)","(\w+)","(\w+)"/g)].map(([, name = '', dimension, stage]) => ({
    name,
    dimensions: JSON.stringify([{ Name: dimension, Value: stage }]),
  }));
}

describe('a metric in CloudWatch', () => {
  it.each<[string, unknown]>([
    ['scaling', proxy.findResources('AWS::ApplicationAutoScaling::ScalingPolicy')],
    ['the alarms', observability.findResources('AWS::CloudWatch::Alarm')],
    ['the dashboard', observability.findResources('AWS::CloudWatch::Dashboard')],
  ])('that %s goes by is published, under the stage that workers and admin API are told', (_, resources) => {
    const used = metricsOf(resources);
    expect(used.length).toBeGreaterThan(0);
    const ofWorkers = Object.keys(PUBLISHED).map((name) => METRICS[name as keyof typeof PUBLISHED]);
    const published: string[] = [...ofWorkers, ...Object.values(SERVICE_METRICS)];
    const [{ Environment }] = theOnly(proxy, 'AWS::ECS::TaskDefinition').ContainerDefinitions as [
      { Environment: { Name: string; Value: string }[] },
    ];
    const stage = Environment.find(({ Name }) => Name === 'METRICS_STAGE')?.Value;
    admin.hasResourceProperties('AWS::Lambda::Function', {
      Handler: 'lambda.handler',
      Environment: { Variables: Match.objectLike({ METRICS_STAGE: stage }) },
    });
    for (const { name, dimensions } of used) {
      expect(published).toContain(name);
      expect(dimensions).toBe(JSON.stringify([{ Name: 'Stage', Value: stage }]));
    }
  });
});
