/** What other programs take of this machine's processors while something is measured: its figures are then worse than they should be. */
import { readdirSync, readFileSync } from 'node:fs';

/** Kernel ticks a second, of /proc. */
const CLOCK_TICKS = 100;
/** The kernel's own threads are children of this one. They work for whoever sends and reads. */
const KERNEL_THREADS = 2;

interface Used {
  readonly ppid: number;
  /** With those of its children that have ended. */
  readonly ticks: number;
}

/**
 * Begins to watch.
 * @returns a function that says what others have used since, in processors: 1 is one that they had for all of the time
 */
export function watchOthers(): () => number {
  const [busyBefore, ownBefore, sinceMs] = [busyTicks(), ownTicks(), performance.now()];
  return () => {
    const others = busyTicks() - busyBefore - (ownTicks() - ownBefore);
    return Math.max(0, others / CLOCK_TICKS / ((performance.now() - sinceMs) / 1000));
  };
}

/** Of all programs, with what a hypervisor has given to other machines (proc_stat(5)). Interrupts are nobody's. */
function busyTicks(): number {
  const [, user = 0, nice = 0, system = 0, , , , , steal = 0] = (
    readFileSync('/proc/stat', 'latin1').split('\n')[0] ?? ''
  )
    .split(/ +/)
    .map(Number);
  return user + nice + system + steal;
}

/** Of this process and all that it has started; and of the kernel's threads. */
function ownTicks(): number {
  const all = new Map<number, Used>();
  for (const name of readdirSync('/proc')) {
    const used = /^\d+$/.test(name) ? usedBy(name) : undefined;
    if (used !== undefined) all.set(Number(name), used);
  }
  const isOwn = (pid: number): boolean => {
    if (pid === process.pid || pid === KERNEL_THREADS) return true;
    const ppid = all.get(pid)?.ppid ?? 0;
    return ppid > 0 && isOwn(ppid);
  };
  return [...all].reduce((sum, [pid, { ticks }]) => sum + (isOwn(pid) ? ticks : 0), 0);
}

function usedBy(pid: string): Used | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
    return { ppid: fields[1] ?? 0, ticks: utime + stime + cutime + cstime };
  } catch {
    // It has ended meanwhile. Its parent has its time now.
    return undefined;
  }
}
