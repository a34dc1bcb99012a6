/** The parts that live longest and change least: the VPC, who may talk to whom, and the address for viewers. */

import { CfnOutput, Fn, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { type IVpc, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { StageConfig } from '../config.ts';
import { Edge } from '../constructs/edge.ts';
import { stageVpc } from '../constructs/stage-vpc.ts';
import { RELAY_PORT } from '../ports.ts';

/** `npm run deploy:check` reads it: only CloudFormation knows which zones a number stands for. */
export const ZONES_EXPORT = 'Zones';

export interface NetworkStackProps extends StackProps {
  readonly stage: StageConfig;
}

export class NetworkStack extends Stack {
  readonly vpc: IVpc;
  readonly workers: SecurityGroup;
  readonly edge: Edge;
  readonly #zones: string[];

  constructor(scope: Construct, id: string, { stage, ...props }: NetworkStackProps) {
    super(scope, id, props);
    const { zones } = stage;
    this.#zones =
      typeof zones === 'number' ? Array.from({ length: zones }, (_, index) => Fn.select(index, Fn.getAzs())) : zones;

    this.vpc = stageVpc(this, stage, this.#zones);
    if (typeof zones !== 'number') {
      Validations.of(this).acknowledge({
        id: 'CloudFormation-Validate::W3010',
        reason: 'The stage names the zones for its workers.',
      });
    }
    this.workers = new SecurityGroup(this, 'Workers', {
      vpc: this.vpc,
      description: 'Workers: from the load balancer, from each other, to any source',
      // Sources have any address and port; the worker's egress guard decides which addresses are allowed.
      allowAllOutbound: true,
    });
    this.workers.addIngressRule(this.workers, Port.tcp(RELAY_PORT), 'Relays between workers');

    this.edge = new Edge(this, 'Edge', { stage, vpc: this.vpc, workers: this.workers });
    new CfnOutput(this, 'PlayUrl', {
      value: `${this.edge.url}/stream/`,
      description:
        stage.playbackAuth === 'signed'
          ? 'Play streams here, with the signed URLs from the API'
          : 'Play streams here, by stream_id',
    });
    new CfnOutput(this, 'Zones', {
      value: Fn.join(',', Fn.getAzs()),
      description: 'All zones of the region; a number of zones in the stage takes the first of them',
      exportName: `${this.stackName}:${ZONES_EXPORT}`,
    });
    Validations.of(this).acknowledge({
      id: 'CloudFormation-Validate::E1022',
      reason: 'The rule does not know that Fn::GetAZs gives a list, which is what Fn::Join takes.',
    });
    new CfnOutput(this, 'ConsoleUrl', {
      value: `${this.edge.url}/console/`,
      description: 'The console (with API_TOKEN); CONSOLE=false switches it off',
    });
    new CfnOutput(this, 'ApiUrl', { value: this.edge.url, description: 'The workers: API (with API_TOKEN) and docs' });
  }

  /** Without names in the stage, the deployment chooses them, so that the synthesis needs no call to AWS. */
  override get availabilityZones(): string[] {
    return this.#zones;
  }
}
