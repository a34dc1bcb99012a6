/**
 * The bundles of the admin API's functions, built once for a synthesis. They are built anew in each process, into a folder of
 * its own. So a bundle is never older than the sources, and two syntheses at the same time do not write to the same files.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './root.ts';

let built: string | undefined;

/** The folder that has a folder for each function. */
export function builtFunctions(): string {
  built ??= build();
  return built;
}

function build(): string {
  const home = mkdtempSync(join(tmpdir(), 'streampool-functions-'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true }));
  const script = join(ROOT, 'scripts', 'build.mjs');
  // CDK reads the standard output of this process.
  execFileSync(process.execPath, [script, '--functions', home], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  return home;
}
