// Plays schedules of faults on a simulated cluster, in as many processes as there are cores.
// npm run test:simulation -- [--seeds 10000] [--from 1] [--planted [part of a name]] [--story SEED] [--processes 2] [--keep-on] [--live]
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { ROOT } from './setup.mjs';

const HOME = join(ROOT, 'node_modules/.cache/simulation');
/** A schedule makes many objects that live as long as it. */
const FLAGS = ['--max-semi-space-size=64'];
const SCRIPTS = 'services/registry/redis/scripts';

/** Bundles a module into a folder of its own, with one text of the sources replaced; returns the file. */
async function bundled(entry, name, fault) {
  const home = join(HOME, name);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  cpSync(join(ROOT, SCRIPTS), join(home, 'scripts'), { recursive: true });
  const outfile = join(home, `${name}.mjs`);
  const changed = (text) => {
    if (!text.includes(fault.find))
      throw new Error(`${fault.file} does not have the text that '${fault.name}' replaces`);
    return text.replace(fault.find, fault.replace);
  };
  if (fault?.file.endsWith('.lua')) {
    const file = join(home, 'scripts', fault.file.slice(SCRIPTS.length + 1));
    writeFileSync(file, changed(readFileSync(file, 'utf8')));
  }
  const planted = {
    name: 'planted fault',
    setup: ({ onLoad }) => {
      if (fault === undefined || fault.file.endsWith('.lua')) return;
      onLoad({ filter: /\.ts$/ }, ({ path }) =>
        path === join(ROOT, fault.file) ? { contents: changed(readFileSync(path, 'utf8')), loader: 'ts' } : undefined,
      );
    },
  };
  await build({
    entryPoints: [join(ROOT, entry)],
    outfile,
    bundle: true,
    // What it is said to be has no effect; read from package.json it would be sought beside the bundle.
    define: { __STREAMPOOL_VERSION__: "'simulated'" },
    platform: 'node',
    format: 'esm',
    packages: 'external',
    sourcemap: true,
    logLevel: 'error',
    plugins: [planted],
  });
  return outfile;
}

/** Plays in one process; calls back with each line that it says. */
function play(file, options, onLine) {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [...FLAGS, ...(options.story ? ['--enable-source-maps'] : []), file, JSON.stringify(options)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => onLine(JSON.parse(line), child));
    child.once('error', reject);
    child.once('close', (code, signal) =>
      code === 0 || signal === 'SIGTERM' ? resolve() : reject(new Error(`a simulation ended with ${code ?? signal}`)),
    );
  });
}

/** Plays seeds in several processes; returns the totals and what was found. */
async function playAll(file, { from, count, processes, endsAtFirst, shrinks, onFound = () => undefined }) {
  const total = { played: 0, steps: 0, virtualMs: 0, cpuMs: 0, found: [] };
  const begunMs = performance.now();
  const children = new Set();
  const onLine = (line, child) => {
    children.add(child);
    if (line.played !== undefined) for (const key of ['played', 'steps', 'virtualMs', 'cpuMs']) total[key] += line[key];
    else {
      total.found.push(line);
      onFound(line);
    }
    if (endsAtFirst && line.rule !== undefined && !shrinks)
      for (const each of children) if (each !== child) each.kill();
  };
  const parts = Array.from({ length: processes }, (_, n) =>
    play(
      file,
      {
        from: from + n,
        count: count - n,
        step: processes,
        endsAtFirst,
        shrinks,
        story: false,
        live: args.includes('--live'),
      },
      onLine,
    ),
  );
  await Promise.all(parts);
  return { ...total, ms: performance.now() - begunMs };
}

function shown({ seed, rule, what, sentences, story, schedule }) {
  if (rule !== undefined) return `seed ${seed} breaks '${rule}': ${what}`;
  return [`\nseed ${seed}, shortened:`, ...sentences, '', ...story, '', JSON.stringify(schedule)].join('\n');
}

/** The first schedule that breaks a rule with a planted fault and does not without it. */
async function foundBy(file, sound) {
  const begunMs = performance.now();
  for (let next = from; next < from + count; ) {
    const rest = from + count - next;
    const options = { from: next, count: rest, processes, endsAtFirst: true, shrinks: false };
    const { found } = await playAll(file, options);
    const [first] = found.sort((a, b) => a.seed - b.seed);
    if (first === undefined) break;
    const same = await playAll(sound, { ...options, from: first.seed, count: 1, processes: 1 });
    if (!same.found.some(({ rule }) => rule === first.rule)) return { first, ms: performance.now() - begunMs };
    next = first.seed + 1;
  }
  return { first: undefined, ms: performance.now() - begunMs };
}

const args = process.argv.slice(2);
const given = (name, otherwise) => (args.includes(name) ? args[args.indexOf(name) + 1] : otherwise);
const count = Number(given('--seeds', '10000'));
const from = Number(given('--from', '1'));
const processes = Number(given('--processes', String(Math.min(2, availableParallelism()))));

if (args.includes('--story')) {
  const file = await bundled('test/support/simulation/play.ts', 'play');
  const seed = Number(given('--story'));
  const options = { from: seed, count: 1, step: 1, endsAtFirst: true, shrinks: args.includes('--shrink'), story: true };
  await play(
    file,
    options,
    (line) =>
      line.played === undefined && console.log(line.story && !line.sentences ? line.story.join('\n') : shown(line)),
  );
} else if (args.includes('--planted')) {
  const { PLANTED } = await import(await bundled('test/support/simulation/planted-faults.ts', 'planted'));
  const wanted = given('--planted') ?? '';
  const part = wanted.startsWith('--') ? '' : wanted;
  const sound = await bundled('test/support/simulation/play.ts', 'play');
  let missed = 0;
  for (const [n, fault] of PLANTED.entries()) {
    if (!fault.name.includes(part)) continue;
    const file = await bundled('test/support/simulation/play.ts', `planted-${n}`, fault);
    const { first, ms } = await foundBy(file, sound);
    if (first === undefined) missed++;
    const after = `(${(ms / 1000).toFixed(1)} s)`;
    console.log(
      first === undefined
        ? `NOT FOUND in ${count} ${after}: ${fault.name}`
        : `${fault.name}: found, ${shown(first)} ${after}`,
    );
  }
  process.exitCode = missed > 0 ? 1 : 0;
} else {
  const file = await bundled('test/support/simulation/play.ts', 'play');
  const total = await playAll(file, {
    from,
    count,
    processes,
    endsAtFirst: !args.includes('--keep-on'),
    shrinks: args.includes('--shrink'),
    onFound: (line) => console.log(shown(line)),
  });
  const { played, steps, virtualMs, ms, cpuMs } = total;
  console.log(
    `${played} schedules, ${Math.round(steps / played)} steps and ${(virtualMs / played / 1000).toFixed(1)} virtual seconds each, ` +
      `in ${(ms / 1000).toFixed(1)} s: ${(cpuMs / played).toFixed(1)} ms of CPU each, ${Math.round((played / ms) * 1000)} a second`,
  );
  process.exitCode = total.found.length > 0 ? 1 : 0;
}
