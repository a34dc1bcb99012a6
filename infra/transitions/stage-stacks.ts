/** The stacks of a stage as plain data: what a deployment puts in place, or finds there. */

import type { App } from 'aws-cdk-lib';

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

export interface Template {
  readonly Resources?: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: string } }>>;
}

export interface StageStack {
  /** The name in CloudFormation, such as streampool-main-network. */
  readonly name: string;
  readonly template: Template;
  /** The names of all stacks that a deployment updates before this one. */
  readonly after: readonly string[];
}

/** The stacks of an app in the order in which `cdk deploy --all` updates them. */
export function stacksOf(app: App): StageStack[] {
  const { stacks } = app.synth();
  const needs = new Map<string, readonly string[]>();
  return stacks.map((stack) => {
    const direct = stack.dependencies.flatMap((each) => stacks.filter(({ id }) => id === each.id));
    const after = direct.flatMap(({ stackName }) => [stackName, ...(needs.get(stackName) ?? [])]);
    needs.set(stack.stackName, after);
    return { name: stack.stackName, template: stack.template as Template, after: [...new Set(after)] };
  });
}

/** The values of a template's exports, by the names that other stacks import. */
export function exportsOf({ Outputs = {} }: Template): ReadonlyMap<string, unknown> {
  return new Map(
    Object.values(Outputs).flatMap(({ Value, Export }): [string, unknown][] => (Export ? [[Export.Name, Value]] : [])),
  );
}

/** The names of all exports of other stacks that a template, or a part of it, uses. */
export function importsOf(part: unknown): ReadonlySet<string> {
  return new Set(callsOf('Fn::ImportValue', part).filter((name) => typeof name === 'string'));
}

/** The ids of the template's own resources that a value refers to. */
export function referencesOf(value: unknown): ReadonlySet<string> {
  const attributes = callsOf('Fn::GetAtt', value).map((argument) => [argument].flat()[0]);
  return new Set([...callsOf('Ref', value), ...attributes].filter((id) => typeof id === 'string'));
}

/** The arguments of every call of one of CloudFormation's functions, however deep in a value. */
function callsOf(name: string, value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(key === name ? [inner as unknown] : []),
    ...callsOf(name, inner),
  ]);
}

/**
 * A template with the names of zones in place of CloudFormation's choice of them, so that a number of zones and a list of the
 * same zones compare as equal.
 *
 * @param zones all zones of the region, in the order in which CloudFormation lists them in this account
 */
export function withZones<T>(value: T, zones: readonly string[]): T {
  const replaced = (inner: unknown): unknown => {
    if (typeof inner !== 'object' || inner === null) return inner;
    if (Array.isArray(inner)) return inner.map(replaced);
    const { 'Fn::Select': select } = inner as { 'Fn::Select'?: readonly [number | string, unknown] };
    if (select !== undefined && isAllZones(select[1])) return zones[Number(select[0])] ?? inner;
    return Object.fromEntries(Object.entries(inner).map(([key, each]) => [key, replaced(each)]));
  };
  return replaced(value) as T;
}

function isAllZones(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'Fn::GetAZs' in value;
}
