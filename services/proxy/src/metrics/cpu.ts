/** CPU time of this process and its descendants, mostly FFmpegs. It never decreases. */

import { readFileSync } from 'node:fs';

/** Ticks per second of the times in /proc; the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/<pid>/stat after the program's name, see proc_pid_stat(5). The name may contain any character. */
const UTIME = 11;
const STIME = 12;
const CUTIME = 13;
const CSTIME = 14;

let highest = 0;

/**
 * CPU seconds since the start. The kernel adds a child's time to its parent when the child ends. This function adds the
 * running descendants: an FFmpeg is the child of its sandbox, and the sandbox is the worker's child. A child that ends
 * between two reads is missing once. Without /proc it counts the worker alone.
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

/** Node starts children from the main thread. Its thread id is the process id. */
function childrenOf(pid: number): number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux, or the process has just ended.
    return undefined;
  }
}
