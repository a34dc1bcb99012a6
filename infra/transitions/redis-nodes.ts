/**
 * The order in which ElastiCache can change the number of Redis nodes. CloudFormation switches failover in the same step, and
 * ElastiCache allows it only while there is a replica.
 */

import type { Resource, Template } from './stage-stacks.ts';

interface Nodes {
  readonly count: number;
  readonly failover: boolean;
}

/** What AWS refuses about a Redis of `before` that is to become that of `after`; undefined when there is nothing. */
export function redisRefusal(before: Template, after: Template): { id: string; says: string } | undefined {
  for (const [id, wanted] of Object.entries(after.Resources ?? {})) {
    const present = before.Resources?.[id];
    if (wanted.Type !== 'AWS::ElastiCache::ReplicationGroup' || present === undefined) continue;
    const [from, to] = [nodesOf(present), nodesOf(wanted)];
    if (from.count === 1 && to.failover) {
      return { id, says: 'ElastiCache turns failover on only for a Redis that has a replica already' };
    }
    if (from.failover && to.count === 1) {
      return { id, says: 'ElastiCache takes the last replica away only when failover is off already' };
    }
  }
  return undefined;
}

function nodesOf({ Properties = {} }: Resource): Nodes {
  return { count: Number(Properties.NumCacheClusters ?? 1), failover: Properties.AutomaticFailoverEnabled === true };
}
