// `npm run test:lambda`: runs the three functions of the admin API under AWS's own runtime interface client, on the Node that
// Lambda has, frozen between calls. It builds that client the first time, in .cache. It ends with one line of totals.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { find, installCommand, ROOT, run, SetupError, setup } from './setup.mjs';
import { runVitest } from './vitest.mjs';

const RIC = '4.0.2';
/** `nodejs24.x` of infra/constructs/admin-function.ts. */
const NODE = '24.21.0';
/** What the build of the client calls, and the Debian package of each. */
const TOOLS = [
  ['cmake', 'cmake'],
  ['make', 'make'],
  ['g++', 'g++'],
  ['xz', 'xz-utils'],
  ['python3', 'python3'],
  ['autoreconf', 'autoconf automake libtool'],
];

await run(() => {
  setup({ tests: true });
  const { node, ric } = ensureRuntime();
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  console.log(`The functions run under aws-lambda-ric ${RIC} on Node ${stdout.trim()}.`);
  process.env.STREAMPOOL_LAMBDA_NODE = node;
  process.env.STREAMPOOL_LAMBDA_RUNTIME = join(ric, 'index.mjs');
  return runVitest(['--project=integration', 'test/integration/admin-functions.test.ts', ...process.argv.slice(2)]);
});

/** The Node and the folder of the client. */
function ensureRuntime() {
  if (process.platform !== 'linux') throw new SetupError('The runtime interface client of Lambda needs Linux.');
  const nodePackage = `node-linux-${process.arch}`;
  const home = join(ROOT, '.cache', `lambda-${RIC}-${NODE}`);
  const nodeHome = join(home, 'node_modules', nodePackage);
  const ric = join(home, 'node_modules', 'aws-lambda-ric');
  const node = join(nodeHome, 'bin', 'node');
  if (existsSync(join(ric, 'rapid-client.node'))) return { node, ric };
  const missing = TOOLS.filter(([program]) => find(program) === undefined).map(([, name]) => name);
  if (missing.length > 0) {
    throw new SetupError(`The runtime interface client must be built: ${installCommand(missing.join(' '))}`);
  }
  console.error('Building the runtime interface client of Lambda; a minute or two …');
  mkdirSync(home, { recursive: true });
  const dependencies = { 'aws-lambda-ric': RIC, [nodePackage]: NODE };
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, dependencies }));
  // Its scripts run below, with the headers that come with that Node in place of a download.
  must('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], home, {});
  const path = [join(nodeHome, 'bin'), process.env.PATH].join(delimiter);
  for (const script of ['preinstall', 'postinstall']) {
    must('sh', [join('scripts', `${script}.sh`)], ric, { PATH: path, npm_config_nodedir: nodeHome });
  }
  return { node, ric };
}

function must(command, args, cwd, env) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return;
  const said = `${stdout ?? ''}\n${stderr ?? ''}`.trim().split('\n').slice(-20).join('\n');
  throw new SetupError(`${command} ${args.join(' ')} failed:\n${said}`);
}
