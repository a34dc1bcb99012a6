/**
 * What AWS has only once. An update makes new resources first and removes old ones at its end, so for a time both are there. If
 * both claim one name, range or priority, AWS refuses the new one.
 */

import { BlockList } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { ResourceChange } from './resource-changes.ts';
import { type Resource, referencesOf, type Template } from './stage-stacks.ts';

export interface Collision {
  readonly id: string;
  readonly type: string;
  /** What both have, in words. */
  readonly what: string;
  /** The resource that has it until the end of the update. */
  readonly holder: string;
}

/** Properties that no two resources of a type may have in common. */
const ONCE: Readonly<Record<string, readonly string[]>> = {
  'AWS::ElasticLoadBalancingV2::Listener': ['LoadBalancerArn', 'Port'],
  'AWS::ElasticLoadBalancingV2::ListenerRule': ['ListenerArn', 'Priority'],
  'AWS::EC2::Route': ['RouteTableId', 'DestinationCidrBlock', 'DestinationIpv6CidrBlock'],
  'AWS::EC2::SubnetRouteTableAssociation': ['SubnetId'],
  'AWS::EC2::VPCGatewayAttachment': ['VpcId', 'InternetGatewayId'],
  'AWS::EC2::SecurityGroupIngress': ['GroupId', 'IpProtocol', 'FromPort', 'ToPort', 'CidrIp', 'SourceSecurityGroupId'],
  'AWS::EC2::SecurityGroupEgress': [
    'GroupId',
    'IpProtocol',
    'FromPort',
    'ToPort',
    'CidrIp',
    'DestinationSecurityGroupId',
  ],
  'AWS::Route53::RecordSet': ['HostedZoneId', 'Name', 'Type'],
  'AWS::ApiGatewayV2::Authorizer': ['ApiId', 'Name'],
  'AWS::ApiGatewayV2::Route': ['ApiId', 'RouteKey'],
  'AWS::ApiGatewayV2::Stage': ['ApiId', 'StageName'],
  'AWS::ApplicationAutoScaling::ScalableTarget': ['ResourceId', 'ScalableDimension', 'ServiceNamespace'],
  'AWS::ApplicationAutoScaling::ScalingPolicy': ['PolicyName', 'ScalingTargetId'],
  'AWS::ECS::ClusterCapacityProviderAssociations': ['Cluster'],
  // Another policy of the same name takes the place of the first. The end of the update then removes it.
  'AWS::IAM::Policy': ['PolicyName', 'Roles'],
};

/** Types whose name is a label. */
const NAME_IS_A_LABEL: readonly string[] = ['AWS::ApiGatewayV2::Api'];

export function collisions(before: Template, after: Template, changes: readonly ResourceChange[]): Collision[] {
  const made = changes.filter(({ how }) => how === 'made' || how === 'replaced');
  const isNew = (id: string) => made.some((change) => change.id === id);
  return made.flatMap(({ id, type }) => {
    const wanted = after.Resources?.[id];
    if (wanted === undefined) return [];
    return Object.entries(before.Resources ?? {}).flatMap(([holder, present]) => {
      const what = present.Type === type ? shared(wanted, present, isNew) : undefined;
      return what === undefined ? [] : [{ id, type, what, holder }];
    });
  });
}

/** What two resources of one type both claim; undefined when they can be there at the same time. */
function shared(one: Resource, other: Resource, isNew: (id: string) => boolean): string | undefined {
  const a = one.Properties ?? {};
  const b = other.Properties ?? {};
  // Two references to a resource that is new, too, mean two resources: the new one and the old one.
  const isSame = (name: string) => isDeepStrictEqual(a[name], b[name]) && ![...referencesOf(a[name])].some(isNew);
  if (one.Type === 'AWS::EC2::Subnet') {
    return isSame('VpcId') && overlap(a.CidrBlock, b.CidrBlock) ? `the range ${String(a.CidrBlock)}` : undefined;
  }
  const once = ONCE[one.Type];
  if (once !== undefined) {
    return once.every(isSame)
      ? once
          .filter((name) => typeof a[name] === 'string' || typeof a[name] === 'number')
          .map((name) => `${name} ${String(a[name])}`)
          .join(', ') || once.join(' and ')
      : undefined;
  }
  const name = nameProperty(one);
  return name !== undefined && isSame(name) ? `${name} ${JSON.stringify(a[name])}` : undefined;
}

/** The property that names the resource, for example `FunctionName` of a function, where the template gives it. */
function nameProperty({ Type, Properties = {} }: Resource): string | undefined {
  if (NAME_IS_A_LABEL.includes(Type)) return undefined;
  return [`${Type.split('::').at(-1)}Name`, 'Name'].find((name) => Properties[name] !== undefined);
}

/** Whether two IPv4 ranges have an address in common. Of two ranges that do, one holds the first address of the other. */
function overlap(one: unknown, other: unknown): boolean {
  const holds = (range: string, { address }: { address: string }) => {
    const list = new BlockList();
    const { address: first, bits } = rangeOf(range);
    list.addSubnet(first, bits);
    return list.check(address);
  };
  if (typeof one !== 'string' || typeof other !== 'string') return isDeepStrictEqual(one, other);
  return holds(one, rangeOf(other)) || holds(other, rangeOf(one));
}

function rangeOf(text: string): { address: string; bits: number } {
  const [address = '', bits] = text.split('/');
  return { address, bits: Number(bits) };
}
