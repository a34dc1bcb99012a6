import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EgressGuard } from '../../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { openUpstream, requireSuccess } from '../../../../services/proxy/src/upstream/http/open-upstream.ts';
import type { UpstreamRequest } from '../../../../services/proxy/src/upstream/http/upstream-request.ts';
import { BodyReader } from '../../../../services/proxy/src/upstream/messages/body-reader.ts';
import { egressPolicy, eventually, openGuard, rawServer, serve } from '../support.ts';

function open(url: string, more: Partial<UpstreamRequest> = {}) {
  return openUpstream({
    url,
    headers: {},
    userAgent: 'Tester/1',
    connectTimeoutMs: 400,
    headersTimeoutMs: 400,
    guard: openGuard(),
    ...more,
  });
}

async function text(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('openUpstream', () => {
  it('closes a refused connection when room for another one cannot be made', async () => {
    const server = await serve((_request, response) => response.writeHead(403).write('max connections'));
    const makeRoom = () => Promise.reject(new Error('Redis is away'));
    const account = { opened: () => () => undefined, makeRoom, refusalMayPass: () => false };
    await expect(open(server.origin, { account })).rejects.toThrow('Redis is away');
    await eventually(() => server.open() === 0);
  });

  it('sends what the stream asks for and gives the answer', async () => {
    const server = await serve((_request, response) => response.setHeader('X-A', '1').end('hello'));
    const response = await open(`${server.origin}/a?b=c`, {
      headers: { 'X-Custom': 'yes', Referer: 'http://ref.test/', Host: 'evil', 'Accept-Encoding': 'gzip' },
      range: 'bytes=0-',
      ifRange: '"e"',
    });
    expect(response).toMatchObject({ status: 200, url: `${server.origin}/a?b=c`, headers: { 'x-a': '1' } });
    expect(await text(response.body)).toBe('hello');
    const [request] = server.requests;
    expect(request?.url).toBe('/a?b=c');
    expect(request?.headers).toMatchObject({
      'user-agent': 'Tester/1',
      'x-custom': 'yes',
      referer: 'http://ref.test/',
      host: `127.0.0.1:${server.port}`,
      'accept-encoding': 'identity',
      range: 'bytes=0-',
      'if-range': '"e"',
      connection: 'close',
    });
    await eventually(() => server.open() === 0);
  });

  it("lets a stream's own User-Agent win", async () => {
    const server = await serve((_request, response) => response.end());
    (await open(server.origin, { headers: { 'user-agent': 'Own/2' } })).body.resume();
    expect(server.requests[0]?.headers['user-agent']).toBe('Own/2');
  });

  it('turns user info into Basic and keeps it from other origins, as it does cookies', async () => {
    const other = await serve((_request, response) => response.end('there'));
    const server = await serve((request, response) => {
      if (request.url === '/same') response.writeHead(302, { location: `${other.origin}/x` }).end();
      else response.writeHead(302, { location: '/same' }).end();
    });
    const url = `http://joe:p%40ss@127.0.0.1:${server.port}/`;
    const response = await open(url, { headers: { Cookie: 'a=b', 'X-Keep': '1', Authorization: 'Bearer z' } });
    expect(await text(response.body)).toBe('there');
    expect(response.url).toBe(`${other.origin}/x`);
    for (const { headers } of server.requests)
      expect(headers).toMatchObject({ cookie: 'a=b', authorization: 'Bearer z' });
    expect(other.requests[0]?.headers).toMatchObject({ 'x-keep': '1', 'user-agent': 'Tester/1' });
    expect(other.requests[0]?.headers).not.toHaveProperty('cookie');
    expect(other.requests[0]?.headers).not.toHaveProperty('authorization');
    (await open(url)).body.resume();
    const basic = `Basic ${Buffer.from('joe:p@ss').toString('base64')}`;
    expect(server.requests.slice(2).map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
  });

  it.each([
    'http://169.254.169.254/latest/',
    'http://169.254.170.2/v2',
    'file:///etc/passwd',
    'http://[fd00:ec2::254]/',
  ])('does not follow a redirect to %s', async (location) => {
    const server = await serve((_request, response) => response.writeHead(302, { location }).end());
    await expect(open(server.origin)).rejects.toMatchObject({ reason: 'egress_refused', status: 502 });
    await eventually(() => server.open() === 0);
  });

  it('resolves a name once and connects to just that', async () => {
    const server = await serve((_request, response) => response.end('pinned'));
    let asked = 0;
    const rebinding = new EgressGuard(egressPolicy('tv.test'), async () => {
      asked += 1;
      return [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
    });
    const response = await open(`http://tv.test:${server.port}/`, { guard: rebinding });
    expect(await text(response.body)).toBe('pinned');
    expect(server.requests[0]?.headers.host).toBe(`tv.test:${server.port}`);
    expect(asked).toBe(1);
  });

  it('refuses a name that resolves to this machine', async () => {
    const server = await serve((_request, response) => response.end('never'));
    const guard = new EgressGuard(egressPolicy(undefined), async () => [{ address: '127.0.0.1', family: 4 }]);
    await expect(open(`http://tv.test:${server.port}/`, { guard })).rejects.toMatchObject({ reason: 'egress_refused' });
    expect(server.requests).toHaveLength(0);
  });

  it('gives up on endless redirects', async () => {
    const server = await serve((request, response) => response.writeHead(302, { location: `${request.url}x` }).end());
    await expect(open(`${server.origin}/`, { maxRedirects: 3 })).rejects.toMatchObject({
      reason: 'http_status',
      upstreamStatus: 302,
    });
    expect(server.requests).toHaveLength(4);
  });

  it('keeps HEAD a HEAD over redirects', async () => {
    const server = await serve((request, response) =>
      request.url === '/'
        ? response.writeHead(301, { location: '/b' }).end()
        : response.setHeader('content-length', 77).end(),
    );
    const response = await open(`${server.origin}/`, { method: 'HEAD' });
    expect(response.headers['content-length']).toBe('77');
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
    expect(await text(response.body)).toBe('');
    await eventually(() => server.open() === 0);
  });

  it.each([404, 500, 403])('answers %i as it is; requireSuccess throws', async (status) => {
    const server = await serve((_request, response) => response.writeHead(status, { 'retry-after': '7' }).end('no'));
    const response = await open(`${server.origin}/live/joe/hunter22/1.ts`);
    expect(response.status).toBe(status);
    expect(() => requireSuccess(response)).toThrow(
      expect.objectContaining({ reason: 'http_status', upstreamStatus: status, status: 502, retryAfterSeconds: 7 }),
    );
    expect(() => requireSuccess(response)).not.toThrow(/hunter22/);
    await eventually(() => server.open() === 0);
  });

  it('names the reason: refused, silent, hanging up, not HTTP, bad name', async () => {
    const closed = await serve(() => undefined);
    closed.server.close();
    await expect(open(`${closed.origin}/live/joe/hunter22/1.ts`)).rejects.toMatchObject({
      reason: 'refused',
      message: expect.stringMatching(/\*\*\*\/1\.ts could not be opened: the connection was refused/),
    });
    const hanging = await serve(() => undefined);
    const startedMs = performance.now();
    await expect(open(hanging.origin)).rejects.toMatchObject({ reason: 'timeout', status: 504 });
    expect(performance.now() - startedMs).toBeGreaterThan(390);
    await eventually(() => hanging.open() === 0);
    const hangingUp = await rawServer((socket) => socket.destroy());
    await expect(open(hangingUp)).rejects.toMatchObject({ reason: 'refused' });
    const smtp = await rawServer((socket) => socket.end('220 mail.test ESMTP\r\n'));
    await expect(open(smtp)).rejects.toMatchObject({ reason: 'not_media' });
    const https = await serve(() => undefined);
    await expect(open(`https://127.0.0.1:${https.port}/`)).rejects.toMatchObject({ reason: 'tls' });
    const nowhere = new EgressGuard(egressPolicy('false'));
    await expect(
      open('http://no-such-host.invalid/', { guard: nowhere, connectTimeoutMs: 5000 }),
    ).rejects.toMatchObject({ reason: 'dns' });
    await expect(open('nonsense')).rejects.toMatchObject({ reason: 'refused' });
  });

  it('does not wait for ever for a name', async () => {
    const stuck = new EgressGuard(egressPolicy('true'), () => new Promise(() => undefined));
    await expect(open('http://tv.test/', { guard: stuck, connectTimeoutMs: 50 })).rejects.toMatchObject({
      reason: 'timeout',
    });
  });

  it('refuses headers that would break the request apart', async () => {
    await expect(open('http://127.0.0.1:1/', { headers: { 'X-A': 'a\r\nX-B: b' } })).rejects.toMatchObject({
      status: 422,
    });
    await expect(open('http://127.0.0.1:1/', { headers: { 'X A': 'a' } })).rejects.toMatchObject({ status: 422 });
    await expect(open('http://127.0.0.1:1/', { userAgent: 'a\nb' })).rejects.toMatchObject({ status: 422 });
  });

  it('stops on the signal: while opening, and while the body flows', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/flow') response.write('x'.repeat(10_000));
    });
    const early = new AbortController();
    const opening = open(server.origin, { signal: early.signal });
    setTimeout(() => early.abort(), 50);
    await expect(opening).rejects.toMatchObject({ reason: 'stopped' });
    const late = new AbortController();
    const response = await open(`${server.origin}/flow`, { signal: late.signal });
    expect(server.open()).toBe(1);
    late.abort();
    await eventually(() => server.open() === 0);
    expect(response.body.destroyed).toBe(true);
    await expect(open(server.origin, { signal: late.signal })).rejects.toMatchObject({ reason: 'stopped' });
  });

  it('closes the connection as soon as the body is destroyed', async () => {
    const server = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(1000)), 5);
      response.once('close', () => clearInterval(timer));
    });
    const { body } = await open(server.origin);
    body.destroy();
    await eventually(() => server.open() === 0, 300);
  });

  it('reads a body that only the end of the connection delimits', async () => {
    const old = await rawServer((socket) =>
      socket.end('HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\nuntil the end'),
    );
    expect(await text((await open(old)).body)).toBe('until the end');
    const keepAlive = await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
    expect(await text((await open(keepAlive)).body)).toBe('until the end');
  });
});

