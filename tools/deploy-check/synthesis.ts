/** The stacks of a stage as `cdk deploy` would send them, but without functions and images: no deployment is refused for those. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { readStage, type StageConfig } from '../../infra/config.ts';
import { addStacks } from '../../infra/streampool.ts';
import { type StageStack, stacksOf } from '../../infra/transitions/stage-stacks.ts';

/** What follows `-c` on the command line, by name. */
export type Context = Readonly<Record<string, string>>;

export interface Place {
  readonly account: string;
  readonly region: string;
}

/** @throws {StageError} for a stage that works nowhere */
export function stageOf(context: Context): StageConfig {
  return readStage(new App({ context: { ...cdkJson.context, ...context } }).node);
}

/** @param place where it is deployed: templates name the account and the region, as those of `cdk deploy` do */
export function stageStacks(context: Context, place: Place): StageStack[] {
  const outdir = mkdtempSync(join(tmpdir(), 'streampool-stage-'));
  const before = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
  try {
    setPlace(place);
    const app = new App({
      outdir,
      context: {
        ...cdkJson.context,
        ...context,
        'aws:cdk:bundling-stacks': [],
        'aws:cdk:disable-asset-staging': true,
      },
      builtinCloudFormationValidation: false,
    });
    addStacks(app, readStage(app.node));
    return stacksOf(app);
  } finally {
    setPlace(before);
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** The stacks read the environment, as `cdk` sets it for its app. */
function setPlace({ account, region }: Partial<Place>): void {
  for (const [name, value] of [
    ['CDK_DEFAULT_ACCOUNT', account],
    ['CDK_DEFAULT_REGION', region],
  ] as const) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
