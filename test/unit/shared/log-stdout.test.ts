/** A process whose stdout takes nothing more: it goes on, and ends when it should. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';

const PROGRAM = `
  import { createLogger, lastLines } from './services/shared/log.ts';
  const log = createLogger('info');
  log.info('nobody can read this');
  await new Promise((resolve) => setTimeout(resolve, 200));
  process.stderr.write('went on');
  log.info('nor this');
  await lastLines(log);
  process.exit(7);
`;

/** It ends at once behind its first line. */
const SHORT = PROGRAM.replace(/.*setTimeout.*\n/, '');

it.each([PROGRAM, SHORT])(
  'goes on when stdout cannot be written, and ends with its code: %#',
  { timeout: 20_000 },
  async (text) => {
    const full = openSync('/dev/full', 'w');
    const args = ['--import', 'tsx', '--input-type=module', '--eval', text];
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
  },
);
