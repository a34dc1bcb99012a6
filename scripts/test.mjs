// `npm test`: sets the machine up, runs Vitest with the arguments given, and ends with one line of totals.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, run, setup } from './setup.mjs';
import { RESULTS, totals } from './totals.mjs';

await run(() => {
  setup({ tests: true });
  mkdirSync(dirname(RESULTS), { recursive: true });
  rmSync(RESULTS, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULTS}`];
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const given = process.argv.slice(2);
  const wanted = given.filter((arg) => arg !== '--long');
  // Every variant of the cluster's tests, more often and with longer outages.
  if (given.includes('--long')) process.env.STREAMPOOL_LONG = '1';
  // The soak takes ten minutes and has a command of its own.
  const projects = wanted.some((arg) => arg.startsWith('--project')) ? [] : ['--project=!soak'];
  const args = [vitest, 'run', ...reporters, ...projects, ...wanted];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  const { passed, failed, skipped } = totals();
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return status ?? 1;
});
