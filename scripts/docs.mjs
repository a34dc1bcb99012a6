// `npm run docs`: writes the tables that come from the code into docs/, between markers: the settings, the routes, the metrics, a stage.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, SetupError, setup } from './setup.mjs';

/** Each section that the code writes: its marker, its page, and the arguments of the program that prints it. */
const SECTIONS = [
  {
    name: 'settings',
    page: 'settings.md',
    program: [
      '-e',
      "import('./services/proxy/src/config/config.ts').then((c) => process.stdout.write(c.settingsTable()))",
    ],
  },
  {
    name: 'stage',
    page: 'deploy-aws.md',
    program: ['-e', "import('./infra/config.ts').then((c) => process.stdout.write(c.stageTable()))"],
  },
  { name: 'routes', page: 'routes.md', program: ['tools/routes-table.ts'] },
  {
    name: 'metrics',
    page: 'metrics.md',
    program: [
      '-e',
      "import('./services/proxy/src/metrics/series.ts').then((s) => process.stdout.write(s.metricsTable()))",
    ],
  },
  {
    name: 'admin-routes',
    page: 'admin-api.md',
    program: [
      '-e',
      "import('./services/admin-lambda/src/routes/routes.ts').then((r) => process.stdout.write(r.routesTable()))",
    ],
  },
];

await run(() => {
  setup();
  for (const { name, page, program } of SECTIONS) {
    const path = join(ROOT, 'docs', page);
    writeFileSync(path, replaceSection(readFileSync(path, 'utf8'), name, page, output(name, program)));
  }
});

function output(name, program) {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', ...program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new SetupError(`The ${name} could not be read:\n${stderr}`);
  return stdout;
}

function replaceSection(text, name, page, content) {
  const section = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(\n<!-- /${name} -->)`);
  if (!section.test(text)) throw new SetupError(`docs/${page} has no <!-- ${name} --> … <!-- /${name} --> section.`);
  return text.replace(section, (_, open, close) => `${open}\n${content}\n${close}`);
}
