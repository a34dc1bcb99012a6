// `npm run test:soak`: sets the machine up and runs the random schedule of troubles, one more for the record of events, and hostile
// sources. Options: `-- --events 40 --record 40 --hostile 60 --seed 7`; the value of --hostile is in seconds.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, run, setup } from './setup.mjs';

await run(() => {
  setup({ tests: true });
  const { values } = parseArgs({
    options: {
      events: { type: 'string' },
      record: { type: 'string' },
      hostile: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const env = { ...process.env };
  if (values.events !== undefined) env.STREAMPOOL_SOAK_EVENTS = values.events;
  if (values.record !== undefined) env.STREAMPOOL_RECORD_EVENTS = values.record;
  if (values.hostile !== undefined) env.STREAMPOOL_HOSTILE_SECONDS = values.hostile;
  if (values.seed !== undefined) env.TEST_SEED = values.seed;
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--project', 'soak', '--disable-console-intercept'];
  return spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' }).status ?? 1;
});
