// `npm run bench:outages`: sets the machine up, builds, and measures what viewers see of a provider's faults.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ROOT, run, setup } from './setup.mjs';

await run(async () => {
  setup({ tests: true });
  await build();
  const args = ['--import', 'tsx', join(ROOT, 'test', 'bench', 'outages.ts'), ...process.argv.slice(2)];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
});
