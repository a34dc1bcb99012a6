// Builds all programs: their bundles, the functions of the admin API, and FFmpeg's sandbox.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, bundles, copyFolders, esbuild } from './bundle.mjs';
import { ensureNode, ensureNodeModules, find, ROOT, run } from './setup.mjs';

/** The functions of the admin API: a folder each, its module (whose name makes it an ES module), and the folders beside that. */
const FUNCTIONS_HOME = 'dist/admin-functions';
const FUNCTIONS = [
  { name: 'front', module: 'lambda', folders: {} },
  { name: 'registry', module: 'registry-lambda', folders: { 'services/registry/redis/scripts': 'scripts' } },
  { name: 'authorizer', module: 'authorizer', folders: {} },
].map((one) => ({ ...one, entry: `services/admin-lambda/src/${one.module}.ts` }));

/** FFmpeg's sandbox: its source, the built program, and the empty folder in which FFmpeg works. */
const SANDBOX_SOURCE = 'services/proxy/sandbox/sandbox.c';
const SANDBOX = 'dist/proxy/sandbox';
const EMPTY_FOLDER = 'dist/proxy/empty';

/** Builds every bundle; returns the files written. */
export async function build() {
  const present = bundles();
  buildSandbox();
  const [functions] = await Promise.all([buildFunctions(FUNCTIONS_HOME), ...present.map((one) => bundle(one))]);
  return [...present.map(({ outfile }) => outfile), ...functions];
}

/** The one program that is not JavaScript. Without a compiler the worker runs FFmpeg without a sandbox, and both say so. */
export function buildSandbox() {
  if (process.platform !== 'linux') return;
  const [source, target] = [join(ROOT, SANDBOX_SOURCE), join(ROOT, SANDBOX)];
  mkdirSync(join(ROOT, EMPTY_FOLDER), { recursive: true });
  chmodSync(join(ROOT, EMPTY_FOLDER), 0o555);
  const compiler = [process.env.CC, 'cc', 'gcc', 'clang'].find((name) => name && find(name) !== undefined);
  if (compiler === undefined) {
    console.error('No C compiler was found: FFmpeg will run without a sandbox. Debian: apt-get install gcc libc6-dev');
    return;
  }
  // Written under another name first: a running worker may be using the old one.
  const made = `${target}.${process.pid}`;
  const { status, stderr } = spawnSync(compiler, ['-O2', '-Wall', '-Wextra', '-o', made, source], { encoding: 'utf8' });
  if (status === 0) renameSync(made, target);
  else console.error(`${compiler} could not build ${SANDBOX_SOURCE}, so FFmpeg will run without a sandbox:\n${stderr}`);
}

/**
 * Builds the functions of the admin API into folders of their names below `home`, all in one run of esbuild. The bytes are the
 * same wherever and whenever it is built, because the deployment identifies a function by a hash of them. Returns the files
 * written.
 */
export async function buildFunctions(home) {
  const present = FUNCTIONS.filter(({ entry }) => existsSync(join(ROOT, entry)));
  if (present.length === 0) return [];
  await esbuild({
    entryPoints: Object.fromEntries(present.map(({ name, module, entry }) => [`${name}/${module}`, entry])),
    outdir: home,
    outExtension: { '.js': '.mjs' },
    // Less to load at a cold start.
    minify: true,
    // A source map would contain the path from the folder to the sources.
    sourcemap: false,
  });
  for (const { name, folders } of present) copyFolders(folders, join(home, name));
  return present.map((one) => fileOf(one, home));
}

function fileOf({ name, module }, home) {
  return `${home}/${name}/${module}.mjs`;
}

/** Builds unless every bundle is newer than every source file. */
export async function buildIfStale() {
  const newest = Math.max(
    ...['services', 'tools', 'scripts', 'package.json', 'package-lock.json'].map((path) =>
      newestChange(join(ROOT, path)),
    ),
  );
  const functions = FUNCTIONS.map((one) => ({ ...one, outfile: fileOf(one, FUNCTIONS_HOME) }));
  const present = [...bundles(), ...functions.filter(({ entry }) => existsSync(join(ROOT, entry)))];
  const fresh = present.every(({ outfile }) => {
    const file = join(ROOT, outfile);
    return existsSync(file) && statSync(file).mtimeMs > newest;
  });
  if (fresh) return;
  await build();
  await endBuilder();
}

/** Builds one bundle unless it is newer than these sources. */
export async function bundleIfStale(outfile, sources) {
  const all = [...sources, 'package.json', 'package-lock.json'];
  const newest = Math.max(...all.map((path) => newestChange(join(ROOT, path))));
  const file = join(ROOT, outfile);
  if (existsSync(file) && statSync(file).mtimeMs > newest) return;
  await Promise.all(
    bundles()
      .filter((one) => one.outfile === outfile)
      .map(bundle),
  );
  await endBuilder();
}

/** Ends the process that esbuild keeps for the next build: programs started after this run for a long time. */
export async function endBuilder() {
  const { stop } = await import('esbuild');
  await stop();
}

function newestChange(path) {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestChange(join(path, name))), stats.mtimeMs);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await run(async () => {
    ensureNode();
    ensureNodeModules();
    const started = performance.now();
    const [part, home] = process.argv.slice(2);
    try {
      const isForDeployment = part === '--functions';
      const files = isForDeployment ? await buildFunctions(home) : await build();
      console.log(`Built ${files.join(', ')} in ${Math.round(performance.now() - started)} ms`);
    } catch (error) {
      // esbuild has printed the errors and their places.
      if (Array.isArray(error?.errors)) return 1;
      throw error;
    }
  });
}
