/**
 * The order in which ElastiCache can change the number of Redis nodes. CloudFormation switches failover in the same step, and
 * ElastiCache allows it only while there is a replica.
 */

import type { Resource, Template } from './stage-stacks.ts';

interface Nodes {
  readonly count: number;
  readonly failover: boolean;
}

/** What AWS refuses about a Redis of `before` that is to become that of `after`. */
export function redisRefusals(before: Template, after: Template): string[] {
  return Object.entries(after.Resources ?? {}).flatMap(([id, wanted]) => {
    const present = before.Resources?.[id];
    if (wanted.Type !== 'AWS::ElastiCache::ReplicationGroup' || present === undefined) return [];
    const [from, to] = [nodesOf(present), nodesOf(wanted)];
    if (from.count === 1 && to.failover) {
      return [`ElastiCache turns failover on only for a Redis that has a replica already, and ${id} has none.`];
    }
    if (from.failover && to.count === 1) {
      return [`ElastiCache takes the last replica away only when failover is off already, and ${id} has it on.`];
    }
    return [];
  });
}

function nodesOf({ Properties = {} }: Resource): Nodes {
  return { count: Number(Properties.NumCacheClusters ?? 1), failover: Properties.AutomaticFailoverEnabled === true };
}
