/** Gives a process a share of one CPU, as Lambda does, by a cgroup of its own. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
/** Lambda's own; a longer period would let short work run at full speed. */
const PERIOD_US = 20_000;

/** @returns lifts the limit and removes the cgroup, when the process has ended; undefined: this machine lets nobody make one */
export function limitCpu(pid: number, share: number): (() => void) | undefined {
  const isFirstVersion = existsSync(join(ROOT, 'cpu', 'cpu.cfs_quota_us'));
  const group = join(ROOT, ...(isFirstVersion ? ['cpu'] : []), `streampool-bench-${pid}`);
  const quotaUs = Math.round(share * PERIOD_US);
  try {
    mkdirSync(group);
    if (isFirstVersion) {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quotaUs));
    } else {
      writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${PERIOD_US}`);
    }
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
  } catch {
    if (existsSync(group)) rmdirSync(group);
    return undefined;
  }
  return () => rmdirSync(group);
}
