/** The dashboard, and the alarms. */

import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Alarms, type WatchedProps } from '../constructs/alarms.ts';
import { Board } from '../constructs/board.ts';
import type { ProxyService } from '../constructs/proxy-service.ts';

export interface ObservabilityStackProps extends StackProps, WatchedProps {
  readonly proxy: ProxyService;
}

export class ObservabilityStack extends Stack {
  constructor(scope: Construct, id: string, { stage, edge, redis, admin, proxy, ...props }: ObservabilityStackProps) {
    super(scope, id, props);
    const watched = { stage, edge, redis, admin };
    const alarms = new Alarms(this, 'Alarms', watched);
    const { dashboard } = new Board(this, 'Board', { ...watched, proxy, alarms });
    new CfnOutput(this, 'DashboardName', { value: dashboard.dashboardName, description: 'The CloudWatch dashboard' });
    new CfnOutput(this, 'AlarmTopic', { value: alarms.topic.topicArn, description: 'Where alarms are published' });
  }
}
