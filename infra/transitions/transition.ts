/** Whether CloudFormation can take a deployed stage to another one. Pure: two lists of stacks in, sentences out. */

import { isDeepStrictEqual } from 'node:util';
import { collisions } from './collisions.ts';
import { redisRefusal } from './redis-nodes.ts';
import { KEPT, type ResourceChange, resourceChanges } from './resource-changes.ts';
import { exportsOf, importsOf, referencesOf, type StageStack, type Template, withZones } from './stage-stacks.ts';
import { advice, LATER_IMPORT, REDIS_STEPS } from './what-to-do.ts';

export interface Refusal {
  readonly stack: string;
  /** What would happen, as a sentence. */
  readonly says: string;
  readonly whatToDo: string;
}

export interface Known {
  /** All zones of the region, in the order in which CloudFormation lists them in this account. */
  readonly zones: readonly string[];
  /** Stacks of other people that import an export of this stage: the export's name, and who they are. */
  readonly foreign?: ReadonlyMap<string, readonly string[]>;
}

/**
 * Every reason why a deployment of `after` over `before` would fail, or would replace what viewers depend on.
 *
 * A deployment updates one stack after the other. While it updates one, the stacks behind it still have their old templates.
 * So an export must stay as long as an old template of theirs imports it.
 */
export function refusals(
  before: readonly StageStack[],
  after: readonly StageStack[],
  { zones, foreign = new Map() }: Known,
): Refusal[] {
  const deployed = withZones(before, zones);
  return withZones(after, zones).flatMap((wanted) => {
    const present = deployed.find(({ name }) => name === wanted.name);
    if (present === undefined || isDeepStrictEqual(present.template, wanted.template)) return [];
    const changes = resourceChanges(present.template, wanted.template);
    const stack = wanted.name;
    return [
      ...lostExports(present.template, wanted.template, changes).flatMap(({ name, goes, type }) => {
        const users = importers(name, wanted, deployed, foreign);
        if (users.length === 0) return [];
        return [
          {
            stack,
            says: `The export ${name} ${goes}, while ${users.join(', ')} still import${users.length === 1 ? 's' : ''} it.`,
            whatToDo: advice(type) ?? LATER_IMPORT,
          },
        ];
      }),
      ...changes.filter(isLoss).map(({ id, type, how, because }) => ({
        stack,
        says: `${type} ${id} would be ${how}${because.length === 0 ? '' : ` because of ${because.join(', ')}`}.`,
        whatToDo: advice(type) ?? LATER_IMPORT,
      })),
      ...collisions(present.template, wanted.template, changes).map(({ id, type, what, holder }) => ({
        stack,
        says: `${type} ${id} wants ${what}, which ${holder === id ? 'the one that it replaces' : holder} has until the end of the update.`,
        whatToDo: advice(type) ?? LATER_IMPORT,
      })),
      ...[redisRefusal(present.template, wanted.template)].flatMap((found) =>
        found === undefined ? [] : [{ stack, says: `${found.says} (${found.id}).`, whatToDo: REDIS_STEPS }],
      ),
    ];
  });
}

export function isLoss({ type, how }: ResourceChange): boolean {
  return KEPT.includes(type) && (how === 'replaced' || how === 'removed');
}

interface LostExport {
  readonly name: string;
  readonly goes: 'would vanish' | 'would get another value';
  /** The type of the resource that the export names. */
  readonly type: string;
}

/** CloudFormation refuses to take an export away, and to give it another value, while another stack imports it. */
export function lostExports(before: Template, after: Template, changes: readonly ResourceChange[]): LostExport[] {
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

/** Who still imports an export while its stack is updated: all who import it now, except those that are updated before. */
function importers(
  name: string,
  exporter: StageStack,
  before: readonly StageStack[],
  foreign: NonNullable<Known['foreign']>,
): readonly string[] {
  const own = before.filter((stack) => importsOf(stack.template).has(name) && !exporter.after.includes(stack.name));
  return [...own.map((stack) => stack.name), ...(foreign.get(name) ?? [])];
}
