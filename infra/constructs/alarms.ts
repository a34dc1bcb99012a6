/** The alarms; the description of each says what to do. */

import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { HttpCodeElb } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { StageConfig } from '../config.ts';
import { serviceMetric, targetMetric, workerMetric } from '../metrics.ts';
import type { AdminApi } from './admin-api.ts';
import type { Edge } from './edge.ts';
import type { Redis } from './redis.ts';

export interface WatchedProps {
  readonly stage: StageConfig;
  readonly edge: Edge;
  readonly redis: Redis;
  readonly admin: AdminApi;
}

interface Rule {
  readonly metric: IMetric;
  /** The alarm starts at this value. */
  readonly from: number;
  /** The alarm needs this many periods of the metric in a row. */
  readonly periods?: number;
  readonly below?: boolean;
  /** Missing data is an alarm, too. */
  readonly missingIsBad?: boolean;
  readonly say: string;
}

const FIVE_MINUTES = { period: Duration.minutes(5) };

export class Alarms extends Construct {
  readonly topic: ITopic;
  readonly all: Alarm[] = [];
  readonly #action: SnsAction;

  constructor(scope: Construct, id: string, { stage, edge, redis, admin }: WatchedProps) {
    super(scope, id);
    const topic = new Topic(this, 'Topic', { displayName: `Streampool ${stage.stage}`, enforceSSL: true });
    letServicesPublish(topic);
    if (stage.alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(stage.alarmEmail));
    this.topic = topic;
    this.#action = new SnsAction(topic);
    this.#watchViewers(stage.stage, edge, stage.egressAlarmGbPerHour);
    this.#watchScaling(stage);
    redis.nodeIds.forEach((node, index) => {
      this.#watchRedis(`Redis${index + 1}`, node);
    });
    for (const watched of admin.functions) {
      this.#add(`${watched.node.id}Errors`, {
        metric: watched.metricErrors({ statistic: Stats.SUM, ...FIVE_MINUTES }),
        from: 3,
        say: 'The admin API or its schedule fails, so the scheduled cleanup does not run. Its log says why.',
      });
    }
  }

  #watchViewers(stage: string, edge: Edge, egressGbPerHour: number): void {
    const { loadBalancer } = edge;
    this.#add('NoWorker', {
      metric: targetMetric(edge, 'HealthyHostCount', { statistic: Stats.MINIMUM, period: Duration.minutes(1) }),
      from: 1,
      below: true,
      periods: 2,
      missingIsBad: true,
      say: 'No worker takes viewers. Look at the events of the ECS service, then at the log of the last worker.',
    });
    this.#add('ErrorRate', {
      metric: new MathExpression({
        label: '5xx answers, in percent',
        expression: '100 * failed / requests',
        usingMetrics: {
          failed: targetMetric(edge, 'HTTPCode_Target_5XX_Count', { statistic: Stats.SUM }),
          requests: targetMetric(edge, 'RequestCount', { statistic: Stats.SUM }),
        },
        ...FIVE_MINUTES,
      }),
      from: 5,
      periods: 2,
      say: 'Workers answer with 5xx: sources do not play (502, 504), or there is no room (503). See /stats/performance.',
    });
    this.#add('LoadBalancerErrors', {
      metric: loadBalancer.metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, { statistic: Stats.SUM, ...FIVE_MINUTES }),
      from: 10,
      say: 'The load balancer itself answers with 5xx: workers refuse or cut connections.',
    });
    this.#add('StreamErrors', {
      metric: workerMetric(stage, 'errors', 'Sum').with(FIVE_MINUTES),
      from: 25,
      say: 'Streams fail while viewers watch. The log of the workers names the sources.',
    });
    this.#add('FfmpegRestarts', {
      metric: workerMetric(stage, 'ffmpegRestarts', 'Sum').with(FIVE_MINUTES),
      from: 25,
      say: 'FFmpegs die or hang. The log of the workers has the last lines of each one.',
    });
    this.#add('Egress', {
      metric: loadBalancer.metrics.processedBytes({ statistic: Stats.SUM, period: Duration.hours(1) }),
      from: egressGbPerHour * 1e9,
      say: `Viewers get more than ${egressGbPerHour} GB an hour (egressAlarmGbPerHour). AWS bills about ${Math.round(egressGbPerHour * 0.09)} USD an hour for that.`,
    });
  }

  #watchScaling({ stage, minWorkers, maxWorkers }: StageConfig): void {
    this.#add('TooFewWorkers', {
      metric: new MathExpression({
        label: 'workers that ECS wants and does not run',
        expression: 'desired - running',
        usingMetrics: {
          desired: serviceMetric(stage, 'desiredWorkers'),
          running: serviceMetric(stage, 'runningWorkers'),
        },
        period: Duration.minutes(1),
      }),
      from: 1,
      periods: 10,
      say: "ECS has not started all workers that it wants for ten minutes. The service's events say why: the account's quota of vCPUs, the image, the secrets.",
    });
    // A stage of a fixed size is always at its maximum.
    if (minWorkers === maxWorkers) return;
    this.#add('AtMaxWorkers', {
      metric: serviceMetric(stage, 'desiredWorkers'),
      from: maxWorkers,
      periods: 15,
      say: `Scaling wants ${maxWorkers} workers or more and may not add any (maxWorkers). Raise it, and the quota of vCPUs with it.`,
    });
  }

  #watchRedis(id: string, node: string): void {
    const metric = (metricName: string, statistic: string) =>
      new Metric({
        namespace: 'AWS/ElastiCache',
        metricName,
        dimensionsMap: { CacheClusterId: node },
        statistic,
        ...FIVE_MINUTES,
      });
    this.#add(`${id}Memory`, {
      metric: metric('DatabaseMemoryUsagePercentage', Stats.MAXIMUM),
      from: 75,
      periods: 2,
      say: 'The memory of Redis is filling up: too many streams for its node. Choose a larger redisNode.',
    });
    this.#add(`${id}Cpu`, {
      metric: metric('EngineCPUUtilization', Stats.AVERAGE),
      from: 70,
      periods: 2,
      say: 'Redis is busy, so joins become slow. Choose a larger redisNode.',
    });
    // Evictions would never be seen: with noeviction Redis refuses writes instead.
    this.#add(`${id}Full`, {
      metric: metric('DatabaseMemoryUsagePercentage', Stats.MAXIMUM),
      from: 95,
      say: 'Redis is full or will be at once. Then it refuses writes: viewers keep watching, but each worker counts and starts streams alone. Choose a larger redisNode now.',
    });
  }

  #add(id: string, { metric, from, periods = 1, below = false, missingIsBad = false, say }: Rule): void {
    const alarm = new Alarm(this, id, {
      metric,
      threshold: from,
      comparisonOperator: below
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: missingIsBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
      alarmDescription: say,
    });
    alarm.addAlarmAction(this.#action);
    alarm.addOkAction(this.#action);
    this.all.push(alarm);
  }
}

/**
 * Whoever raises an alarm may publish it. A topic's own policy replaces the one that SNS would give it, which lets the whole
 * account publish. `enforceSSL` makes such a policy, with nothing but a refusal in it, and `SnsAction` adds nothing to it.
 */
function letServicesPublish(topic: Topic): void {
  for (const service of ['cloudwatch', 'budgets']) {
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: `Allow${service}`,
        principals: [new ServicePrincipal(`${service}.amazonaws.com`)],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        // Nobody else's alarms: a service publishes for every account.
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(topic).account } },
      }),
    );
  }
}
