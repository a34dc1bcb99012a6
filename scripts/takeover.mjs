// `npm run test:takeover`: sets the machine up and plays every cell of the takeover matrix once, then fifty that seeds choose. Options:
// `-- --fifty` plays only those fifty; `--kinds direct,copy --bursts 0,3 --faults kill` plays only those cells; `--each 5` plays each
// five times; `--seeds 0` leaves out the fifty; `--seed 7` begins with that seed; `--worker COMMIT` plays each with that commit too;
// `--table` only prints. A cell that is not exact is printed with the command that plays it alone.
import { parseArgs } from 'node:util';
import { run, setup } from './setup.mjs';
import { runVitest } from './vitest.mjs';

await run(() => {
  setup({ tests: true });
  const { values } = parseArgs({
    options: {
      kinds: { type: 'string' },
      bursts: { type: 'string' },
      faults: { type: 'string' },
      each: { type: 'string' },
      seeds: { type: 'string' },
      seed: { type: 'string' },
      fifty: { type: 'boolean' },
      worker: { type: 'string' },
      table: { type: 'boolean' },
    },
  });
  process.env.STREAMPOOL_TAKEOVER = JSON.stringify(values);
  return runVitest(['--project', 'takeover', '--disable-console-intercept']);
});
