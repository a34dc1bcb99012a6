/** Exports that a deployment takes away or gives another value. CloudFormation refuses both while another stack imports them. */

import { isDeepStrictEqual } from 'node:util';
import { type ResourceChange, resourceChanges } from './resource-changes.ts';
import { exportsOf, importsOf, referencesOf, type StageStack, type Template } from './stage-stacks.ts';

export interface LostExport {
  readonly name: string;
  readonly goes: 'would vanish' | 'would get another value';
  /** The type of the resource that the export names. */
  readonly type: string;
}

export function lostExports(
  before: Template,
  after: Template,
  changes: readonly ResourceChange[] = resourceChanges(before, after),
): LostExport[] {
  const kept = exportsOf(after);
  const replaced = new Set(changes.filter(({ how }) => how === 'replaced').map(({ id }) => id));
  return [...exportsOf(before)].flatMap(([name, value]): LostExport[] => {
    const [id = ''] = referencesOf(value);
    const type = before.Resources?.[id]?.Type ?? '';
    if (!kept.has(name)) return [{ name, goes: 'would vanish', type }];
    const now = kept.get(name);
    const isSame = isDeepStrictEqual(now, value) && ![...referencesOf(now)].some((each) => replaced.has(each));
    return isSame ? [] : [{ name, goes: 'would get another value', type }];
  });
}

/** The stage's stacks that still import an export while its stack is updated: all that do now, except those updated before. */
export function importers(name: string, exporter: StageStack, deployed: readonly StageStack[]): string[] {
  return deployed
    .filter((stack) => importsOf(stack.template).has(name) && !exporter.after.includes(stack.name))
    .map((stack) => stack.name);
}
