/** The way of a page resolver to the network: what it reaches, by CONNECT and by plain requests, and what it does not. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { EgressGuard, type Resolver } from '../../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { Gateway } from '../../../../services/proxy/src/upstream/gateway/gateway.ts';
import type { PageSession } from '../../../../services/proxy/src/upstream/gateway/page-session.ts';
import { SourceMemories } from '../../../../services/proxy/src/upstream/http/source-memory.ts';
import { egressPolicy, eventually, openGuard, serve } from '../support.ts';

async function gateway(guard = openGuard()): Promise<Gateway> {
  const made = new Gateway({
    guard,
    memories: new SourceMemories(),
    connections: {
      areLimited: false,
      watch: () => ({ opened: () => () => undefined, refusalMayPass: () => false, makeRoom: async () => undefined }),
    },
    connectTimeoutMs: 1000,
    headersTimeoutMs: 1000,
    stallTimeoutMs: 1000,
    clientStallTimeoutMs: 1000,
  });
  await made.listen();
  onTestFinished(() => made.close());
  return made;
}

/** The name `page.test` is at these addresses, one answer after the other. */
function named(...answers: string[]): Resolver {
  return async () => [{ address: answers.length > 1 ? (answers.shift() ?? '') : (answers[0] ?? ''), family: 4 }];
}

const authorization = (page: PageSession) => {
  const { username, password } = new URL(page.proxyUrl);
  return { 'proxy-authorization': `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
};

/** What CONNECT is answered, and the connection behind it. */
async function connect(port: number, target: string, headers: Record<string, string>) {
  const asked = httpRequest({ host: '127.0.0.1', port, method: 'CONNECT', path: target, headers, agent: false });
  asked.end();
  const [answer, socket, head] = (await once(asked, 'connect')) as [IncomingMessage, Socket, Buffer];
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  return { status: answer.statusCode, socket, text: head.toString() };
}

/** Asks the gateway as a proxy for a whole URL. */
async function ask(port: number, url: string, headers: Record<string, string>, body?: string) {
  const asked = httpRequest({
    ...{ host: '127.0.0.1', port, path: url, headers, agent: false },
    method: body === undefined ? 'GET' : 'POST',
  });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer) text += chunk;
  return { status: answer.statusCode, headers: answer.headers, text };
}

/** Says everything back, as a server behind TLS that nobody looks into. */
async function echo(): Promise<{ port: number; open: Set<Socket> }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, open };
}

it('opens a tunnel to a host, at the address that was checked, and asks for its name once', async () => {
  const server = await echo();
  // The second answer would be an address that is always refused.
  const guard = new EgressGuard(egressPolicy('true'), named('127.0.0.1', '169.254.169.254'));
  const page = (await gateway(guard)).openPages();
  const { status, socket } = await connect(page.port, `page.test:${server.port}`, authorization(page));
  expect(status).toBe(200);
  socket.write('hello');
  expect(String((await once(socket, 'data'))[0])).toBe('hello');
  const again = await connect(page.port, `page.test:${server.port}`, authorization(page));
  expect(again.status).toBe(403);
  expect(page.refusal?.message).toMatch(/page\.test is refused/);
  socket.destroy();
  await eventually(() => server.open.size === 0);
});

it.each([
  '169.254.169.254:80',
  '127.0.0.1:6379',
  'localhost:80',
  '[::1]:80',
  '[::ffff:169.254.169.254]:80',
  '0x7f.1:80',
  '2130706433:80',
  '0.0.0.0:80',
  '10.0.0.1:443',
  'metadata.test:443',
])('opens no tunnel to %s', async (target) => {
  const guard = new EgressGuard(egressPolicy('false'), named('169.254.169.254'));
  const page = (await gateway(guard)).openPages();
  expect((await connect(page.port, target, authorization(page))).status).toBe(403);
  expect(page.refusal?.reason).toBe('egress_refused');
});

it.each([
  'page.test',
  'page.test:0',
  'page.test:70000',
  'a@page.test:80',
  'page.test:80/x',
  'http://page.test:80',
  ':80',
])('takes %j for no host with a port', async (target) => {
  const page = (await gateway()).openPages();
  expect((await connect(page.port, target, authorization(page))).status).toBe(400);
});

it('opens nothing without the token of an open session', async () => {
  const server = await echo();
  const made = await gateway();
  const page = made.openPages();
  const target = `127.0.0.1:${server.port}`;
  for (const headers of [{}, { 'proxy-authorization': 'Basic cGFnZTp4' }, { 'proxy-authorization': 'Bearer x' }]) {
    expect((await connect(page.port, target, headers as Record<string, string>)).status).toBe(407);
    expect((await ask(page.port, `http://${target}/`, headers as Record<string, string>)).status).toBe(404);
  }
  const { socket, status } = await connect(page.port, target, authorization(page));
  expect(status).toBe(200);
  page.close();
  await once(socket, 'close');
  expect((await connect(page.port, target, authorization(page))).status).toBe(407);
  await eventually(() => server.open.size === 0);
});

it('passes plain requests on, without what is for a proxy, and redirects as they are', async () => {
  const server = await serve((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    else response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] }).end(`${request.method} ${request.url}`);
  });
  const page = (await gateway()).openPages();
  const headers = { ...authorization(page), cookie: 'c=3', 'proxy-connection': 'keep-alive' };
  const got = await ask(page.port, `${server.origin}/a?b=1`, headers);
  expect(got).toMatchObject({ status: 200, text: 'GET /a?b=1', headers: { 'set-cookie': ['a=1', 'b=2'] } });
  expect(server.requests[0]?.headers).toMatchObject({ cookie: 'c=3', host: new URL(server.origin).host });
  expect(server.requests[0]?.headers.via).toMatch(/streampool/);
  expect(Object.keys(server.requests[0]?.headers ?? {}).filter((name) => name.startsWith('proxy-'))).toEqual([]);
  expect((await ask(page.port, `${server.origin}/form`, headers, 'x=1')).text).toBe('POST /form');
  const moved = await ask(page.port, `${server.origin}/moved`, headers);
  expect(moved).toMatchObject({ status: 302, headers: { location: 'http://169.254.169.254/' } });
  const refused = await ask(page.port, 'http://169.254.169.254/', headers);
  expect(refused.status).toBe(403);
  expect(refused.text).toMatch(/is refused/);
  expect((await ask(page.port, 'http://127.0.0.1:1/', headers)).status).toBe(502);
});

it('ends what brings too much, and opens no more connections than are allowed', async () => {
  const server = await echo();
  const page = (await gateway()).openPages({ connections: 1, bytes: 100_000 });
  const target = `127.0.0.1:${server.port}`;
  const { socket } = await connect(page.port, target, authorization(page));
  expect((await connect(page.port, target, authorization(page))).status).toBe(502);
  let got = 0;
  socket.on('data', (chunk: Buffer) => {
    got += chunk.length;
  });
  socket.write(Buffer.alloc(2_000_000));
  await once(socket, 'close');
  expect(got).toBeLessThan(400_000);
  await eventually(() => server.open.size === 0);
  expect((await connect(page.port, target, authorization(page))).status).toBe(200);
});
