// `npm run docs`: writes the settings tables into README.md from the code, between their markers.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureNode, ensureNodeModules, ROOT, run, SetupError } from './setup.mjs';

const SECTION = /(<!-- settings -->\n)[\s\S]*?(\n<!-- \/settings -->)/;

await run(() => {
  ensureNode();
  ensureNodeModules();
  const program = "import('./services/proxy/src/config.ts').then((c) => process.stdout.write(c.settingsTable()))";
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new SetupError(`The settings could not be read:\n${stderr}`);
  const readme = join(ROOT, 'README.md');
  const before = readFileSync(readme, 'utf8');
  if (!SECTION.test(before)) throw new SetupError('README.md has no <!-- settings --> … <!-- /settings --> section.');
  writeFileSync(
    readme,
    before.replace(SECTION, (_, open, close) => `${open}\n${stdout}\n${close}`),
  );
});
