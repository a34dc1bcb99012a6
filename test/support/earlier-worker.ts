/** The worker of an earlier commit of this repository, built from git, for tests that run it beside the one of today. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const BUILT_IN = join(ROOT, '.cache', 'earlier');
/** What the build reads; the tests of that commit are not wanted. */
const SOURCES = ['package.json', 'scripts', 'services', 'tools'];

/** Why there is no such commit here; undefined when there is. */
export function whyMissing(commit: string): string | undefined {
  try {
    execFileSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT, stdio: 'ignore' });
    return undefined;
  } catch {
    return `the git history here does not go back to ${commit.slice(0, 7)} (a shallow clone, or a copy without .git)`;
  }
}

/** The script to run for the worker as it was at a commit; built when it is not there yet. */
export function earlierWorker(commit: string): string {
  const folder = join(BUILT_IN, commit);
  const main = join(folder, 'dist', 'proxy', 'main.js');
  if (existsSync(main)) return main;
  mkdirSync(BUILT_IN, { recursive: true });
  // Made under another name: several test files may want it at once.
  const draft = mkdtempSync(`${folder}-`);
  const archive = execFileSync('git', ['archive', commit, ...SOURCES], { cwd: ROOT, maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-x', '-C', draft], { input: archive });
  symlinkSync(join(ROOT, 'node_modules'), join(draft, 'node_modules'));
  // Not as a program: that would install the node_modules of then.
  const build = "import('./scripts/build.mjs').then(({ build }) => build())";
  execFileSync(process.execPath, ['-e', build], { cwd: draft, stdio: ['ignore', 'inherit', 'inherit'] });
  try {
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(main)) throw error;
  }
  return main;
}
