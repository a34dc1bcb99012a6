/** What a server takes: processor time and memory of its processes. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { allProcesses, memoryOf, processInfo } from '../../support/processes.ts';

/** Nanoseconds of each thread of each process. */
type Threads = ReadonlyMap<string, number>;

/** Begins to count. @returns a function that says how many seconds of a processor these processes have used since */
export function countCpu(pids: readonly number[]): () => number {
  const [threadsBefore, ticksBefore] = [threadsOf(pids), tickSeconds(pids)];
  return () => {
    const threads = threadsOf(pids);
    // A thread that has ended is in the kernel's ticks only, which are 10 ms long.
    const isWhole = threads.size > 0 && [...threadsBefore.keys()].every((thread) => threads.has(thread));
    if (!isWhole) return tickSeconds(pids) - ticksBefore;
    const used = [...threads].reduce((sum, [thread, ns]) => sum + ns - (threadsBefore.get(thread) ?? 0), 0);
    return used / 1e9;
  };
}

/** A process and all that it has started, and what those have started. */
export function withDescendants(pid: number): number[] {
  const all = allProcesses();
  const found = [pid];
  for (const parent of found) found.push(...all.filter(({ ppid }) => ppid === parent).map((child) => child.pid));
  return found;
}

/** Resident megabytes of these processes. */
export function megabytesOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + memoryOf(pid), 0) / 1024 ** 2;
}

/** The process that listens on this port of this machine; undefined when it is none that we may look at. */
export function listenerOn(port: number): number | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/ +/))
      // Local address, state (0A: it listens), inode (proc_net_tcp.txt).
      .filter((fields) => fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A')
      .map((fields) => `socket:[${fields[9]}]`),
  );
  return allProcesses().find(({ pid }) => linksOf(pid).some((link) => inodes.includes(link)))?.pid;
}

function linksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  } catch {
    // It has ended, or belongs to somebody else.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function threadsOf(pids: readonly number[]): Threads {
  const threads = new Map<string, number>();
  for (const pid of pids) {
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const [ns] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ');
        threads.set(`${pid}/${thread}`, Number(ns));
      }
    } catch {
      // It has ended meanwhile, or this kernel does not count that.
    }
  }
  return threads;
}

function tickSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (processInfo(pid)?.cpuSeconds ?? 0), 0);
}
