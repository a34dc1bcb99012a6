/** Entry of `cdk`: reads the stage from the context and makes its stacks, or says why that is impossible. */

import { App } from 'aws-cdk-lib';
import { addChecks } from './checks.ts';
import { readStage, StageError } from './config.ts';
import { checkPlainHttp } from './plain-http.ts';
import { addStacks } from './streampool.ts';

const app = new App({ builtinCloudFormationValidation: false });
try {
  const stage = readStage(app.node);
  const warning = checkPlainHttp(stage);
  if (warning !== undefined) process.stderr.write(`${warning}\n`);
  addChecks(app);
  addStacks(app, stage);
  app.synth();
} catch (error) {
  // What CDK found stands above already.
  const isFinding = error instanceof Error && error.name === 'ValidationFailed';
  if (!(error instanceof StageError) && !isFinding) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
