/** What an AWS account has deployed of a stage. It only reads. */

import {
  type CloudFormationClient,
  GetTemplateCommand,
  paginateDescribeStacks,
  paginateListExports,
  paginateListImports,
} from '@aws-sdk/client-cloudformation';
import type { Template } from '../../infra/transitions/stage-stacks.ts';

export interface DeployedStack {
  readonly name: string;
  readonly account: string;
  /** CloudFormation's word, such as UPDATE_COMPLETE. */
  readonly status: string;
  readonly template: Template;
}

/** A creation that failed leaves a stack without resources. `cdk deploy` removes it and begins anew. */
const EMPTY: readonly string[] = ['ROLLBACK_COMPLETE', 'REVIEW_IN_PROGRESS', 'DELETE_COMPLETE'];

/** All deployed stacks whose names begin so. */
export async function deployedStacks(client: CloudFormationClient, prefix: string): Promise<DeployedStack[]> {
  const found: DeployedStack[] = [];
  for await (const { Stacks = [] } of paginateDescribeStacks({ client }, {})) {
    for (const { StackName: name = '', StackStatus: status = '', StackId = '' } of Stacks) {
      if (!name.startsWith(prefix) || EMPTY.includes(status)) continue;
      const template = await templateOf(client, name);
      found.push({ name, account: accountOf(StackId), status, template });
    }
  }
  return found;
}

/** All exports of the account in this region: name to value. */
export async function exportedValues(client: CloudFormationClient): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for await (const { Exports = [] } of paginateListExports({ client }, {})) {
    for (const { Name, Value } of Exports) if (Name !== undefined && Value !== undefined) values.set(Name, Value);
  }
  return values;
}

/** The names of all stacks that import an export. */
export async function importersOf(client: CloudFormationClient, exportName: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const { Imports = [] } of paginateListImports({ client }, { ExportName: exportName })) {
      names.push(...Imports);
    }
    return names;
  } catch (error) {
    // CloudFormation answers "there is none" with an error, which has no other mark than its text.
    if (error instanceof Error && /is not imported by any stack/.test(error.message)) return [];
    throw error;
  }
}

async function templateOf(client: CloudFormationClient, name: string): Promise<Template> {
  const { TemplateBody = '' } = await client.send(
    new GetTemplateCommand({ StackName: name, TemplateStage: 'Original' }),
  );
  try {
    return JSON.parse(TemplateBody) as Template;
  } catch (cause) {
    throw new Error(
      `The template of ${name} is no JSON, so this project has not deployed it. Choose another stage name.`,
      {
        cause,
      },
    );
  }
}

/** `arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>` */
function accountOf(stackId: string): string {
  return stackId.split(':')[4] ?? '';
}
