/**
 * What is deployed must not be replaced by accident: a new Redis is an empty registry, a new load balancer another address,
 * a new target group or service a moment without workers. The golden file holds these resources as they are deployed today.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KEPT, resourceChanges } from '../../infra/transitions/resource-changes.ts';
import type { Resource } from '../../infra/transitions/stage-stacks.ts';
import { isLoss } from '../../infra/transitions/transition.ts';
import { templates } from './support.ts';

const FILE = join(import.meta.dirname, 'golden.json');
const HOW = `If that is meant: say in the commit message how running stages get over it, and write the file anew with
UPDATE_GOLDEN=true npx vitest run --project infra test/infra/golden.test.ts`;

const STACKS = ['network', 'state', 'proxy'] as const;
type Golden = Record<(typeof STACKS)[number], { Resources: Record<string, Resource> }>;

function current(): Golden {
  const all = templates();
  const kept = (stack: (typeof STACKS)[number]) => {
    const { Resources } = all[stack].toJSON() as { Resources: Record<string, Resource> };
    return { Resources: Object.fromEntries(Object.entries(Resources).filter(([, { Type }]) => KEPT.includes(Type))) };
  };
  return Object.fromEntries(STACKS.map((stack) => [stack, kept(stack)])) as Golden;
}

/** Each resource that a deployment of `after` over `before` would replace or take away. */
function losses(before: Golden, after: Golden): string[] {
  return STACKS.flatMap((stack) =>
    resourceChanges(before[stack], after[stack])
      .filter(isLoss)
      .map(({ type, id, how }) => `${type} ${id}: ${how}`),
  );
}

if (process.env.UPDATE_GOLDEN === 'true') writeFileSync(FILE, `${JSON.stringify(current(), undefined, 2)}\n`);
const golden = JSON.parse(readFileSync(FILE, 'utf8')) as Golden;

describe('what is deployed', () => {
  it('is not replaced', () => {
    expect(losses(golden, current()), HOW).toEqual([]);
  });

  it('is what the golden file says', () => {
    expect(current(), `Nothing is lost by this change, but the file is out of date. ${HOW}`).toEqual(golden);
  });
});

describe('the comparison sees', () => {
  const idOf = (stack: keyof Golden, type: string): string =>
    Object.entries(golden[stack].Resources).find(([, { Type }]) => Type === type)?.[0] ?? '';

  it.each<[string, keyof Golden, string, Record<string, unknown>]>([
    ['another port of Redis', 'state', 'AWS::ElastiCache::ReplicationGroup', { Port: 6379 }],
    [
      'another scheme of the load balancer',
      'network',
      'AWS::ElasticLoadBalancingV2::LoadBalancer',
      { Scheme: 'internal' },
    ],
    ['another port of the target group', 'network', 'AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 8086 }],
    ['another launch type of the service', 'proxy', 'AWS::ECS::Service', { LaunchType: 'EXTERNAL' }],
    ['another range of the VPC', 'network', 'AWS::EC2::VPC', { CidrBlock: '10.1.0.0/16' }],
  ])('%s', (_, stack, type, properties) => {
    const after = structuredClone(golden);
    Object.assign(after[stack].Resources[idOf(stack, type)]?.Properties ?? {}, properties);
    expect(losses(golden, after).join()).toContain(type);
  });

  it('another name in the code, which is another resource', () => {
    const after = structuredClone(golden);
    const id = idOf('state', 'AWS::ElastiCache::ReplicationGroup');
    const { [id]: moved, ...others } = after.state.Resources;
    after.state.Resources = { ...others, ...(moved && { Renamed: moved }) };
    expect(losses(golden, after).join()).toContain('removed');
  });

  it('but not a change that is made in place', () => {
    const after = structuredClone(golden);
    const id = idOf('state', 'AWS::ElastiCache::ReplicationGroup');
    Object.assign(after.state.Resources[id]?.Properties ?? {}, { CacheNodeType: 'cache.m7g.large' });
    expect(losses(golden, after)).toEqual([]);
  });
});
