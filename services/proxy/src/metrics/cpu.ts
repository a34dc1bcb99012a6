/** CPU time of this process and of everything it has started, FFmpegs above all; it never steps back. */

import { readFileSync } from 'node:fs';

/** The unit of times in /proc, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/<pid>/stat behind the program's name, which may hold anything: see proc_pid_stat(5). */
const UTIME = 11;
const STIME = 12;
const CUTIME = 13;
const CSTIME = 14;

let highest = 0;

/**
 * Seconds since the start. What has ended is in the kernel's own sum of its parent, what runs is added: an FFmpeg is the
 * child of its sandbox, and that is the worker's. One that is reaped between two reads is missing once. Without /proc: the
 * worker alone.
 */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  const own = (user + system) / 1e6;
  const ended = statOf(process.pid)?.childTicks ?? 0;
  highest = Math.max(highest, own + (ended + runningTicks(process.pid)) / TICKS_PER_SECOND);
  return highest;
}

function runningTicks(parent: number): number {
  return childrenOf(parent).reduce((sum, pid) => {
    const stat = statOf(pid);
    return stat === undefined ? sum : sum + stat.ownTicks + stat.childTicks + runningTicks(pid);
  }, 0);
}

function statOf(pid: number): { ownTicks: number; childTicks: number } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = (...at: number[]): number => at.reduce((sum, index) => sum + (fields[index] ?? 0), 0);
  return { ownTicks: ticks(UTIME, STIME), childTicks: ticks(CUTIME, CSTIME) };
}

/** Children are started from the main thread, whose id is the process's. */
function childrenOf(pid: number): number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux, or a process that has ended meanwhile.
    return undefined;
  }
}
