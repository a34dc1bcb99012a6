/** The workers: the stack that is deployed most often. */

import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { StageConfig } from '../config.ts';
import { ProxyService } from '../constructs/proxy-service.ts';
import { workerImage } from '../worker-image.ts';
import type { NetworkStack } from './network.ts';
import type { StateStack } from './state.ts';

export interface ProxyStackProps extends StackProps {
  readonly stage: StageConfig;
  readonly network: NetworkStack;
  readonly state: StateStack;
}

export class ProxyStack extends Stack {
  readonly proxy: ProxyService;

  constructor(scope: Construct, id: string, { stage, network, state, ...props }: ProxyStackProps) {
    super(scope, id, props);
    this.proxy = new ProxyService(this, 'Proxy', { stage, network, state, image: workerImage(this, stage) });
    new CfnOutput(this, 'ClusterName', { value: this.proxy.cluster.clusterName, description: 'The ECS cluster' });
    new CfnOutput(this, 'ServiceName', { value: this.proxy.service.serviceName, description: 'The ECS service' });
    new CfnOutput(this, 'LogGroup', { value: this.proxy.log.logGroupName, description: 'What workers log' });
  }
}
