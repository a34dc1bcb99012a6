/**
 * The admin API and its schedules. A deployment changes its functions in place and replaces no worker. Without this stack viewers
 * go on, but nobody drains surplus workers, cleans Redis up, or tells workers which deployment ECS wants.
 */

import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { AdminApi, type AdminApiProps } from '../constructs/admin-api.ts';

export type AdminStackProps = StackProps & AdminApiProps;

export class AdminStack extends Stack {
  readonly admin: AdminApi;

  constructor(scope: Construct, id: string, { stage, network, state, proxy, ...props }: AdminStackProps) {
    super(scope, id, props);
    this.admin = new AdminApi(this, 'Admin', { stage, network, state, proxy });
    new CfnOutput(this, 'AdminUrl', { value: this.admin.url, description: 'The admin API' });
  }
}
