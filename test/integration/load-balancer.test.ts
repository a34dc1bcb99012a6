/** The load balancers that come with Streampool, as HAProxy runs them: whose address a worker is told, and whom it limits. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { haproxyConfig } from '../../scripts/load-balancer.mjs';
import { findHaproxy } from '../../scripts/setup.mjs';
import { freePort } from '../support/free-port.ts';
import { staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const HOST = '127.0.0.1';
const CLAIMS = ['198.51.100.7', '10.0.0.1, 198.51.100.8', '127.0.0.1', '::1'];

/** The local stack's configuration, with one worker in the place of those that Docker's resolver names. */
function localStack(port: number, workerPort: number): string {
  const replaced: [string, string][] = [
    ['bind :8080', `bind ${HOST}:${port}`],
    ['server-template worker 50 worker:8085', `server worker ${HOST}:${workerPort}`],
    ['server admin admin:8090', `server admin ${HOST}:${workerPort}`],
    ['default-server resolvers docker init-addr none', ''],
  ];
  const config = readFileSync(join(import.meta.dirname, '..', '..', 'local', 'haproxy.cfg'), 'utf8');
  return replaced.reduce((text, [from, to]) => {
    expect(text.split(from)).toHaveLength(2);
    return text.replace(from, to);
  }, config);
}

const CONFIGURATIONS = {
  'of the local stack': localStack,
  'of npm run cluster': (port: number, workerPort: number) =>
    haproxyConfig({ host: HOST, port, workers: [{ name: 'w', host: HOST, port: String(workerPort) }] }),
};

/** Starts HAProxy in front of a worker; answers its URL when it has found the worker to be ready. */
async function startBalancer(configuration: keyof typeof CONFIGURATIONS, workerPort: number): Promise<string> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'streampool-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, CONFIGURATIONS[configuration](port, workerPort));
  const program = findHaproxy();
  if (program === undefined) throw new Error('HAProxy is not installed.');
  const env = { ...process.env, ROOT_PATH: '/m3u-proxy' };
  const child = spawn(program, ['-q', '-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'], env });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const url = `http://${HOST}:${port}`;
  await until(
    () =>
      fetch(`${url}/livez`).then(
        ({ ok }) => ok,
        () => false,
      ),
    { what: 'HAProxy to find the worker' },
  );
  return url;
}

describe.each(Object.keys(CONFIGURATIONS) as (keyof typeof CONFIGURATIONS)[])(
  'the load balancer %s',
  (configuration) => {
    it('tells the address of the peer, and nothing that the peer claims', async () => {
      const told: unknown[] = [];
      const worker = createServer((request, response) => {
        if (request.url?.startsWith('/stream/') === true) told.push(request.headersDistinct['x-forwarded-for']);
        response.end();
      });
      await new Promise<void>((resolve) => worker.listen(0, HOST, resolve));
      onTestFinished(() => void worker.close().closeAllConnections());
      const url = await startBalancer(configuration, (worker.address() as AddressInfo).port);
      for (const claim of CLAIMS) {
        const headers = new Headers([
          ['X-Forwarded-For', claim],
          ['x-forwarded-for', '203.0.113.1'],
        ]);
        await fetch(`${url}/stream/x`, { headers });
      }
      expect(told).toEqual(CLAIMS.map(() => [HOST]));
    });

    it.each(['waits for an answer', 'has got some media'])(
      'tells the worker at once that a viewer has left who %s, though nothing flows',
      async (what) => {
        let open = 0;
        const worker = createServer((request, response) => {
          if (request.url?.startsWith('/stream/') !== true) {
            response.end();
            return;
          }
          open++;
          response.once('close', () => open--);
          if (what === 'has got some media') response.write('media');
        });
        await new Promise<void>((resolve) => worker.listen(0, HOST, resolve));
        onTestFinished(() => void worker.close().closeAllConnections());
        const url = await startBalancer(configuration, (worker.address() as AddressInfo).port);
        const viewer = get(`${url}/stream/x`, { agent: false }, (response) =>
          response.on('error', () => undefined).resume(),
        );
        viewer.on('error', () => undefined);
        await until(() => open === 1, { what: 'the request to reach the worker' });
        viewer.destroy();
        await until(() => open === 0, { timeoutMs: 3_000, what: 'the worker to hear that the viewer has left' });
      },
    );

    staged('keeps a sender of wrong tokens limited, whatever addresses it claims', async ({ stage }) => {
      const worker = await stage.worker({
        API_TOKEN: 'tok-en',
        API_RATE_LIMIT: '20',
        TRUST_PROXY: 'uniquelocal,loopback',
      });
      const url = await startBalancer(configuration, Number(new URL(worker.url).port));
      const ask = async (turn: number, token: string) => {
        const headers = { 'x-forwarded-for': `198.51.100.${turn}`, 'x-api-token': token };
        return (await fetch(`${url}/streams`, { headers })).status;
      };
      const statuses = [];
      for (let turn = 0; turn < 60; turn++) statuses.push(await ask(turn, `wrong-${turn}`));
      expect(statuses).toEqual([...Array(20).fill(403), ...Array(40).fill(429)]);
      expect(await ask(0, 'tok-en')).toBe(200);
    });
  },
);
