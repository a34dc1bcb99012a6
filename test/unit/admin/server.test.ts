/** The admin API's own server: no path that a caller thinks up, with the token or without, is more than an answer. */
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { US_EAST_1_EGRESS } from '../../../services/admin-lambda/src/egress-cost.ts';
import { createHandler } from '../../../services/admin-lambda/src/handler.ts';
import { startGateway } from '../../../services/admin-lambda/src/server.ts';
import { clusterOf, listeningLog } from './support.ts';

/** Some clients write them; `fetch` would put them right. */
const TARGETS = [
  '//',
  '///admin',
  '//:0',
  '//[',
  '//@',
  '/\\',
  'http://',
  'http://[/admin/health',
  '*',
  '/%',
  '/admin/%zz',
  '/administration?a=%zz',
];

async function start() {
  const { log, lines } = listeningLog();
  const cluster = clusterOf({ ping: async () => 1 });
  const handler = createHandler({ cluster, ecs: undefined, prices: US_EAST_1_EGRESS, log });
  const gateway = await startGateway({ handler, tokens: new Map([['ops', 't0ken']]), host: '127.0.0.1', port: 0, log });
  onTestFinished(() => gateway.close());
  const { port } = new URL(gateway.url);
  /** The status of a request whose target goes out as it is written. */
  const ask = async (target: string, token?: string): Promise<number> => {
    const socket = connect(Number(port), '127.0.0.1');
    const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n${authorization}Connection: close\r\n\r\n`);
    let text = '';
    for await (const part of socket.setEncoding('utf8')) text += part;
    return Number(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1]);
  };
  return { ask, lines, url: gateway.url };
}

it.each(TARGETS)('answers 404 to GET %s with the token, and goes on', async (target) => {
  const { ask, lines } = await start();
  expect(await ask(target, 't0ken')).toBe(404);
  expect(await ask(target)).toBe(401);
  expect(await ask('/admin/health', 't0ken')).toBe(200);
  expect(lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
});

it.each([
  [{}, 401],
  [{ authorization: 'Bearer guess' }, 403],
  [{ authorization: 'Bearer t0ken' }, 200],
])('%j: %d, which no cache stores', async (headers, status) => {
  const { url } = await start();
  const answer = await fetch(`${url}/admin/health`, { headers });
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([status, 'no-store']);
});
