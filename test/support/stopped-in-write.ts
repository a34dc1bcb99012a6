/** Stops a process in the middle of writing a file: a program that does nothing but look, so that it sees what lasts less than 1 ms. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** argv: the folder of a recording, the pid. Prints the file that is half written. */
const PROGRAM = `
const { existsSync, readdirSync } = require('node:fs');
const [folder, pid] = process.argv.slice(1);
const halfOf = (epoch) => {
  const name = readdirSync(folder + '/' + epoch).find((each) => /^live.*part$/.test(each));
  return name && folder + '/' + epoch + '/' + name;
};
for (const untilMs = Date.now() + 60_000; Date.now() < untilMs; ) {
  const epoch = Math.max(...readdirSync(folder).map(Number));
  const path = halfOf(epoch);
  if (path === undefined) continue;
  process.kill(Number(pid), 'SIGSTOP');
  // A signal takes a moment to arrive.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  if (existsSync(path)) {
    console.log(path);
    process.exit(0);
  }
  process.kill(Number(pid), 'SIGCONT');
}
process.exit(1);
`;

/**
 * Stops it with SIGSTOP while a segment of a recording is half written.
 * @param folder of the recording
 * @returns the file that is half written
 * @throws {Error} when it has not met one within a minute
 */
export async function stoppedInWrite(folder: string, pid: number): Promise<string> {
  const child = spawn(process.execPath, ['-e', PROGRAM, folder, String(pid)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let path = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    path += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error('no segment was met half written');
  return path.trim();
}
