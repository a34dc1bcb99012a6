// `npm run test:deploy`: sets the machine up and plays a deployment, a scale-in, a rollback, a drain and a hung worker of ECS while viewers
// watch. It ends with one line of totals. `-- --scale 200` divides the waiting times of AWS by 200.
import { parseArgs } from 'node:util';
import { run, setup } from './setup.mjs';
import { runVitest } from './vitest.mjs';

await run(() => {
  setup({ tests: true });
  const { values } = parseArgs({ options: { scale: { type: 'string' } } });
  if (values.scale !== undefined) process.env.STREAMPOOL_DEPLOY_SCALE = values.scale;
  return runVitest(['--project', 'deploy', '--disable-console-intercept']);
});
