/** Programs that are started to be compared with; they end with this process. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { until } from '../../../support/until.ts';

/** VLC and Icecast refuse to run as root. */
const NOBODY = 65_534;
const START_MS = 20_000;
/** Then it is killed. */
const END_MS = 5_000;

const started = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});

/** Options that make a program nobody's, where that can be chosen. */
export const AS_NOBODY = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

export function start(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, HOME: tmpdir() }, ...options });
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await exited;
  clearTimeout(late);
}

/** Waits until a program takes connections. */
export function listening(port: number, what: string): Promise<true> {
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', () => resolve(false));
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
    });
  return until(answers, { timeoutMs: START_MS, what: `${what} to listen` });
}
