/** PID namespaces, in which a process sees itself as the first, as in a container. */

import { spawnSync } from 'node:child_process';

/** Why there can be none with an init here; undefined when there can. */
export function whyNoPidNamespace(): string | undefined {
  if (process.platform !== 'linux') return 'PID namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'PID namespaces need root';
  const tried = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'tini', '-s', '--', 'true'], {
    encoding: 'utf8',
  });
  if (tried.status === 0) return undefined;
  return `no PID namespace with tini can be made here: ${tried.error?.message ?? tried.stderr.trim()}`;
}
