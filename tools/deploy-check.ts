/** Asks the account whether a stage can be deployed over what is there; `npm run deploy:check` runs it. */

import { parseArgs } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { StageError } from '../infra/config.ts';
import { check } from './deploy-check/check.ts';
import { report } from './deploy-check/report.ts';
import { type Context, stageOf } from './deploy-check/synthesis.ts';

const HELP = `
npm run deploy:check -- [-c name=value ...]

Says whether "npx cdk deploy --all" with the same options can succeed over what is deployed. It only reads, with the AWS
credentials of the shell: cloudformation:DescribeStacks, GetTemplate, ListExports and ListImports. It ends with 1 if not.
`;

const options = {
  context: { type: 'string', short: 'c', multiple: true },
  help: { type: 'boolean' },
} as const;

async function main(): Promise<void> {
  const { values } = parseArgs({ options, allowPositionals: false });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const context = Object.fromEntries((values.context ?? []).map(pair));
  const client = new CloudFormationClient(regionOf(context));
  const verdict = await check(client, context);
  process.stdout.write(report(verdict, await client.config.region()));
  process.exitCode = verdict.refusals.length === 0 ? 0 : 1;
}

function pair(text: string): [string, string] {
  const [name = '', ...rest] = text.split('=');
  if (name === '' || rest.length === 0) throw new RangeError(`-c ${text}: it must be name=value.\n${HELP}`);
  return [name, rest.join('=')];
}

/** The region of the stage, else that of the shell, as `cdk` has it; without both the AWS profile has it. */
function regionOf(context: Context): { region?: string } {
  const region = stageOf(context).region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  return region === undefined ? {} : { region };
}

try {
  await main();
} catch (error) {
  const known = error instanceof StageError || error instanceof RangeError || error instanceof TypeError;
  process.stderr.write(`${known ? error.message : explained(error)}\n`);
  process.exitCode = 1;
}

function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'CredentialsProviderError') {
    return `There are no AWS credentials in the shell, or no valid ones (${error.message}). "aws sts get-caller-identity" must answer.`;
  }
  if (/^Region is missing/.test(error.message)) {
    return 'No region is known. Set region in the stage, AWS_REGION in the shell, or a region in the AWS profile.';
  }
  return `The account did not answer: ${error.name}: ${error.message}`;
}
