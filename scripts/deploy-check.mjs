// `npm run deploy:check`: whether a stage can be deployed over what is there. Installs the Node modules, and runs
// tools/deploy-check.ts with the arguments given.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureNode, ensureNodeModules, ROOT, run } from './setup.mjs';

await run(() => {
  ensureNode();
  ensureNodeModules();
  const args = ['--import', 'tsx', join(ROOT, 'tools', 'deploy-check.ts'), ...process.argv.slice(2)];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
});
