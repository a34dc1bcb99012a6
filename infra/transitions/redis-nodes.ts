/**
 * What ElastiCache refuses about the nodes of a Redis. It switches failover only while there is a replica, and CloudFormation
 * changes the number of nodes and failover in one step. And it keeps each subnet that has a node.
 */

import { isDeepStrictEqual } from 'node:util';
import { importsOf, type Resource, type Template } from './stage-stacks.ts';

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

/** The subnets that a Redis of `before` would lose. ElastiCache refuses it for a subnet with a node in it. */
export function lostSubnets(before: Template, after: Template): string[] {
  return Object.entries(after.Resources ?? {}).flatMap(([id, wanted]) => {
    const present = before.Resources?.[id];
    if (wanted.Type !== 'AWS::ElastiCache::SubnetGroup' || present === undefined) return [];
    const kept = subnetsOf(wanted);
    const lost = subnetsOf(present).filter((subnet) => !kept.some((each) => isDeepStrictEqual(each, subnet)));
    return lost.map((subnet) => `Redis may have a node in ${nameOf(subnet)}, which ${id} would lose.`);
  });
}

/** An id, or the export that holds it. */
function nameOf(subnet: unknown): string {
  return typeof subnet === 'string' ? subnet : [...importsOf(subnet)].join();
}

function subnetsOf({ Properties = {} }: Resource): readonly unknown[] {
  return Array.isArray(Properties.SubnetIds) ? Properties.SubnetIds : [];
}

function nodesOf({ Properties = {} }: Resource): Nodes {
  return { count: Number(Properties.NumCacheClusters ?? 1), failover: Properties.AutomaticFailoverEnabled === true };
}
