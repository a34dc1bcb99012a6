/** Whether CloudFormation can take a deployed stage to another one. Pure: two lists of stacks in, sentences out. */

import { isDeepStrictEqual } from 'node:util';
import { collisions } from './collisions.ts';
import { importers, lostExports } from './lost-exports.ts';
import { lostSubnets, redisRefusals } from './redis-nodes.ts';
import { KEPT, type ResourceChange, resourceChanges } from './resource-changes.ts';
import { type StageStack, withZones } from './stage-stacks.ts';
import { REDIS_STEPS, whatToDo, ZONES } from './what-to-do.ts';

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
    const refusal = (says: string, whatToDo: string): Refusal => ({ stack: wanted.name, says, whatToDo });
    return [
      ...lostExports(present.template, wanted.template, changes).flatMap(({ name, goes, type }) => {
        const users = [...importers(name, wanted, deployed), ...(foreign.get(name) ?? [])];
        const verb = users.length === 1 ? 'imports' : 'import';
        if (users.length === 0) return [];
        return [refusal(`The export ${name} ${goes}, while ${users.join(', ')} still ${verb} it.`, whatToDo(type))];
      }),
      ...changes.filter(isLoss).map(({ id, type, how, because }) => {
        const reason = because.length === 0 ? '' : ` because of ${because.join(', ')}`;
        return refusal(`${type} ${id} would be ${how}${reason}.`, whatToDo(type));
      }),
      ...collisions(present.template, wanted.template, changes).map(({ id, type, what, holder }) => {
        const other = holder === id ? 'the one that it replaces' : holder;
        return refusal(`${type} ${id} wants ${what}, which ${other} has until the end of the update.`, whatToDo(type));
      }),
      ...lostSubnets(present.template, wanted.template).map((says) => refusal(says, ZONES)),
      ...redisRefusals(present.template, wanted.template).map((says) => refusal(says, REDIS_STEPS)),
    ];
  });
}

export function isLoss({ type, how }: ResourceChange): boolean {
  return KEPT.includes(type) && (how === 'replaced' || how === 'removed');
}
