/** The Docker engine that the test runs on: that of the machine, or one of Debian packages where it has none. */

import { existsSync, readFileSync } from 'node:fs';
import { command, succeeds } from './command.ts';
import { startOwnEngine } from './own-engine.ts';

export interface Docker {
  /** Path of the client, which knows `compose`. */
  readonly client: string;
  /** What the client needs in its environment. */
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

/** What every client needs of this process's environment, and nothing that a compose file could read. */
export function clientEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG'];
  return Object.fromEntries(kept.map((name) => [name, process.env[name]]));
}

/** Why the test cannot run here; undefined where it can. */
export async function whyNoDocker(): Promise<string | undefined> {
  if (await machineHasDocker()) return undefined;
  const without = 'there is no Docker engine with Compose v2 here, and one of Debian packages';
  if (process.platform !== 'linux') return `${without} needs Linux`;
  if (process.getuid?.() !== 0) return `${without} needs root`;
  if (!isDebian() || !existsSync('/usr/bin/apt-get')) return `${without} needs Debian's apt`;
  return undefined;
}

export async function openDocker(): Promise<Docker> {
  if (!(await machineHasDocker())) return startOwnEngine();
  return { client: 'docker', env: clientEnvironment(), close: async () => undefined };
}

async function machineHasDocker(): Promise<boolean> {
  const env = clientEnvironment();
  return (await succeeds('docker', ['info'], { env })) && (await succeeds('docker', ['compose', 'version'], { env }));
}

function isDebian(): boolean {
  return existsSync('/etc/os-release') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/** Whether an image is there under this name. */
export function hasImage({ client, env }: Pick<Docker, 'client' | 'env'>, name: string): Promise<boolean> {
  return succeeds(client, ['image', 'inspect', name], { env });
}

/** Runs the client. */
export function docker(engine: Pick<Docker, 'client' | 'env'>, args: readonly string[], timeoutMs?: number) {
  return command(engine.client, args, { env: engine.env, timeoutMs });
}
