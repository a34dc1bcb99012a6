/** Connections that stay open between the requests to a provider, and when they are closed. */

import type { RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { EgressGuard } from '../../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { KeptConnections } from '../../../../services/proxy/src/upstream/http/kept-connections.ts';
import { openUpstream } from '../../../../services/proxy/src/upstream/http/open-upstream.ts';
import type { UpstreamRequest } from '../../../../services/proxy/src/upstream/http/upstream-request.ts';
import { BodyReader } from '../../../../services/proxy/src/upstream/messages/body-reader.ts';
import { egressPolicy, eventually, openGuard, serve, type TestServer } from '../support.ts';

const SEEN_MS = 20;

interface Options {
  readonly isSingle?: boolean;
  readonly keptMs?: number;
  readonly all?: KeptConnections;
  readonly guard?: EgressGuard;
}

/** A source that keeps its connections. */
function source({
  isSingle = false,
  keptMs = 60_000,
  all = new KeptConnections(2),
  guard = openGuard(),
}: Options = {}) {
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const kept = all.of({ isSingle, keptMs: () => keptMs, signal: over.signal });
  const open = (url: string, more: Partial<UpstreamRequest> = {}) =>
    openUpstream({
      ...{ url, headers: {}, userAgent: 'Tester/1', connectTimeoutMs: 400, headersTimeoutMs: 400, guard, kept },
      signal: over.signal,
      ...more,
    });
  /** The whole body, when the connection is free again. */
  const get = async (url: string): Promise<string> => {
    const response = await open(url);
    const reader = new BodyReader(response.body, url);
    let text = '';
    for (let chunk = await reader.read(400); chunk !== undefined; chunk = await reader.read(400)) text += chunk;
    await response.closed;
    return text;
  };
  return { get, open, rest: kept.rest, end: () => over.abort() };
}

/** A server that also says how many connections it has accepted. */
async function counted(listener: RequestListener): Promise<TestServer & { readonly accepted: () => number }> {
  const server = await serve(listener);
  // The test says when connections end.
  server.server.keepAliveTimeout = 0;
  let accepted = 0;
  server.server.on('connection', () => {
    accepted += 1;
  });
  return { ...server, accepted: () => accepted };
}

const hello: RequestListener = (_request, response) => void response.end('hello');

it('sends one request after the other on one connection, whose addresses are checked once', async () => {
  let lookUps = 0;
  const resolve = async () => {
    lookUps += 1;
    return [{ address: '127.0.0.1', family: 4 }];
  };
  const server = await counted(hello);
  const { get } = source({ guard: new EgressGuard(egressPolicy('true'), resolve) });
  for (let n = 0; n < 4; n += 1) expect(await get(`http://tv.test:${server.port}/${n}`)).toBe('hello');
  expect([server.accepted(), server.open(), lookUps]).toEqual([1, 1, 1]);
  expect(server.requests.map(({ url }) => url)).toEqual(['/0', '/1', '/2', '/3']);
});

it('closes a connection that nobody uses for its time, and all of them when the source is left', async () => {
  const server = await counted(hello);
  await source({ keptMs: 30 }).get(server.origin);
  await eventually(() => server.open() === 0);
  const { get, open, end } = source();
  const held = await open(server.origin);
  await get(server.origin);
  expect(server.open()).toBe(2);
  end();
  await eventually(() => server.open() === 0);
  await held.closed;
});

it('rests: what is under way goes on, what is idle is closed', async () => {
  let late: ServerResponse | undefined;
  const server = await counted((request, response) => {
    if (request.url !== '/late') return response.end('hello');
    late = response;
    response.write('a');
  });
  const { get, open, rest } = source();
  const { body } = await open(`${server.origin}/late`);
  await get(server.origin);
  await rest();
  await eventually(() => server.open() === 1);
  late?.end('b');
  const reader = new BodyReader(body, '');
  expect(String(await reader.read(400)) + String((await reader.read(400)) ?? '')).toMatch(/^ab?/);
});

it('asks again on a new connection when the server has closed the one that was idle', async () => {
  const server = await counted((request, response) => {
    // It closes as soon as the second request comes, without an answer.
    if (server.requests.filter(({ socket }) => socket === request.socket).length > 1) request.socket.destroy();
    else response.end('hello');
  });
  const { get } = source();
  for (let n = 0; n < 3; n += 1) expect(await get(server.origin)).toBe('hello');
  expect(server.accepted()).toBe(3);
  // One that fails on a connection of its own has failed.
  const refusing = await counted((request) => void request.socket.destroy());
  await expect(get(refusing.origin)).rejects.toMatchObject({ reason: 'refused' });
  expect(refusing.accepted()).toBe(1);
});

it('keeps none whose answer was not read to its end, or that its server ends', async () => {
  const server = await counted((request, response) => {
    if (request.url === '/last') response.writeHead(200, { connection: 'close' });
    if (request.url === '/endless') return void response.write('a');
    response.end('hello');
  });
  const { get, open } = source();
  await get(`${server.origin}/last`);
  await eventually(() => server.open() === 0);
  const { body, closed } = await open(`${server.origin}/endless`);
  body.destroy();
  await closed;
  await eventually(() => server.open() === 0);
  await get(server.origin);
  expect(server.accepted()).toBe(3);
});

it('has one connection in all to a provider that allows one, whichever servers it redirects to', async () => {
  let open = 0;
  let most = 0;
  const servers: TestServer[] = [];
  const count = ({ server }: TestServer) =>
    server.on('connection', (socket) => {
      open += 1;
      // A server may see the next connection a moment before it sees the end of the one before.
      setTimeout(() => {
        most = Math.max(most, open);
      }, SEEN_MS);
      socket.once('close', () => {
        open -= 1;
      });
    });
  for (let n = 0; n < 2; n += 1) {
    const made = await counted((request, response) => {
      const other = servers[1 - n] as TestServer;
      if (request.url === '/there') response.writeHead(302, { location: `${other.origin}/` }).end();
      else response.end('hello');
    });
    count(made);
    servers.push(made);
  }
  const { get } = source({ isSingle: true });
  for (const n of [0, 1, 1, 0]) {
    expect(await get(`${servers[n]?.origin}/`)).toBe('hello');
    await sleep(2 * SEEN_MS);
    expect(await get(`${servers[n]?.origin}/there`)).toBe('hello');
    await sleep(2 * SEEN_MS);
  }
  expect([most, open]).toEqual([1, 1]);
});

it('closes the connection that was idle longest where a server has as many as it may', async () => {
  const server = await counted(hello);
  const all = new KeptConnections(2);
  const sources = [source({ all }), source({ all }), source({ all })];
  for (const { get } of sources) expect(await get(server.origin)).toBe('hello');
  await eventually(() => server.open() === 2);
  // The two that came last still have theirs.
  for (const { get } of sources.slice(1)) await get(server.origin);
  expect([server.accepted(), server.open()]).toEqual([3, 2]);
});
