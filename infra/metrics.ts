/** The workers' metrics in CloudWatch: the workers publish them in their log; scaling, alarms and the dashboard use them. */

import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { DIMENSION, NAMESPACE } from '../services/shared/embedded-metrics.ts';
import { METRICS, type PublishedName, SERVICE_METRICS } from '../services/shared/metric-names.ts';
import type { Edge } from './constructs/edge.ts';

/** One value per worker and minute: `Average` is per worker, `Sum` is for the whole stage. */
export function workerMetric(stage: string, name: PublishedName, statistic: 'Average' | 'Sum'): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: METRICS[name],
    dimensionsMap: { [DIMENSION]: stage },
    statistic,
    period: Duration.minutes(1),
  });
}

/** One value a minute, of the service of the workers: the scheduled job of the admin API publishes it. */
export function serviceMetric(stage: string, name: keyof typeof SERVICE_METRICS): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName: SERVICE_METRICS[name],
    dimensionsMap: { [DIMENSION]: stage },
    statistic: Stats.MAXIMUM,
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
