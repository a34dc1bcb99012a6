/** The collector's configuration as the container gets it: what it refers to is there, and what is scaled, alarmed and shown by passes it. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { PUBLISHED } from '../../infra/metrics.ts';
import { METRICS, METRICS_PATH } from '../../services/shared/metric-names.ts';
import { templates, theOnly } from './support.ts';

interface Container {
  readonly Name: string;
  readonly Environment: readonly { Name: string; Value: unknown }[];
  readonly Secrets: readonly { Name: string }[];
}

/** Names and options as the collector knows them; a misspelt one does not parse here, nor there. */
const scrape = z.strictObject({
  job_name: z.string(),
  scrape_interval: z.string(),
  scrape_timeout: z.string(),
  metrics_path: z.string(),
  authorization: z.strictObject({ type: z.literal('Bearer'), credentials: z.string() }),
  static_configs: z.tuple([
    z.strictObject({ targets: z.tuple([z.string()]), labels: z.record(z.string(), z.string()) }),
  ]),
  metric_relabel_configs: z.tuple([
    z.strictObject({
      source_labels: z.tuple([z.literal('__name__')]),
      regex: z.string(),
      action: z.literal('keep'),
    }),
  ]),
});
const emf = z.strictObject({
  namespace: z.string(),
  region: z.string(),
  log_group_name: z.string(),
  log_stream_name: z.string(),
  dimension_rollup_option: z.literal('NoDimensionRollup'),
  metric_declarations: z.tuple([
    z.strictObject({
      dimensions: z.tuple([z.tuple([z.string()])]),
      metric_name_selectors: z.tuple([z.string()]),
    }),
  ]),
});
const configuration = z.strictObject({
  receivers: z.strictObject({
    prometheus: z.strictObject({ config: z.strictObject({ scrape_configs: z.tuple([scrape]) }) }),
  }),
  exporters: z.strictObject({ awsemf: emf }),
  service: z.strictObject({
    telemetry: z.strictObject({ logs: z.strictObject({ level: z.literal('warn') }) }),
    pipelines: z.strictObject({
      metrics: z.strictObject({
        receivers: z.tuple([z.literal('prometheus')]),
        exporters: z.tuple([z.literal('awsemf')]),
      }),
    }),
  }),
});

const { proxy, observability } = templates();
const containers = theOnly(proxy, 'AWS::ECS::TaskDefinition').ContainerDefinitions as Container[];
const [collector] = containers.filter(({ Name }) => Name === 'collector') as [Container];
const text = textOf(collector.Environment.find(({ Name }) => Name === 'AOT_CONFIG_CONTENT')?.Value);
const config = configuration.parse(parse(text));
const [job] = config.receivers.prometheus.config.scrape_configs;
const { awsemf } = config.exporters;

/** As Prometheus matches: the whole name. */
const isKept = (name: string) => new RegExp(`^(?:${job.metric_relabel_configs[0].regex})$`).test(name);
const isDeclared = (name: string) => new RegExp(awsemf.metric_declarations[0].metric_name_selectors[0]).test(name);

describe('the configuration of the collector', () => {
  it('refers to its environment alone, and to nothing that is not in it', () => {
    const given = [...collector.Environment, ...collector.Secrets].map(({ Name }) => Name);
    const references = [...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => name);
    expect(references).toContain('API_TOKEN');
    for (const name of references) expect(given).toContain(name);
    // Any other dollar would have to be doubled.
    expect(text.replaceAll(/\$\{env:\w+\}/g, '')).not.toContain('$');
  });

  it('scrapes the worker beside it, with the token that it asks for', () => {
    expect(job.static_configs[0].targets).toEqual(['127.0.0.1:8085']);
    expect(job.metrics_path).toBe(METRICS_PATH);
    expect(job.authorization.credentials).toBe(`\${env:API_TOKEN}`);
  });

  it('keeps what is published, and nothing else of what a worker measures', () => {
    const published = PUBLISHED.map((name) => METRICS[name]);
    expect(Object.values(METRICS).filter(isKept).toSorted()).toEqual(published.toSorted());
    expect(published.filter(isDeclared)).toEqual(published);
    expect(isKept(`${METRICS.clients}_max`)).toBe(false);
  });

  it('lets everything through that dashboard, alarms and scaling go by', () => {
    const dashboard = JSON.stringify(observability.findResources('AWS::CloudWatch::Dashboard'));
    const alarms = JSON.stringify(observability.findResources('AWS::CloudWatch::Alarm'));
    const scaling = JSON.stringify(proxy.findResources('AWS::ApplicationAutoScaling::ScalingPolicy'));
    for (const used of [dashboard, alarms, scaling]) {
      const names = [...new Set(used.match(/streampool_[a-z_]+/g))];
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect([isKept(name), isDeclared(name)], name).toEqual([true, true]);
    }
  });

  it('publishes under the namespace and dimension that scaling and alarms look for', () => {
    const [[dimension]] = awsemf.metric_declarations[0].dimensions;
    const { labels } = job.static_configs[0];
    expect(Object.keys(labels)).toEqual([dimension]);
    const Dimensions = [{ Name: dimension, Value: labels[dimension] }];
    proxy.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      TargetTrackingScalingPolicyConfiguration: Match.objectLike({
        CustomizedMetricSpecification: Match.objectLike({ Namespace: awsemf.namespace, Dimensions }),
      }),
    });
    observability.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: awsemf.namespace,
      Dimensions,
      MetricName: METRICS.errors,
    });
  });

  it('names the log group that the task may write to', () => {
    const [id] = Object.keys(proxy.findResources('AWS::Logs::LogGroup')).filter((name) => name.includes('MetricsLog'));
    expect(awsemf.log_group_name).toBe(id);
    proxy.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            Resource: { 'Fn::GetAtt': [id, 'Arn'] },
          }),
        ]),
      }),
    });
  });
});

/** As CloudFormation joins it, with the names of references in place of what they refer to. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { 'Fn::Join': join, Ref } = value as { 'Fn::Join'?: [string, unknown[]]; Ref?: string };
  if (Ref !== undefined) return Ref;
  if (join === undefined) throw new Error(`Not a text: ${JSON.stringify(value)}`);
  return join[1].map(textOf).join(join[0]);
}
