/** Servers that somebody names: m3u-proxy by its folder or by the address of a running one, and others by an address that they play. */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePort } from '../../../support/free-port.ts';
import { until } from '../../../support/until.ts';
import { WorkerApi } from '../../../support/worker-api.ts';
import { listenerOn, withDescendants } from '../usage.ts';
import { end, start } from './programs.ts';
import type { Running, Server } from './servers.ts';

export interface Given {
  /** Folder of a checkout, whose Python has what it needs (`.venv` in it, or `python3`); or the origin of a running one. */
  readonly m3uProxy: string | undefined;
  /** `NAME=URL`: what a running server plays. `{source}` in the URL stands for the address of the source, encoded. */
  readonly peers: readonly string[];
}

const START_MS = 30_000;

export function givenServers({ m3uProxy, peers }: Given): Server[] {
  return [...(m3uProxy === undefined ? [] : [m3uProxyOf(m3uProxy)]), ...peers.map(peerOf)];
}

/** An m3u-proxy that plays nothing yet. */
export interface M3uProxy {
  readonly api: WorkerApi;
  readonly version: string;
  pids(): number[];
  stop(): Promise<void>;
}

/** @throws {Error} when it does not answer */
export async function startM3uProxy(where: string): Promise<M3uProxy> {
  const isRunning = /^https?:/.test(where);
  const port = isRunning ? Number(new URL(where).port) : await freePort();
  const child = isRunning ? undefined : startIn(resolve(where), port);
  const token = process.env.M3U_PROXY_TOKEN;
  const origin = isRunning ? new URL(where).origin : `http://127.0.0.1:${port}`;
  const api = new WorkerApi(origin, isRunning && token !== undefined ? { 'x-api-token': token } : {});
  const health = () => api.get<{ version?: string }>('/health').catch(() => undefined);
  const { body } = await until(async () => (await health()) ?? false, { timeoutMs: START_MS, what: 'm3u-proxy' });
  const pid = child?.pid ?? listenerOn(port);
  if (pid === undefined) throw new Error(`the process that listens on port ${port} must be of this machine`);
  return {
    api,
    version: body.version ?? 'unknown',
    pids: () => withDescendants(pid),
    stop: () => (child === undefined ? Promise.resolve() : end(child)),
  };
}

/** Of one that is started for this, if it does not run. */
export async function m3uProxyVersion(where: string): Promise<string> {
  const proxy = await startM3uProxy(where);
  await proxy.stop();
  return proxy.version;
}

function m3uProxyOf(where: string): Server {
  return {
    name: 'm3u-proxy',
    version: ['m3u-proxy', where],
    async start(source) {
      const proxy = await startM3uProxy(where);
      const { playUrl, stream_id } = await proxy.api.createStream({ url: source });
      return {
        url: playUrl,
        pids: () => proxy.pids(),
        ffmpegs: () => [],
        async stop() {
          await proxy.api.del(`/streams/${stream_id}`);
          await proxy.stop();
        },
      };
    },
  };
}

function startIn(folder: string, port: number): ChildProcess {
  const own = join(folder, '.venv', 'bin', 'python');
  const env = { ...process.env, HOST: '127.0.0.1', PORT: String(port), API_TOKEN: '', REDIS_ENABLED: 'false' };
  return start(existsSync(own) ? own : 'python3', ['main.py'], { cwd: folder, env });
}

function peerOf(given: string): Server {
  const [, name = '', template = ''] = /^([^=]+)=(https?:.+)$/.exec(given) ?? [];
  if (template === '') throw new Error(`--peer ${given}: it must be NAME=URL`);
  return {
    name,
    version: [name, new URL(template).origin],
    async start(source): Promise<Running> {
      const url = template.replace('{source}', encodeURIComponent(source));
      const port = Number(new URL(url).port || 80);
      const pid = listenerOn(port);
      if (pid === undefined)
        throw new Error(`${name}: the process that listens on port ${port} must be of this machine`);
      return { url, pids: () => withDescendants(pid), ffmpegs: () => [], stop: () => Promise.resolve() };
    },
  };
}
