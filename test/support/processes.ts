/** The processes of this machine, from /proc: to count FFmpegs and to find what a worker left behind. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

export interface ProcessInfo {
  pid: number;
  ppid: number;
  /** Session. Each worker starts in its own, and everything it leaves behind stays in it. */
  session: number;
  /** R, S, D, T (stopped), Z (zombie), … */
  state: string;
  args: string[];
  /** CPU used so far, user and system. */
  cpuSeconds: number;
}

/** Kernel ticks a second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const CLOCK_TICKS = 100;

/** One process, or undefined when it is gone. */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command in parentheses may contain anything; the fields after it are plain.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return {
      pid,
      ppid: Number(fields[1]),
      session: Number(fields[3]),
      state: fields[0] ?? '?',
      args,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS,
    };
  } catch {
    return undefined;
  }
}

/** Every process of this machine. */
export function allProcesses(): ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processInfo(Number(name)))
    .filter((info) => info !== undefined);
}

/** Running FFmpeg processes, without zombies. */
export function ffmpegProcesses(among: readonly ProcessInfo[] = allProcesses()): ProcessInfo[] {
  return among.filter(({ state, args }) => state !== 'Z' && basename(args[0] ?? '').startsWith('ffmpeg'));
}

/** The number of running FFmpegs whose arguments contain `text`. */
export function countFfmpeg(text = ''): number {
  return ffmpegProcesses().filter(({ args }) => args.some((arg) => arg.includes(text))).length;
}

/** Whether the process has NAME=value in its environment. */
export function hasEnvironment(pid: number, name: string, value: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${name}=${value}`);
  } catch {
    return false;
  }
}

/** A size from /proc/PID/status, such as VmRSS, in bytes. */
export function memoryOf(pid: number, field = 'VmRSS'): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${field}:`));
  return Number(line?.match(/\d+/)?.[0] ?? 0) * 1024;
}
