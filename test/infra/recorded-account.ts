/** An account that answers as CloudFormation does when a stage is deployed in it: the templates as they were sent, page by page. */

import {
  CloudFormationClient,
  DescribeStacksCommand,
  GetTemplateCommand,
  ListExportsCommand,
  ListImportsCommand,
} from '@aws-sdk/client-cloudformation';
import { mockClient } from 'aws-sdk-client-mock';
import { exportsOf, importsOf, type StageStack } from '../../infra/transitions/stage-stacks.ts';

export const PLACE = { account: '123456789012', region: 'eu-central-1' };
const ZONES = ['a', 'b', 'c'].map((letter) => `${PLACE.region}${letter}`).join(',');
/** CloudFormation's pages have 100 entries. */
const PAGE = 2;

export interface Recorded {
  readonly stacks: readonly StageStack[];
  /** Stacks that are not in UPDATE_COMPLETE. */
  readonly status?: Readonly<Record<string, string>>;
  /** A stack of other people, and the resource whose exports it imports. */
  readonly stranger?: { readonly name: string; readonly imports: string };
  /** Whether the caller may not ask who imports. */
  readonly hidesImports?: boolean;
}

/** The client of such an account, and the names of all calls it got. */
export function recordedAccount({ stacks, status = {}, stranger, hidesImports = false }: Recorded): {
  client: CloudFormationClient;
  calls: () => string[];
} {
  const client = new CloudFormationClient({ region: PLACE.region });
  const mock = mockClient(client);
  const values = stacks.flatMap(({ name, template }) =>
    [...exportsOf(template).keys()].map((Name) => ({
      Name,
      ExportingStackId: idOf(name),
      Value: Name.endsWith(':Zones') ? ZONES : `value of ${Name}`,
    })),
  );

  const described = [
    ...stacks.map(({ name }) => ({
      StackName: name,
      StackId: idOf(name),
      StackStatus: status[name] ?? 'UPDATE_COMPLETE',
    })),
    // Other projects, and another stage.
    { StackName: 'CDKToolkit', StackId: idOf('CDKToolkit'), StackStatus: 'CREATE_COMPLETE' },
    {
      StackName: 'streampool-main2-network',
      StackId: idOf('streampool-main2-network'),
      StackStatus: 'CREATE_COMPLETE',
    },
  ];
  mock
    .on(DescribeStacksCommand)
    .callsFake(({ NextToken }: { NextToken?: string }) => page('Stacks', described, NextToken));
  mock.on(GetTemplateCommand).callsFake(({ StackName }: { StackName: string }) => {
    const stack = stacks.find(({ name }) => name === StackName);
    if (stack === undefined) throw validationError(`Stack with id ${StackName} does not exist`);
    return { TemplateBody: JSON.stringify(stack.template) };
  });
  mock.on(ListExportsCommand).callsFake(({ NextToken }: { NextToken?: string }) => page('Exports', values, NextToken));
  mock.on(ListImportsCommand).callsFake(({ ExportName, NextToken }: { ExportName: string; NextToken?: string }) => {
    if (hidesImports) throw Object.assign(new Error('User is not authorized to perform it'), { name: 'AccessDenied' });
    const own = stacks.filter(({ template }) => importsOf(template).has(ExportName)).map(({ name }) => name);
    const all = stranger !== undefined && ExportName.includes(stranger.imports) ? [...own, stranger.name] : own;
    if (all.length === 0) throw validationError(`Export '${ExportName}' is not imported by any stack.`);
    return page('Imports', all, NextToken);
  });
  return { client, calls: () => mock.calls().map(({ firstArg }) => (firstArg as object).constructor.name) };
}

function idOf(name: string): string {
  return `arn:aws:cloudformation:${PLACE.region}:${PLACE.account}:stack/${name}/0f3a1c80-0000-11f0-8000-0a58a9feac02`;
}

function page<Name extends string, T>(name: Name, all: readonly T[], token = '0'): Record<string, unknown> {
  const end = Number(token) + PAGE;
  return { [name]: all.slice(Number(token), end), ...(end < all.length ? { NextToken: String(end) } : {}) };
}

function validationError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ValidationError' });
}
