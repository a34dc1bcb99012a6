/** All stacks of a stage, in the order of their dependencies. */

import type { App } from 'aws-cdk-lib';
import { Tags } from 'aws-cdk-lib';
import type { StageConfig } from './config.ts';
import { AdminStack } from './stacks/admin.ts';
import { NetworkStack } from './stacks/network.ts';
import { ObservabilityStack } from './stacks/observability.ts';
import { ProxyStack } from './stacks/proxy.ts';
import { StateStack } from './stacks/state.ts';

export interface Stacks {
  readonly network: NetworkStack;
  readonly state: StateStack;
  readonly proxy: ProxyStack;
  readonly admin: AdminStack;
  readonly observability: ObservabilityStack;
}

/** @example addStacks(app, readStage(app.node)).network.edge.url */
export function addStacks(app: App, stage: StageConfig): Stacks {
  const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: stage.region ?? process.env.CDK_DEFAULT_REGION };
  const of = (part: string) => ({ stage, env, stackName: `${stackPrefix(stage)}${part}` });
  const kept = { terminationProtection: stage.terminationProtection };
  const network = new NetworkStack(app, 'Network', { ...of('network'), ...kept });
  const state = new StateStack(app, 'State', { ...of('state'), ...kept, network });
  const proxy = new ProxyStack(app, 'Proxy', { ...of('proxy'), network, state });
  const admin = new AdminStack(app, 'Admin', { ...of('admin'), network, state, proxy: proxy.proxy });
  const observability = new ObservabilityStack(app, 'Observability', {
    ...of('observability'),
    edge: network.edge,
    redis: state.redis,
    admin: admin.admin,
    proxy: proxy.proxy,
  });
  Tags.of(app).add('streampool:stage', stage.stage);
  return { network, state, proxy, admin, observability };
}

/** How the names of a stage's stacks begin in CloudFormation. */
export function stackPrefix({ stage }: StageConfig): string {
  return `streampool-${stage}-`;
}
