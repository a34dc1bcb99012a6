/** Runs once before integration tests: builds the worker they start, and makes the media they play. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { makeAllFixtures } from './fixtures.ts';
import { makeHlsForms } from './hls-provider.ts';

export async function setup(): Promise<void> {
  const root = join(import.meta.dirname, '..', '..');
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { cwd: root, stdio: 'inherit' });
  await makeAllFixtures();
  await makeHlsForms();
}
