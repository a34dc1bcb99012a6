/** Vitest itself, with tests that leave something behind: what comes of it later fails the test that it comes from, never the run. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const CASES = join(import.meta.dirname, '..', '..', 'support', 'stray-cases');
/** A Vitest on a machine that others share. */
const LIMIT_MS = 60_000;

/** Plays files of those as tests of the project. */
function play(project: string, ...files: string[]): Promise<{ code: unknown; said: string }> {
  const args = ['--import', 'tsx', join(CASES, 'play.ts'), project, ...files];
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, said: stdout + stderr });
    });
  });
}

it(
  'shows what a test has left behind whose first try has failed, and fails a test alone that never awaits what fails',
  async () => {
    const { said } = await play('integration', 'mended.case.ts', 'unawaited.case.ts');
    expect(said).toContain('Tests  1 failed | 7 passed (8)');
    expect(said.match(/✓.*\(retry x1\)/g)).toHaveLength(4);
    expect(said).toContain(
      'Nobody awaited this error of "a timer throws", which is over or has failed: AssertionError',
    );
    expect(said).toContain('Error: the test has not awaited what failed with: Error: refused');
    expect(said).not.toContain('Unhandled');
  },
  LIMIT_MS,
);

it(
  'fails the run for what fails after a test that has passed only where the program runs in the process of the test',
  async () => {
    const [inProcess, beside] = await Promise.all([play('unit', 'late.case.ts'), play('integration', 'late.case.ts')]);
    expect([inProcess.code, beside.code]).toEqual([1, 0]);
    expect(inProcess.said).toContain('Vitest caught 1 unhandled error');
    expect(beside.said).toContain('Nobody awaited this error of "passes", which is over or has failed: Error: late');
  },
  LIMIT_MS,
);
