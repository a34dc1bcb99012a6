/** What an update of one stack does to its resources: which it makes, and which it takes away. */

import { fullDiff, ResourceImpact } from '@aws-cdk/cloudformation-diff';
import type { Template } from './stage-stacks.ts';

/**
 * The resources that a running stage cannot do without. A new Redis is an empty registry, a new load balancer another address,
 * a new target group or service a time without workers, and a subnet cannot go while anything is in it. With another bucket,
 * recordings are no longer listed.
 */
export const KEPT: readonly string[] = [
  'AWS::EC2::VPC',
  'AWS::EC2::Subnet',
  'AWS::EC2::SecurityGroup',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
  'AWS::ElasticLoadBalancingV2::TargetGroup',
  'AWS::ElastiCache::ReplicationGroup',
  'AWS::ElastiCache::SubnetGroup',
  'AWS::SecretsManager::Secret',
  'AWS::S3::Bucket',
  'AWS::ECS::Cluster',
  'AWS::ECS::Service',
];

export interface ResourceChange {
  readonly id: string;
  readonly type: string;
  readonly how: 'made' | 'changed' | 'replaced' | 'removed';
  /** For a replaced resource: the properties because of which AWS makes another one. */
  readonly because: readonly string[];
}

const HOW: Partial<Record<ResourceImpact, ResourceChange['how']>> = {
  [ResourceImpact.WILL_CREATE]: 'made',
  [ResourceImpact.WILL_UPDATE]: 'changed',
  [ResourceImpact.WILL_REPLACE]: 'replaced',
  // Whether it is replaced depends on the value. Nothing here knows it, so the answer is the one that is safe.
  [ResourceImpact.MAY_REPLACE]: 'replaced',
  [ResourceImpact.WILL_DESTROY]: 'removed',
  [ResourceImpact.WILL_ORPHAN]: 'removed',
};

/** @example resourceChanges(deployed, wanted).filter(({ how }) => how === 'replaced') */
export function resourceChanges(before: Template, after: Template): ResourceChange[] {
  const changes: ResourceChange[] = [];
  fullDiff(before, after).resources.forEachDifference((id, difference) => {
    const how = HOW[difference.changeImpact];
    if (how === undefined) return;
    const because = Object.entries(difference.propertyUpdates)
      .filter(([, { changeImpact }]) => changeImpact !== undefined && HOW[changeImpact] === 'replaced')
      .map(([name]) => name);
    changes.push({ id, type: difference.newResourceType ?? difference.oldResourceType ?? '', how, because });
  });
  return changes;
}
