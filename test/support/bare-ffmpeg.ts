/** FFmpeg without a worker: the lower limit for the start time of a stream. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Arrived, watch } from './picture-probe.ts';
import { processInfo } from './processes.ts';
import type { Worker } from './worker.ts';

/** The arguments of the one FFmpeg that a worker runs, including the program. */
export function ffmpegArguments(worker: Worker): string[] {
  const [pid] = worker.ffmpegPids();
  return pid === undefined ? [] : (processInfo(pid)?.args ?? []);
}

/** Runs a worker's FFmpeg on a URL instead of the source feed, until its first picture is out. */
export async function startBare(args: readonly string[], url: string): Promise<Arrived> {
  const [program = '', ...rest] = args.map((argument) => (argument === 'pipe:0' ? url : argument));
  const startMs = performance.now();
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    return await watch(child.stdout, startMs);
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}
