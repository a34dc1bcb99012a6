/** Stages as templates, quickly: without the checks, which have their own test, and without Docker. */

import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { checkStage, type StageConfig } from '../../infra/config.ts';
import { addStacks, type Stacks } from '../../infra/streampool.ts';

export const TEST_IMAGE = 'registry.example/streampool:1';

/** A stage with an image from a registry, and everything else as given. */
export function testStage(values: object = {}): StageConfig {
  return checkStage({ stage: 'test', image: TEST_IMAGE, ...values });
}

/** The feature flags of cdk.json, so that tests see what `cdk` makes; functions are not bundled, which has its own test. */
export function testApp(): App {
  const context = { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] };
  return new App({ context, builtinCloudFormationValidation: false });
}

export type Templates = { readonly [Name in keyof Stacks]: Template };

/** @example templates({ maxWorkers: 20 }).proxy.hasResourceProperties('AWS::ECS::Service', { … }) */
export function templates(values: object = {}): Templates {
  const stacks = addStacks(testApp(), testStage(values));
  const entries = Object.entries(stacks).map(([name, stack]) => [name, Template.fromStack(stack)]);
  return Object.fromEntries(entries) as Templates;
}

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

/** The properties of the only resource of a type. */
export function theOnly(template: Template, type: string): Record<string, unknown> {
  const found = Object.values(template.findResources(type) as Record<string, Resource>);
  if (found.length !== 1) throw new Error(`${found.length} resources of ${type}, not one`);
  return found[0]?.Properties ?? {};
}

/** The attributes of a load balancer or target group as one object. */
export function attributesOf(properties: Record<string, unknown>, name: string): Record<string, string> {
  const attributes = properties[name] as { Key: string; Value: string }[];
  return Object.fromEntries(attributes.map(({ Key, Value }) => [Key, Value]));
}
