// `npm run docs`: writes what the code says of itself into README.md, between the markers: the settings, the routes, a stage.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, SetupError, setup } from './setup.mjs';

/** Each section of the README: its marker, and the arguments of the program that prints it. */
const SECTIONS = {
  settings: [
    '-e',
    "import('./services/proxy/src/config/config.ts').then((c) => process.stdout.write(c.settingsTable()))",
  ],
  stage: ['-e', "import('./infra/config.ts').then((c) => process.stdout.write(c.stageTable()))"],
  routes: ['tools/routes-table.ts'],
};

await run(() => {
  setup();
  const readme = join(ROOT, 'README.md');
  const written = Object.entries(SECTIONS).reduce(
    (text, [name, program]) => replaceSection(text, name, output(name, program)),
    readFileSync(readme, 'utf8'),
  );
  writeFileSync(readme, written);
});

function output(name, program) {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', ...program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new SetupError(`The ${name} could not be read:\n${stderr}`);
  return stdout;
}

function replaceSection(text, name, content) {
  const section = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(\n<!-- /${name} -->)`);
  if (!section.test(text)) throw new SetupError(`README.md has no <!-- ${name} --> … <!-- /${name} --> section.`);
  return text.replace(section, (_, open, close) => `${open}\n${content}\n${close}`);
}
