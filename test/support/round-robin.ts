/** HAProxy in front of workers, as `npm run cluster` has it, but strictly in turn: each request of a viewer reaches another worker. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { haproxyConfig } from '../../scripts/load-balancer.mjs';
import { findHaproxy } from '../../scripts/setup.mjs';
import { freePort } from './free-port.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

const HOST = '127.0.0.1';
const NO_WORKER = 503;

export interface Balancer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Answers when it has found the workers to be ready.
 *
 * @param rules for requests, in the words of HAProxy
 */
export async function startRoundRobin(workers: readonly Worker[], rules: readonly string[] = []): Promise<Balancer> {
  const program = findHaproxy();
  if (program === undefined) throw new Error('HAProxy is not installed.');
  const port = await freePort();
  const servers = workers.map(({ url }, n) => ({ name: `w${n + 1}`, host: HOST, port: new URL(url).port }));
  const folder = await mkdtemp(join(tmpdir(), 'streampool-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  const config = haproxyConfig({ host: HOST, port, workers: servers });
  const ruled = config.replace(
    '  default_backend',
    [...rules, 'default_backend'].map((line) => `  ${line}`).join('\n'),
  );
  await writeFile(file, ruled.replace('balance leastconn', 'balance roundrobin'));
  const child = spawn(program, ['-q', '-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  const url = `http://${HOST}:${port}`;
  const isUp = () =>
    fetch(`${url}/readyz`).then(
      ({ status }) => status !== NO_WORKER,
      () => false,
    );
  await until(isUp, { what: 'HAProxy to find the workers' });
  return {
    url,
    close: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
