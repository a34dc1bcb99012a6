/** A process whose stdout takes nothing more: it goes on, and ends when it should. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';

const PROGRAM = `
  import { createLogger } from './services/shared/log.ts';
  const log = createLogger('info');
  log.info('nobody can read this');
  setTimeout(() => {
    log.info('nor this');
    process.stderr.write('went on');
    process.exit(7);
  }, 200);
`;

it('goes on when stdout cannot be written, and ends with its code', { timeout: 20_000 }, async () => {
  const full = openSync('/dev/full', 'w');
  const args = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM];
  const child = spawn(process.execPath, args, { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 15_000);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(limit);
  expect([said, code]).toEqual(['went on', 7]);
});
