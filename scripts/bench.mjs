// `npm run bench`: sets the machine up, builds, and runs the benchmark with the arguments given.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ROOT, run, SetupError, setup } from './setup.mjs';

await run(async () => {
  setup({ redis: true, bench: true });
  const entry = join(ROOT, 'test', 'bench', 'main.ts');
  if (!existsSync(entry)) throw new SetupError('There is no benchmark yet: test/bench/main.ts is missing.');
  // Always rebuilt, so that the numbers belong to the current code.
  await build();
  const args = ['--import', 'tsx', entry, ...process.argv.slice(2)];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
});
