/** The alarm that takes a deployment back: the load balancer itself answers viewers with 5xx. */

import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { DeploymentAlarmConfig } from 'aws-cdk-lib/aws-ecs';
import { AlarmBehavior } from 'aws-cdk-lib/aws-ecs';
import { HttpCodeElb } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { Construct } from 'constructs';
import type { Edge } from './edge.ts';

/** In each of two minutes: more than a worker or two that end can cause, and soon enough for the viewers. */
const ERRORS_A_MINUTE = 10;
const MINUTES = 2;

/**
 * It stands in the stack of the service, because the stack of the other alarms is deployed after it.
 *
 * Only the load balancer's own 5xx (no worker to ask, or a worker that refuses or cuts a connection). Those of workers would
 * take back a good revision: a dead provider gives 502 and 504. The number of healthy workers tells nothing, because the old
 * ones keep it up while the new ones start.
 */
export function deploymentAlarm(scope: Construct, { loadBalancer }: Edge): DeploymentAlarmConfig {
  const alarm = new Alarm(scope, 'DeploymentErrors', {
    metric: loadBalancer.metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, {
      statistic: Stats.SUM,
      period: Duration.minutes(1),
    }),
    threshold: ERRORS_A_MINUTE,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: MINUTES,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription:
      'The load balancer itself answers with 5xx. A deployment that is under way is taken back; its workers say why in their log.',
  });
  return { alarmNames: [alarm.alarmName], behavior: AlarmBehavior.ROLLBACK_ON_ALARM };
}
