/** The worker of an earlier commit, built from git, for tests that run it beside today's worker. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const BUILT_IN = join(ROOT, '.cache', 'earlier');
/** What the build reads; the tests of that commit are not needed. */
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

/** The script that runs the worker of a commit; builds it when necessary. */
export function earlierWorker(commit: string): string {
  const folder = join(BUILT_IN, commit);
  const main = join(folder, 'dist', 'proxy', 'main.js');
  if (existsSync(main)) return main;
  mkdirSync(BUILT_IN, { recursive: true });
  // Built under another name: several test files may build it at the same time.
  const draft = mkdtempSync(`${folder}-`);
  const archive = execFileSync('git', ['archive', commit, ...SOURCES], { cwd: ROOT, maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-x', '-C', draft], { input: archive });
  symlinkSync(join(ROOT, 'node_modules'), join(draft, 'node_modules'));
  // Imported, not run as a program: that would install the old node_modules.
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
