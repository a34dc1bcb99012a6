/** The workers' metrics in CloudWatch: published by the collector, used for scaling and the dashboard. */

import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS, METRICS_PATH } from '../services/shared/metric-names.ts';
import type { Edge } from './constructs/edge.ts';
import { WORKER_PORT } from './ports.ts';

const NAMESPACE = 'Streampool';
/** The only dimension, so that a metric costs once per stage and not once per worker. */
const DIMENSION = 'Stage';

/** Each published metric costs money, so these are only the ones that scaling, alarms or people use. METRICS_PATH has more. */
export const PUBLISHED = [
  'clients',
  'processes',
  'egressBytes',
  'relayBytes',
  'ringBytes',
  'ffmpegRestarts',
  'errors',
] as const satisfies readonly (keyof typeof METRICS)[];

/** One value per worker and minute: `Average` is per worker, `Sum` is for the whole stage. */
export function workerMetric(stage: string, name: (typeof PUBLISHED)[number], statistic: 'Average' | 'Sum'): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: METRICS[name],
    dimensionsMap: { [DIMENSION]: stage },
    statistic,
    period: Duration.minutes(1),
  });
}

/**
 * A metric of the load balancer about its target group. `targetGroup.metrics` would name the load balancer through a listener,
 * and which listener leads to the workers depends on the stage's domain. A later stack would import that listener's export,
 * and CloudFormation then refuses to add or remove the domain.
 *
 * @example targetMetric(edge, 'HealthyHostCount', { statistic: Stats.MINIMUM, period: Duration.minutes(1) })
 */
export function targetMetric(
  { loadBalancer, targetGroup }: Pick<Edge, 'loadBalancer' | 'targetGroup'>,
  metricName: 'HealthyHostCount' | 'UnHealthyHostCount' | 'HTTPCode_Target_5XX_Count' | 'RequestCount',
  options: MetricOptions,
): Metric {
  return new Metric({
    namespace: 'AWS/ApplicationELB',
    metricName,
    dimensionsMap: {
      TargetGroup: targetGroup.targetGroupFullName,
      LoadBalancer: loadBalancer.loadBalancerFullName,
    },
    ...options,
  });
}

/**
 * The configuration of the collector beside each worker, the AWS Distro for OpenTelemetry (ADOT). Checked against its sources:
 *
 * - It treats `AOT_CONFIG_CONTENT` as `--config=env:AOT_CONFIG_CONTENT` and resolves `${env:NAME}` in it
 *   (github.com/aws-observability/aws-otel-collector: pkg/config/config_factory.go and its TestGetMapProviderContainer, pull
 *   request 774). A `$` with any other meaning must be written `$$`.
 * - It contains the Prometheus receiver and the EMF exporter (pkg/defaultcomponents/defaults.go).
 * - `receivers.prometheus.config` holds Prometheus's own configuration. In the summer of 2025 (at least contrib 0.126 and
 *   0.127) it sent `<secret>` instead of `authorization.credentials` (opentelemetry-collector-contrib, issue 40520, fixed by
 *   pull request 40780). The default collectorImage, v0.49.0, contains 0.156.
 * - The EMF exporter turns counters into their increase since the previous scrape, and skips the first one
 *   (contrib, exporter/awsemfexporter/README.md and pull request 3425).
 */
export function collectorConfig(options: { stage: string; region: string; logGroup: string }): object {
  return {
    receivers: {
      prometheus: {
        config: {
          scrape_configs: [
            {
              job_name: 'worker',
              scrape_interval: '60s',
              scrape_timeout: '10s',
              metrics_path: METRICS_PATH,
              // From the collector's own environment: no template contains the token.
              authorization: { type: 'Bearer', credentials: `\${env:API_TOKEN}` },
              static_configs: [{ targets: [`127.0.0.1:${WORKER_PORT}`], labels: { [DIMENSION]: options.stage } }],
              metric_relabel_configs: [
                {
                  source_labels: ['__name__'],
                  regex: PUBLISHED.map((name) => METRICS[name]).join('|'),
                  action: 'keep',
                },
              ],
            },
          ],
        },
      },
    },
    exporters: {
      awsemf: {
        namespace: NAMESPACE,
        region: options.region,
        log_group_name: options.logGroup,
        log_stream_name: 'workers',
        dimension_rollup_option: 'NoDimensionRollup',
        metric_declarations: [{ dimensions: [[DIMENSION]], metric_name_selectors: ['^streampool_'] }],
      },
    },
    service: {
      telemetry: { logs: { level: 'warn' } },
      pipelines: { metrics: { receivers: ['prometheus'], exporters: ['awsemf'] } },
    },
  };
}
