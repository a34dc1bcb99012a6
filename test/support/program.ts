/** A program as a shell starts it, with what it writes; and the command `streampool`. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');
export const COMMAND = join(ROOT, 'scripts', 'streampool.mjs');

export function program(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env } });
  const wrote = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    wrote.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    wrote.err += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, wrote, ended };
}

/** `streampool`, with these arguments. */
export function streampool(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return program(process.execPath, [COMMAND, ...args], env);
}
