/** The VPC of a stage: its own, or one that exists already. */

import { type Stack, Validations } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { StageConfig } from '../config.ts';
import { DEFAULT_VPC_CIDR, MAX_ZONES } from '../limits.ts';

/**
 * The constructs are children of the stack itself: deployed stages know them by these names.
 *
 * @param zones names of zones, or what gives them at deployment
 */
export function stageVpc(stack: Stack, stage: StageConfig, zones: readonly string[]): IVpc {
  const { vpcId, publicSubnetIds, isolatedSubnetIds } = stage;
  if (vpcId === undefined) return ownVpc(stack, stage, zones);
  // By its attributes: a look-up would ask the account at every synthesis.
  const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId,
    availabilityZones: [...zones],
    publicSubnetIds: [...(publicSubnetIds ?? [])],
    isolatedSubnetIds: [...(isolatedSubnetIds ?? [])],
  });
  Validations.of(vpc).acknowledge({
    id: 'Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId',
    reason: 'The stage adds no route to a VPC that is not its own, so it needs no route table.',
  });
  return vpc;
}

function ownVpc(stack: Stack, stage: StageConfig, zones: readonly string[]): Vpc {
  const vpc = new Vpc(stack, 'Vpc', {
    vpcName: `streampool-${stage.stage}`,
    ipAddresses: IpAddresses.cidr(stage.vpcCidr ?? DEFAULT_VPC_CIDR),
    maxAzs: zones.length,
    // Ranges are laid out for three zones in every stage. Without that, a third zone would move the ranges of the others,
    // and AWS refuses a subnet whose range another one still has.
    reservedAzs: MAX_ZONES - zones.length,
    // No NAT. Media to viewers leaves through the load balancer. Media from sources would come in through the NAT gateway,
    // which costs more than the workers: some 6,000 USD a month for 50 channels of 8 Mbit/s. So workers have public
    // addresses, and a security group that lets in only the load balancer and other workers.
    natGateways: 0,
    subnetConfiguration: [
      { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 20, mapPublicIpOnLaunch: false },
      { name: 'Isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
    ],
    // It is free, and keeps image layers (ECR stores them in S3) off the public path.
    gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
    // Nothing uses the default group. Emptying it would take a custom resource with its own rights.
    restrictDefaultSecurityGroup: false,
  });
  // Only refused connections: a record of each viewer's connection every minute would cost more than it tells.
  vpc.addFlowLog('Refused', {
    trafficType: FlowLogTrafficType.REJECT,
    destination: FlowLogDestination.toCloudWatchLogs(
      new LogGroup(stack, 'RefusedLog', { retention: RetentionDays.ONE_WEEK }),
    ),
  });
  return vpc;
}
