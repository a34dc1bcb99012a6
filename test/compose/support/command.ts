/** Runs programs to their end: what they wrote, or an error that shows it. */

import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Default: two minutes. */
  readonly timeoutMs?: number;
}

/** How much of its output an error shows. */
const SHOWN_CHARS = 3_000;

/** Standard output. Throws with the end of both outputs when the program fails or takes too long. */
export function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { timeoutMs = 120_000, ...spawnOptions } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let both = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      both += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      both += text;
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) return resolve(output);
      const how = isLate ? `took more than ${timeoutMs} ms` : `ended with ${code}`;
      reject(new Error(`${[program, ...args].join(' ')} ${how}:\n${both.slice(-SHOWN_CHARS)}`));
    });
  });
}

/** Whether a program can be run and succeeds. */
export async function succeeds(program: string, args: readonly string[], options: CommandOptions = {}) {
  return command(program, args, { timeoutMs: 10_000, ...options }).then(
    () => true,
    () => false,
  );
}
