/** The workers' metrics as CloudWatch has them: what the collector publishes, scaling tracks and the dashboard shows. */

import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS, METRICS_PATH } from '../services/shared/metric-names.ts';
import { WORKER_PORT } from './ports.ts';

const NAMESPACE = 'Streampool';
/** One dimension alone, so that a metric costs once per stage and not once per worker. */
const DIMENSION = 'Stage';

/** A published metric costs by the month: these are scaled by, alarmed by or looked at. A worker has more at METRICS_PATH. */
export const PUBLISHED = [
  'clients',
  'processes',
  'egressBytes',
  'relayBytes',
  'ringBytes',
  'ffmpegRestarts',
  'errors',
] as const satisfies readonly (keyof typeof METRICS)[];

/** Of each worker once a minute: `Average` is that of one worker, `Sum` that of the stage. */
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
 * The configuration of the collector beside each worker, the AWS Distro for OpenTelemetry (ADOT), checked against its sources:
 *
 * - It takes `AOT_CONFIG_CONTENT` for `--config=env:AOT_CONFIG_CONTENT` and resolves `${env:NAME}` in it
 *   (github.com/aws-observability/aws-otel-collector: pkg/config/config_factory.go and its TestGetMapProviderContainer, pull
 *   request 774). A `$` of any other meaning would have to be written `$$`.
 * - The Prometheus receiver and the EMF exporter are in it (pkg/defaultcomponents/defaults.go).
 * - Below `receivers.prometheus.config` stands Prometheus's own configuration. In the summer of 2025 (contrib 0.126 and 0.127 at
 *   least) `<secret>` was sent in place of `authorization.credentials` (opentelemetry-collector-contrib, issue 40520, mended
 *   by pull request 40780); the default collectorImage, v0.49.0, is made of 0.156.
 * - The EMF exporter turns counters into their increase since the scrape before, and skips the first one
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
              // From its own environment: the token is in no template.
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
