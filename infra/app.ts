/** Entry of `cdk`: reads the stage from the context and makes its stacks, or says why that is impossible. */

import { App } from 'aws-cdk-lib';
import { addChecks } from './checks.ts';
import { readStage, StageError } from './config.ts';
import { addStacks } from './streampool.ts';

const app = new App({ builtinCloudFormationValidation: false });
try {
  addChecks(app);
  addStacks(app, readStage(app.node));
  app.synth();
} catch (error) {
  if (!(error instanceof StageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
