/** What to do in place of a change that AWS refuses, by the type of the resource that stands in its way. */

const NEW_STAGE =
  'Deploy a stage of another name beside this one, move the viewers to it, and remove this one (docs/deploy-aws.md, "Changing a stage").';

export const ZONES = `zones: leave the deployed zones as they are, in their order. A third one can be added behind them. For fewer or other zones: ${NEW_STAGE}`;

const ADVICE: Readonly<Record<string, string>> = {
  'AWS::EC2::Subnet': ZONES,
  'AWS::EC2::SubnetRouteTableAssociation': ZONES,
  'AWS::EC2::VPC': `Leave the network as it is. For another one: ${NEW_STAGE}`,
  'AWS::ElasticLoadBalancingV2::LoadBalancer': `The load balancer would get another address. ${NEW_STAGE}`,
  'AWS::ElasticLoadBalancingV2::TargetGroup': `No worker would be in the new target group at first. ${NEW_STAGE}`,
  'AWS::ElastiCache::ReplicationGroup': `Redis would be a new and empty one. ${NEW_STAGE}`,
  'AWS::ElastiCache::SubnetGroup': `Redis would move, which makes it a new and empty one. ${NEW_STAGE}`,
  'AWS::ECS::Cluster': `All workers would stop. ${NEW_STAGE}`,
  'AWS::ECS::Service': `All workers would stop. ${NEW_STAGE}`,
};

/** For what only another stack still uses. */
const TWO_DEPLOYMENTS =
  'Take the setting back. If it must change, deploy twice: first so that nothing uses the old resource, then without it.';

export function whatToDo(type: string): string {
  return ADVICE[type] ?? TWO_DEPLOYMENTS;
}

export const REDIS_STEPS =
  'Deploy twice. First with redisReplicas 1 and redisMultiAz false, then with the redisReplicas and redisMultiAz that you want.';