describe('BodyReader', () => {
  it('peeks without taking away, then reads to the end', async () => {
    const server = await serve((_request, response) => {
      response.write('abc');
      setTimeout(() => response.end('defghi'), 30);
    });
    const { body, url } = await open(server.origin);
    const reader = new BodyReader(body, url);
    expect((await reader.peek(5, 1000)).toString()).toBe('abcdefghi');
    expect((await reader.read(1000))?.toString()).toBe('abcdefghi');
    expect(await reader.read(1000)).toBeUndefined();
    expect(await reader.read(1000)).toBeUndefined();
  });

  it('reports a stall, an end too early, and its own closing', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': 1000 }).write('abc');
        setTimeout(() => response.destroy(), 30);
      } else response.write('abc');
    });
    const silent = await open(server.origin);
    const stalled = new BodyReader(silent.body, silent.url);
    expect((await stalled.peek(2048, 100)).toString()).toBe('abc');
    await stalled.read(100);
    await expect(stalled.read(100)).rejects.toMatchObject({ reason: 'stalled', status: 504 });
    stalled.close();
    await expect(stalled.read(100)).rejects.toMatchObject({ reason: 'stopped' });
    const cut = await open(`${server.origin}/cut`);
    const broken = new BodyReader(cut.body, cut.url);
    expect((await broken.read(1000))?.toString()).toBe('abc');
    await expect(broken.read(1000)).rejects.toMatchObject({ reason: 'ended' });
    await eventually(() => server.open() === 0);
  });
});

it('does not take its own standstill for a stall of the source', async () => {
  const feeder = new Worker(FEEDER, { eval: true });
  onTestFinished(async () => void (await feeder.terminate()));
  const [port] = await once(feeder, 'message');
  const { body, url } = await open(`http://127.0.0.1:${port}/`);
  const reader = new BodyReader(body, url);
  expect(await reader.read(200)).toBeDefined();
  const reading = reader.read(100);
  const untilMs = performance.now() + 400;
  while (performance.now() < untilMs);
  expect((await reading)?.length).toBeGreaterThan(0);
  reader.close();
});

/** Sends a byte every 20 ms from a thread of its own. */
const FEEDER = `
  const { createServer } = require('node:http');
  const { parentPort } = require('node:worker_threads');
  const server = createServer((request, response) => setInterval(() => response.write('x'), 20));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;
