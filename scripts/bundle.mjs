// Bundles programs into dist/: each is one file that needs Node and nothing from node_modules. The image of the workers is
// built with this file, console.mjs and notices.mjs alone of scripts/, so that a change of another script replaces no worker.
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundleConsole } from './console.mjs';
import { writeNotices } from './notices.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Each bundle: its entry, its file, the folders beside it at run time, and where its web pages go. */
const BUNDLES = [
  {
    entry: 'services/proxy/src/main.ts',
    outfile: 'dist/proxy/main.js',
    // The API gives this folder to @fastify/swagger-ui as baseDir; the package cannot find its own files in a bundle.
    folders: {
      'node_modules/@fastify/swagger-ui/static': 'dist/proxy/static',
      'services/registry/redis/scripts': 'dist/proxy/scripts',
    },
    console: 'dist/proxy/console',
  },
  { entry: 'services/cli/src/main.ts', outfile: 'dist/cli/main.js', folders: {} },
  { entry: 'tools/demo-source.ts', outfile: 'dist/demo-source/main.js', folders: {} },
  { entry: 'tools/demo-stream.mjs', outfile: 'dist/demo-stream/main.js', folders: {} },
  { entry: 'tools/ecs-agent-stub.ts', outfile: 'dist/ecs-agent-stub/main.js', folders: {} },
  {
    entry: 'services/admin-lambda/src/main.ts',
    outfile: 'dist/admin-lambda/main.js',
    folders: { 'services/registry/redis/scripts': 'dist/admin-lambda/scripts' },
  },
];

/**
 * A program keeps its text in memory for as long as it runs. Packages' comments are half of it, and with one letter beyond Latin-1 among
 * them, V8 keeps each letter in two bytes. Names stay as they are: errors are logged with them.
 */
const COMPACT = { minifyWhitespace: true, lineLimit: 160 };

/** CommonJS packages inside an ES module bundle still need these three. */
const COMMONJS_GLOBALS = `
import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __fileURLToPath(new URL('.', import.meta.url));
`.trim();

/** The bundles that a checkout can make: one without its entry is left out. */
export function bundles() {
  return BUNDLES.filter(({ entry }) => existsSync(join(ROOT, entry)));
}

/** @param options `form`: how the program is written; `{}` leaves the comments in it */
export async function bundle({ entry, outfile, folders, console: pages }, { form = COMPACT } = {}) {
  // First, because whoever looks for changes looks at the age of the program.
  if (pages !== undefined) await bundleConsole(pages);
  const { metafile } = await esbuild({
    ...form,
    entryPoints: [entry],
    outfile,
    sourcemap: true,
    sourcesContent: false,
  });
  copyFolders({ ...folders, LICENSE: join(dirname(outfile), 'LICENSE') });
  writeNotices(dirname(outfile), metafile);
}

/** Runs esbuild with what holds for every bundle. */
export async function esbuild(options) {
  const { build: run } = await import('esbuild');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return run({
    ...options,
    absWorkingDir: ROOT,
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: { js: COMMONJS_GLOBALS },
    // Only services/shared/version.ts reads this.
    define: { __STREAMPOOL_VERSION__: JSON.stringify(version) },
    logLevel: 'warning',
  });
}

/** Copies folders and files of the repository to where a bundle expects them. */
export function copyFolders(folders, home = '') {
  for (const [from, to] of Object.entries(folders)) {
    const target = resolve(ROOT, home, to);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(ROOT, from), target, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const name of process.argv.slice(2)) {
    const found = bundles().find(({ outfile }) => dirname(outfile) === `dist/${name}`);
    if (found === undefined) throw new Error(`There is no program ${name} to bundle, or its sources are not here.`);
    await bundle(found);
  }
}
