/** Whether a stage can be deployed over what an account has of it. */

import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { ZONES_EXPORT } from '../../infra/stacks/network.ts';
import { stackPrefix } from '../../infra/streampool.ts';
import { lostExports } from '../../infra/transitions/lost-exports.ts';
import { exportsOf, type StageStack, withZones } from '../../infra/transitions/stage-stacks.ts';
import { type Refusal, refusals } from '../../infra/transitions/transition.ts';
import { type DeployedStack, deployedStacks, exportedValues, importersOf } from './account.ts';
import { type Context, stageOf, stageStacks } from './synthesis.ts';

export interface Verdict {
  /** The stacks of the stage that the account has. */
  readonly deployed: readonly string[];
  readonly refusals: readonly Refusal[];
}

/**
 * Compares the stage that `cdk deploy` would deploy with what the account has.
 *
 * @param context what follows `-c` on the command line, by name
 * @throws {StageError} for a stage that cannot be deployed anywhere
 */
export async function check(client: CloudFormationClient, context: Context): Promise<Verdict> {
  const present = await deployedStacks(client, stackPrefix(stageOf(context)));
  const [first] = present;
  if (first === undefined) return { deployed: [], refusals: [] };
  const wanted = stageStacks(context, { account: first.account, region: await client.config.region() });
  const deployed = wanted.flatMap((stack): StageStack[] => {
    const is = present.find(({ name }) => name === stack.name);
    return is === undefined ? [] : [{ ...stack, template: is.template }];
  });
  const zones = await zonesOf(client, wanted);
  const foreign = await foreignImports(client, deployed, wanted, zones);
  return {
    deployed: deployed.map(({ name }) => name),
    refusals: [...present.flatMap(unfinished), ...refusals(deployed, wanted, { zones, foreign })],
  };
}

/** All zones of the region. Without the export nothing is known, and a number of zones and a list count as different. */
async function zonesOf(client: CloudFormationClient, wanted: readonly StageStack[]): Promise<readonly string[]> {
  const names = wanted.flatMap(({ template }) => [...exportsOf(template).keys()]);
  const name = names.find((each) => each.endsWith(`:${ZONES_EXPORT}`)) ?? '';
  return (await exportedValues(client)).get(name)?.split(',') ?? [];
}

/** Stacks of other people that import what this deployment takes away. */
async function foreignImports(
  client: CloudFormationClient,
  deployed: readonly StageStack[],
  wanted: readonly StageStack[],
  zones: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const own = new Set(wanted.map(({ name }) => name));
  const lost = withZones(wanted, zones).flatMap((after) => {
    const before = withZones(deployed, zones).find(({ name }) => name === after.name);
    return before === undefined ? [] : lostExports(before.template, after.template).map(({ name }) => name);
  });
  const found = await Promise.all(
    lost.map(async (name): Promise<[string, string[]]> => {
      const importers = await importersOf(client, name);
      return [name, importers.filter((each) => !own.has(each))];
    }),
  );
  return new Map(found);
}

/** A stack that CloudFormation does not update before somebody has helped it. */
function unfinished({ name, status }: DeployedStack): Refusal[] {
  if (status.endsWith('_IN_PROGRESS')) {
    return [{ stack: name, says: `It is ${status}.`, whatToDo: 'Another deployment runs. Wait until it has ended.' }];
  }
  if (status === 'UPDATE_ROLLBACK_FAILED') {
    const whatToDo = `Run \`aws cloudformation continue-update-rollback --stack-name ${name}\`. Its events say what to mend before.`;
    return [{ stack: name, says: `It is ${status}.`, whatToDo }];
  }
  if (status.endsWith('_FAILED')) {
    const whatToDo = `Run \`npx cdk rollback\` for an update, or \`aws cloudformation delete-stack --stack-name ${name}\` for a creation or a deletion.`;
    return [{ stack: name, says: `It is ${status}.`, whatToDo }];
  }
  return [];
}
