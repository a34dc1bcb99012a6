// Bundles the console: hashed names, each file also compressed, and an index that names them. Too large a first view is an error.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { NOTICES, writeNotices } from './notices.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE = 'services/console';
const INDEX = 'index.html';

/** What a first view may weigh, compressed, in bytes: on a slow line of 2 Mbit/s it is there in a quarter of a second. */
export const FIRST_VIEW_BYTES = 60_000;

/** What is loaded beside it when something is played. */
export const PLAYER_BYTES = 60_000;

/** Browsers since the spring of 2024: older ones do not know `light-dark()`. */
const TARGET = ['chrome123', 'edge123', 'firefox120', 'safari17.5'];

/**
 * Writes the console into a folder, in place of what is there.
 *
 * @param {string} folder from the root of the project, or absolute
 * @returns {Promise<{ firstViewBytes: number, playerBytes: number }>} what a browser loads for the first page, and to play, compressed
 * @throws when that is more than `FIRST_VIEW_BYTES` or `PLAYER_BYTES`
 */
export async function bundleConsole(folder) {
  const target = join(folder.startsWith('/') ? '' : ROOT, folder);
  const made = `${target}.${process.pid}`;
  const { build } = await import('esbuild');
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [`${SOURCE}/src/main.tsx`, `${SOURCE}/src/style/console.css`],
    outdir: made,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: TARGET,
    minify: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
  const outputs = Object.entries(metafile.outputs);
  const fileOf = (entry) => {
    const found = outputs.find(([, { entryPoint }]) => entryPoint === `${SOURCE}/src/${entry}`);
    if (found === undefined) throw new Error(`The build of the console has made nothing of ${entry}.`);
    return found[0];
  };
  const [script, style] = [fileOf('main.tsx'), fileOf('style/console.css')];
  const page = readFileSync(join(ROOT, SOURCE, INDEX), 'utf8')
    .replace('%SCRIPT%', basename(script))
    .replace('%STYLE%', basename(style));
  writeFileSync(join(made, INDEX), page);
  writeNotices(made, metafile);
  const files = [...outputs.map(([path]) => basename(path)), INDEX, NOTICES];
  const bytes = new Map(files.map((name) => [name, compress(join(made, name))]));
  // The first page loads the plots at once, in a file of their own.
  const plots = fileOf('plots/plots.tsx');
  const scripts = new Set([script, plots].flatMap((path) => withImports(path, metafile.outputs)));
  const first = [INDEX, basename(style), ...[...scripts].map((path) => basename(path))];
  const firstViewBytes = first.reduce((sum, name) => sum + (bytes.get(name) ?? 0), 0);
  if (firstViewBytes > FIRST_VIEW_BYTES) {
    rmSync(made, { recursive: true });
    const sizes = first.map((name) => `${name}: ${bytes.get(name)}`).join(', ');
    throw new Error(
      `The first view of the console has ${firstViewBytes} bytes in brotli, and may have ${FIRST_VIEW_BYTES}. ${sizes}`,
    );
  }
  const playerBytes = outputs
    .filter(([, { entryPoint }]) => entryPoint === `${SOURCE}/src/player/player.tsx`)
    .flatMap(([path]) => withImports(path, metafile.outputs))
    .map((path) => basename(path))
    .filter((name) => !first.includes(name))
    .reduce((sum, name) => sum + (bytes.get(name) ?? 0), 0);
  if (playerBytes > PLAYER_BYTES) {
    rmSync(made, { recursive: true });
    throw new Error(`The player of the console has ${playerBytes} bytes in brotli, and may have ${PLAYER_BYTES}.`);
  }
  // A running worker has its files in memory.
  mkdirSync(dirname(target), { recursive: true });
  const old = `${made}.old`;
  if (existsSync(target)) renameSync(target, old);
  renameSync(made, target);
  rmSync(old, { recursive: true, force: true });
  return { firstViewBytes, playerBytes };
}

/** A script and all that it imports at once. What it imports later is in files of their own. */
function withImports(path, outputs, found = new Set()) {
  if (found.has(path)) return [];
  found.add(path);
  const { imports } = outputs[path];
  const next = imports.filter(({ kind }) => kind === 'import-statement');
  return [path, ...next.flatMap((each) => withImports(each.path, outputs, found))];
}

/** Writes a file compressed beside itself; returns its size in brotli. */
function compress(file) {
  const plain = readFileSync(file);
  const brotli = brotliCompressSync(plain, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
    },
  });
  writeFileSync(`${file}.br`, brotli);
  writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }));
  return brotli.length;
}
