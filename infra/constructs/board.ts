/** The dashboard: first the viewers, then their cost, then the workers behind them. */

import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  MathExpression,
  Metric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import { HttpCodeElb } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import { serviceMetric, targetMetric, workerMetric } from '../metrics.ts';
import type { Alarms, WatchedProps } from './alarms.ts';
import type { ProxyService } from './proxy-service.ts';

export interface BoardProps extends WatchedProps {
  readonly proxy: ProxyService;
  readonly alarms: Alarms;
}

const MINUTE = { period: Duration.minutes(1) };

export class Board extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { stage: { stage }, edge, redis, proxy, alarms }: BoardProps) {
    super(scope, id);
    const { loadBalancer } = edge;
    const sum = (name: Parameters<typeof workerMetric>[1]) => workerMetric(stage, name, 'Sum');
    const redisMetric = (metricName: string, statistic: string) =>
      redis.nodeIds.map(
        (node) =>
          new Metric({
            namespace: 'AWS/ElastiCache',
            metricName,
            dimensionsMap: { CacheClusterId: node },
            statistic,
            label: node,
          }),
      );

    this.dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(6) });
    this.dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', width: 24, height: 3, alarms: alarms.all }));
    this.dashboard.addWidgets(
      graph('Viewers', [sum('clients')]),
      graph('Viewers per worker, on average', [workerMetric(stage, 'clients', 'Average')]),
      graph('Viewers per FFmpeg', [
        math('viewers per process', 'clients / processes', { clients: sum('clients'), processes: sum('processes') }),
      ]),
    );
    this.dashboard.addWidgets(
      graph('Mbit/s', [
        math('through the load balancer', 'carried * 8 / 60 / 1000000', {
          carried: loadBalancer.metrics.processedBytes({ statistic: Stats.SUM, ...MINUTE }),
        }),
        math('to viewers, as workers count', 'sent * 8 / 60 / 1000000', { sent: sum('egressBytes') }),
        math('between workers', 'relayed * 8 / 60 / 1000000', { relayed: sum('relayBytes') }),
      ]),
      graph('FFmpeg processes', [sum('processes')]),
      graph('FFmpeg restarts and failed streams', [sum('ffmpegRestarts'), sum('errors')]),
    );
    this.dashboard.addWidgets(
      graph('Workers: taking viewers or not; wanted, running, starting', [
        targetMetric(edge, 'HealthyHostCount', { statistic: Stats.MINIMUM, ...MINUTE }),
        targetMetric(edge, 'UnHealthyHostCount', { statistic: Stats.MAXIMUM, ...MINUTE }),
        serviceMetric(stage, 'desiredWorkers'),
        serviceMetric(stage, 'runningWorkers'),
        serviceMetric(stage, 'pendingWorkers'),
      ]),
      graph('CPU and memory of workers, percent', [
        proxy.service.metricCpuUtilization(MINUTE),
        proxy.service.metricMemoryUtilization(MINUTE),
      ]),
      graph('Media in memory, bytes per worker', [workerMetric(stage, 'ringBytes', 'Average')]),
    );
    this.dashboard.addWidgets(
      graph('5xx', [
        targetMetric(edge, 'HTTPCode_Target_5XX_Count', { statistic: Stats.SUM, ...MINUTE }),
        loadBalancer.metrics.httpCodeElb(HttpCodeElb.ELB_5XX_COUNT, { statistic: Stats.SUM, ...MINUTE }),
      ]),
      graph('Redis: memory, percent', redisMetric('DatabaseMemoryUsagePercentage', Stats.MAXIMUM)),
      graph('Redis: CPU, percent', redisMetric('EngineCPUUtilization', Stats.AVERAGE)),
    );
  }
}

function graph(title: string, left: IMetric[]): IWidget {
  return new GraphWidget({ title, left, width: 8, height: 6, leftYAxis: { min: 0 } });
}

function math(label: string, expression: string, usingMetrics: Record<string, IMetric>): MathExpression {
  return new MathExpression({ label, expression, usingMetrics, ...MINUTE });
}
