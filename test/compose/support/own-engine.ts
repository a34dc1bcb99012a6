/**
 * A Docker engine of Debian packages, started by hand beside whatever else runs, with images that stand in for those that the
 * project names. What took long to get stays in a folder of the temporary one, for the next run; the rest goes.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/until.ts';
import { command, succeeds } from './command.ts';
import type { Docker } from './docker.ts';
import { Firewall } from './firewall.ts';
import { debianPackages, needPackages } from './packages.ts';
import { makeStandIns, STAND_INS } from './stand-ins.ts';

/** Debian's own: a machine may have another client earlier in its PATH. */
const CLIENT = '/usr/bin/docker';
const START_MS = 30_000;
const STOP_MS = 30_000;

export async function startOwnEngine(): Promise<Docker> {
  await needPackages({ '/usr/sbin/dockerd': 'docker.io', '/usr/sbin/debootstrap': 'debootstrap' });
  const key = createHash('sha256').update(readFileSync(STAND_INS)).digest('hex').slice(0, 8);
  const cache = join(tmpdir(), `streampool-compose-${key}`);
  mkdirSync(cache, { recursive: true });
  const plugins = await clientPlugins(cache);
  // The name of a socket must be short.
  const folder = mkdtempSync(join(tmpdir(), 'sp-docker-'));
  const firewall = await Firewall.remember();
  const socket = `unix://${join(folder, 'docker.sock')}`;
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    DOCKER_HOST: socket,
    DOCKER_CONFIG: plugins,
    DOCKER_BUILDKIT: '1',
  };
  const daemon = startDaemon(cache, folder, socket);
  const close = async () => {
    await stop(daemon);
    await firewall.restore();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(() => daemon.exitCode !== null || succeeds(CLIENT, ['info'], { env }), {
      timeoutMs: START_MS,
      everyMs: 100,
      what: () => `the Docker engine to start: ${logOf(folder)}`,
    });
    if (daemon.exitCode !== null) throw new Error(`The Docker engine did not start:\n${logOf(folder)}`);
    await clear(env);
    await makeStandIns({ client: CLIENT, env }, cache);
  } catch (error) {
    await close();
    throw error;
  }
  console.log(`Docker and images of Debian packages; what they keep for the next run is in ${cache}`);
  return { client: CLIENT, env, close };
}

function startDaemon(cache: string, folder: string, socket: string): ChildProcess {
  const log = openSync(join(folder, 'dockerd.log'), 'w');
  const args = ['--data-root', join(cache, 'data'), '--exec-root', join(folder, 'run'), '-H', socket];
  // In the cache: two engines cannot share it. It ends with this process, whatever ends that.
  const pidFile = ['--pidfile', join(cache, 'dockerd.pid')];
  return spawn('setpriv', ['--pdeathsig', 'TERM', '/usr/sbin/dockerd', ...args, ...pidFile], {
    stdio: ['ignore', log, log],
    detached: true,
  });
}

async function stop(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  const timer = setTimeout(() => daemon.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

/** What a run that was killed has left: it would start again by itself. */
async function clear(env: NodeJS.ProcessEnv): Promise<void> {
  const left = (await command(CLIENT, ['ps', '--all', '--quiet'], { env })).split('\n').filter((id) => id !== '');
  if (left.length > 0) await command(CLIENT, ['rm', '--force', '--volumes', ...left], { env });
  for (const kind of ['network', 'volume']) await command(CLIENT, [kind, 'prune', '--force'], { env });
}

function logOf(folder: string): string {
  return readFileSync(join(folder, 'dockerd.log'), 'utf8').slice(-2_000);
}

/** Compose v2 and buildx, which Debian has since trixie: static programs that run on its predecessor too. */
async function clientPlugins(cache: string): Promise<string> {
  const config = join(cache, 'client');
  const plugins = join(config, 'cli-plugins');
  if (existsSync(join(plugins, 'docker-compose')) && existsSync(join(plugins, 'docker-buildx'))) return config;
  mkdirSync(plugins, { recursive: true });
  const unpacked = mkdtempSync(join(cache, 'unpack-'));
  try {
    for (const file of await debianPackages(unpacked, ['docker-compose', 'docker-buildx'])) {
      await command('dpkg', ['-x', file, unpacked]);
    }
    for (const plugin of ['docker-compose', 'docker-buildx']) {
      const program = readFileSync(join(unpacked, 'usr/libexec/docker/cli-plugins', plugin));
      writeFileSync(join(plugins, plugin), program, { mode: 0o755 });
    }
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
  return config;
}
