// Starting, signalling and waiting for the programs that `npm start` and `npm run cluster` run.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { find, ROOT } from './setup.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
/** Ctrl-C reaches this process from the terminal and again from npm; both count as one. */
const SAME_KEYSTROKE_MS = 300;

/**
 * Starts a bundle in a process group of its own. So Ctrl-C reaches it once, through forwardSignals, and a second Ctrl-C is a
 * second signal. On Linux it also gets `deathSignal` when this process is killed.
 */
export function startNode(file, args, options) {
  return startProgram(process.execPath, ['--enable-source-maps', join(ROOT, file), ...args], options);
}

/** The same for any program. */
export function startProgram(command, args, { env = process.env, stdio = 'inherit', deathSignal = 'TERM' } = {}) {
  const options = { cwd: ROOT, env, stdio, detached: true };
  const setpriv = find('setpriv');
  if (setpriv === undefined) return spawn(command, args, options);
  return spawn(setpriv, ['--pdeathsig', deathSignal, command, ...args], options);
}

/**
 * Starts a worker. `listens` resolves when it listens, and never if it ends before: with its port, whether it has the console, and
 * how many streams there are (undefined: Redis does not say).
 */
export function runWorker(options) {
  const child = startNode('dist/proxy/main.js', [], { ...options, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  const listens = new Promise((resolve) => {
    child.on('message', ({ listening, hasConsole, streams }) =>
      resolve({ port: Number(new URL(listening).port), hasConsole, streams }),
    );
  });
  return { child, listens };
}

/** Calls back for each signal to stop. */
export function onStopSignal(callback) {
  for (const signal of SIGNALS) {
    let last = Number.NEGATIVE_INFINITY;
    process.on(signal, () => {
      const now = performance.now();
      if (now - last > SAME_KEYSTROKE_MS) callback(signal);
      last = now;
    });
  }
}

/** Passes the signals to stop on to a process. */
export function forwardSignals(child) {
  onStopSignal((signal) => child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal));
}

/** Waits until a process ends: its exit code, or 128 + the signal that ended it. */
export function exitCode(child) {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? 128 + (SIGNAL_NUMBERS[signal] ?? 0)));
  });
}
