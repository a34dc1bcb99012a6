/** CPU time of this process and of everything it has started, FFmpegs above all; it never steps back. */

import { readFileSync } from 'node:fs';

/** The unit of times in /proc, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/<pid>/stat behind the program's name, which may hold anything: see proc_pid_stat(5). */
const UTIME = 11;
const STIME = 12;
const CUTIME = 13;
const CSTIME = 14;

/**
 * Seconds since the start. Children that have ended are in the kernel's own sum, those that run are added. Nothing is reaped
 * while this reads, so none is counted twice. Without /proc: the worker alone.
 */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  const own = (user + system) / 1e6;
  const self = statOf(process.pid);
  if (self === undefined) return own;
  const ended = self.childTicks;
  const running = childrenOf(process.pid).reduce((sum, pid) => {
    const stat = statOf(pid);
    return stat === undefined ? sum : sum + stat.ownTicks + stat.childTicks;
  }, 0);
  return own + (ended + running) / TICKS_PER_SECOND;
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
