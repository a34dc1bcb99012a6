/** Accepts findings of cdk-nag. The qualified ids keep each finding with its reason in cdk.out/validation-report.json. */

import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** @example acknowledge(cluster, 'ECS4', 'The workers publish what is watched here.') */
export function acknowledge(on: IConstruct, rule: string, reason: string): void {
  Validations.of(on).acknowledge({ id: `AwsSolutions::AwsSolutions-${rule}`, reason });
}

/** Accepts a single wildcard of a policy. */
export function acknowledgeWildcard(on: IConstruct, resource: string, reason: string): void {
  acknowledge(on, `IAM5[Resource::${spelled(Stack.of(on).resolve(resource))}]`, reason);
}

/** A resource as cdk-nag writes it: references in angle brackets, and the names of exports as they are. */
function spelled(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::Join': join, 'Fn::GetAtt': attribute, 'Fn::ImportValue': name } = value as Record<string, unknown>;
  if (typeof Ref === 'string') return `<${Ref}>`;
  if (typeof name === 'string') return name;
  if (Array.isArray(attribute)) return `<${attribute.join('.')}>`;
  const [separator, parts] = join as [string, unknown[]];
  return parts.map(spelled).join(separator);
}
