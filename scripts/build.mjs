// Bundles the deployed programs into dist/: each is one file that needs Node and nothing from node_modules.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureNode, ensureNodeModules, find, ROOT, run, SetupError } from './setup.mjs';

/** Each bundle: its entry, its file, and the folders beside it at run time. An absent entry is skipped. */
const BUNDLES = [
  {
    entry: 'services/proxy/src/main.ts',
    outfile: 'dist/proxy/main.js',
    // The API gives this folder to @fastify/swagger-ui as baseDir; the package cannot find its own files in a bundle.
    folders: {
      'node_modules/@fastify/swagger-ui/static': 'dist/proxy/static',
      'services/registry/redis/scripts': 'dist/proxy/scripts',
    },
  },
  { entry: 'tools/demo-source.ts', outfile: 'dist/demo-source/main.js', folders: {} },
  { entry: 'tools/demo-stream.mjs', outfile: 'dist/demo-stream/main.js', folders: {} },
  { entry: 'tools/ecs-agent-stub.ts', outfile: 'dist/ecs-agent-stub/main.js', folders: {} },
  {
    entry: 'services/admin-lambda/src/main.ts',
    outfile: 'dist/admin-lambda/main.js',
    folders: { 'services/registry/redis/scripts': 'dist/admin-lambda/scripts' },
  },
  // The functions to deploy: one folder each, with one file whose name makes it an ES module.
  {
    entry: 'services/admin-lambda/src/lambda.ts',
    outfile: 'dist/admin-functions/front/lambda.mjs',
    folders: {},
    minify: true,
  },
  {
    entry: 'services/admin-lambda/src/registry-lambda.ts',
    outfile: 'dist/admin-functions/registry/registry-lambda.mjs',
    folders: { 'services/registry/redis/scripts': 'dist/admin-functions/registry/scripts' },
    minify: true,
  },
  {
    entry: 'services/admin-lambda/src/authorizer.ts',
    outfile: 'dist/admin-functions/authorizer/authorizer.mjs',
    folders: {},
    minify: true,
  },
];

/** CommonJS packages inside an ES module bundle still need these three. */
const COMMONJS_GLOBALS = `
import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __fileURLToPath(new URL('.', import.meta.url));
`.trim();

/** FFmpeg's sandbox: its source, the built program, and the empty folder in which FFmpeg works. */
const SANDBOX_SOURCE = 'services/proxy/sandbox/sandbox.c';
const SANDBOX = 'dist/proxy/sandbox';
const EMPTY_FOLDER = 'dist/proxy/empty';

/** Builds every bundle; returns the files written. */
export async function build() {
  const present = BUNDLES.filter(({ entry }) => existsSync(join(ROOT, entry)));
  buildSandbox();
  await Promise.all(present.map((one) => bundle(one)));
  return present.map(({ outfile }) => outfile);
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
 * Builds one of the functions (front, registry, authorizer) into a folder of the caller's. The bytes are the same wherever and
 * whenever it is built, because the deployment identifies it by a hash of them.
 */
export async function buildFunction(name, folder) {
  const home = `dist/admin-functions/${name}/`;
  const found = BUNDLES.find(({ outfile }) => outfile.startsWith(home));
  if (found === undefined) throw new SetupError(`There is no function ${name}.`);
  const moved = (path) => join(folder, path.slice(home.length));
  const folders = Object.fromEntries(Object.entries(found.folders).map(([from, to]) => [from, moved(to)]));
  // A source map would contain the path from the folder to the sources.
  await bundle({ ...found, outfile: moved(found.outfile), folders, sourcemap: false });
}

async function bundle({ entry, outfile, folders, minify = false, sourcemap = true }) {
  const { build: esbuild } = await import('esbuild');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  await esbuild({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    // For the functions: less to load at a cold start.
    minify,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap,
    sourcesContent: false,
    banner: { js: COMMONJS_GLOBALS },
    // Only services/shared/version.ts reads this.
    define: { __STREAMPOOL_VERSION__: JSON.stringify(version) },
    logLevel: 'warning',
  });
  for (const [from, to] of Object.entries(folders)) {
    const target = resolve(ROOT, to);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(ROOT, from), target, { recursive: true });
  }
}

/** Builds unless every bundle is newer than every source file. */
export async function buildIfStale() {
  const newest = Math.max(
    ...['services', 'tools', 'scripts', 'package.json', 'package-lock.json'].map((path) =>
      newestChange(join(ROOT, path)),
    ),
  );
  const fresh = BUNDLES.filter(({ entry }) => existsSync(join(ROOT, entry))).every(({ outfile }) => {
    const file = join(ROOT, outfile);
    return existsSync(file) && statSync(file).mtimeMs > newest;
  });
  if (fresh) return;
  await build();
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
    const [part, name, folder] = process.argv.slice(2);
    try {
      if (part === '--function') return await buildFunction(name, folder);
      const files = await build();
      console.log(`Built ${files.join(', ')} in ${Math.round(performance.now() - started)} ms`);
    } catch (error) {
      // esbuild has printed the errors and their places.
      if (Array.isArray(error?.errors)) return 1;
      throw error;
    }
  });
}
