/** What FFmpeg's and VLC's HTTP clients accept and do, row by row as the table in docs/sources-and-ffmpeg.md has it: the worker stands in their place. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openUpstream } from '../../../../services/proxy/src/upstream/http/open-upstream.ts';
import { SourceMemory } from '../../../../services/proxy/src/upstream/http/source-memory.ts';
import type { UpstreamRequest } from '../../../../services/proxy/src/upstream/http/upstream-request.ts';
import { ProviderConnections } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { MemoryRegistry } from '../../../../services/registry/memory/memory-registry.ts';
import { eventually, openGuard, rawServer, serve } from '../support.ts';

function open(url: string, more: Partial<UpstreamRequest> = {}) {
  return openUpstream({
    url,
    headers: {},
    userAgent: 'Tester/1',
    connectTimeoutMs: 2_000,
    headersTimeoutMs: 2_000,
    guard: openGuard(),
    ...more,
  });
}

async function bytes(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function got(url: string, more: Partial<UpstreamRequest> = {}): Promise<string> {
  const response = await open(url, more);
  return `${response.status} ${(await bytes(response.body)).toString()}`;
}

const BODY = 'hello';
const LENGTH = 'Content-Length: 5\r\n';
const CHUNKS = `5\r\n${BODY}\r\n0\r\n\r\n`;

/** An answer byte by byte, and how many requests it takes: the second one is the lenient parser's. */
const HEADS: Record<string, readonly [answer: string, requests: number]> = {
  'as the standard has it': [`HTTP/1.1 200 OK\r\n${LENGTH}\r\n${BODY}`, 1],
  'of HTTP/1.0, ending with the connection': [`HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n${BODY}`, 1],
  'without a length, ending with the connection': [`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${BODY}`, 1],
  'without a reason phrase': [`HTTP/1.1 200\r\n${LENGTH}\r\n${BODY}`, 1],
  'with early hints before it': [
    `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n${LENGTH}\r\n${BODY}`,
    1,
  ],
  'with a chunk extension': [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n${BODY}\r\n0\r\n\r\n`, 1],
  'with a head of 20 kB': [`HTTP/1.1 200 OK\r\nX-Big: ${'a'.repeat(20_000)}\r\n${LENGTH}\r\n${BODY}`, 1],
  'with a head of 100 kB': [`HTTP/1.1 200 OK\r\nX-Big: ${'a'.repeat(100_000)}\r\n${LENGTH}\r\n${BODY}`, 2],
  'with 3,000 headers': [`HTTP/1.1 200 OK\r\n${'A: 1\r\n'.repeat(3000)}${LENGTH}\r\n${BODY}`, 1],
  'with 100 Continue before it': [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${LENGTH}\r\n${BODY}`, 2],
  'of SHOUTcast (ICY 200 OK)': [`ICY 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n${BODY}`, 2],
  'with lines that end in LF': [`HTTP/1.1 200 OK\nContent-Length: 5\n\n${BODY}`, 2],
  'with chunks whose lines end in LF': [`HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\n${BODY}\n0\n\n`, 2],
  'with a line without a colon': [`HTTP/1.1 200 OK\r\nNonsense here\r\n${LENGTH}\r\n${BODY}`, 2],
  'with a space in a name': [`HTTP/1.1 200 OK\r\nX Name: 1\r\n${LENGTH}\r\n${BODY}`, 2],
  'with a space before a colon': ['HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello and more', 2],
  'with an empty name': [`HTTP/1.1 200 OK\r\n: a\r\n${LENGTH}\r\n${BODY}`, 2],
  'with a control character': [`HTTP/1.1 200 OK\r\nX: a\x01b\r\n${LENGTH}\r\n${BODY}`, 2],
  'with a folded line': [`HTTP/1.1 200 OK\r\nX: a\r\n b\r\n${LENGTH}\r\n${BODY}`, 2],
  'with a length before chunks': [
    `HTTP/1.1 200 OK\r\nContent-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
    2,
  ],
  'with a length behind chunks': [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${LENGTH}\r\n${CHUNKS}`, 2],
  'with two equal lengths': [`HTTP/1.1 200 OK\r\n${LENGTH}${LENGTH}\r\n${BODY} and more`, 2],
  'with two equal lengths in one line': ['HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello and more', 2],
  'with two lengths that disagree': [`HTTP/1.1 200 OK\r\n${LENGTH}Content-Length: 3\r\n\r\n${BODY}`, 2],
  'with a negative length': [`HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n${BODY}`, 2],
  'with an empty length': [`HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n${BODY}`, 2],
  'with a length beyond all numbers': [`HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n${BODY}`, 2],
  'with a length of 0 before a live body': [`HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n${BODY}`, 2],
  'with its protocol in small letters': [`http/1.1 200 OK\r\n${LENGTH}\r\n${BODY}`, 2],
  'that says HTTP/2 and speaks HTTP/1': [`HTTP/2 200 OK\r\n${LENGTH}\r\n${BODY}`, 2],
};

describe('an answer', () => {
  it.each(Object.entries(HEADS))('%s is read', async (_name, [answer, requests]) => {
    let asked = 0;
    const origin = await rawServer((socket) => {
      asked += 1;
      socket.end(Buffer.from(answer, 'latin1'));
    });
    expect(await got(`${origin}/`)).toBe(`200 ${BODY}`);
    expect(asked).toBe(requests);
  });

  it.each(Object.entries(HEADS))('%s to a body is read, and the body sent once', async (_name, [answer]) => {
    const asked: string[] = [];
    const origin = await rawServer((socket, first) => {
      let text = '';
      const read = (more: Buffer | string): void => {
        text += more.toString();
        if (!text.endsWith('{"a":1}')) return;
        asked.push(text);
        socket.end(Buffer.from(answer, 'latin1'));
      };
      socket.on('data', read);
      read(first);
    });
    const request = { text: '{"a":1}', headers: { 'content-type': 'text/plain' } };
    expect(await got(`${origin}/`, request)).toBe(`200 ${BODY}`);
    expect(asked).toEqual([
      expect.stringMatching(/^POST \/ HTTP\/1\.1\r\n.*content-length: 7\r\n(.*\r\n)?\r\n{"a":1}$/s),
    ]);
  });

  it('is read in pieces of a byte too, by the lenient parser', async () => {
    const origin = await rawServer((socket) => {
      const all = Buffer.from(`ICY 200 OK\nTransfer-Encoding: chunked\n\n5;x\n${BODY}\n0\n\n`);
      let at = 0;
      const timer = setInterval(() => {
        if (at === all.length) clearInterval(timer);
        else socket.write(all.subarray(at, ++at));
      }, 1);
      socket.once('close', () => clearInterval(timer));
    });
    expect(await got(`${origin}/`)).toBe(`200 ${BODY}`);
  });

  it('that a server has malformed once is read by the lenient parser at once from then on, and only there', async () => {
    let asked = 0;
    const origin = await rawServer((socket) => {
      asked += 1;
      socket.end(`ICY 200 OK\r\n\r\n${BODY}`);
    });
    const strict = await serve((_request, response) => response.end(BODY));
    const memory = new SourceMemory();
    for (const expected of [2, 3]) {
      expect(await got(`${origin}/`, { memory })).toBe(`200 ${BODY}`);
      expect(asked).toBe(expected);
    }
    expect(await got(`${strict.origin}/`, { memory })).toBe(`200 ${BODY}`);
    expect(memory.isLenient(new URL(strict.origin))).toBe(false);
  });

  it.each([
    ['5\n', '\n0\n\n'],
    ['5  \r\n', '\r\n0\r\n\r\n'],
  ])('that becomes malformed in its body (%j) is read by the lenient parser the next time', async (size, end) => {
    const origin = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
      setTimeout(() => socket.end(`${size}again${end}`), 20);
    });
    const memory = new SourceMemory();
    await expect(got(`${origin}/`, { memory })).rejects.toThrow();
    expect(await got(`${origin}/`, { memory })).toBe('200 helloagain');
  });

  it('is asked for by the lenient parser until the provider has noticed that the strict one has left', async () => {
    let refused = 0;
    let isFirst = true;
    const origin = await rawServer((socket) => {
      if (!isFirst && refused < 2) {
        refused += 1;
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      } else socket.end(`ICY 200 OK\r\n\r\n${BODY}`);
      isFirst = false;
    });
    const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
    const connections = new ProviderConnections({ max: 0, registry, reclaim: async () => undefined });
    const account = connections.watch({ url: origin, headers: {}, userAgent: '' });
    expect(await got(`${origin}/`, { account })).toBe(`200 ${BODY}`);
    expect(refused).toBe(2);
  });

  it.each(['SSH-2.0-OpenSSH\r\n', 'HTTP/1.1 OK\r\n\r\n', 'HTTP/1.1 2000 OK\r\n\r\n'])('%j is none', async (text) => {
    const origin = await rawServer((socket) => socket.write(text));
    await expect(open(`${origin}/`)).rejects.toMatchObject({ reason: 'not_media' });
  });

  it('that breaks off is not taken for whole by the lenient parser', async () => {
    const origin = await rawServer((socket) => socket.end('ICY 200 OK\r\nContent-Length: 9\r\n\r\nhello'));
    await expect(got(`${origin}/`)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('has its connection closed by the lenient parser with the body, and says when', async () => {
    let open_ = 0;
    const origin = await rawServer((socket) => {
      open_ += 1;
      socket.once('close', () => {
        open_ -= 1;
      });
      socket.write('ICY 200 OK\r\n\r\nhello');
    });
    const abort = new AbortController();
    const response = await open(`${origin}/`, { signal: abort.signal });
    abort.abort();
    await response.closed;
    expect(response.body.destroyed).toBe(true);
    await eventually(() => open_ === 0);
  });

  it('does not fill the memory of the lenient parser when nobody reads it', async () => {
    let sent = 0;
    const origin = await rawServer((socket) => {
      socket.write('ICY 200 OK\r\n\r\n');
      const timer = setInterval(() => {
        if (socket.writableNeedDrain) return;
        sent += 1_000_000;
        socket.write(Buffer.alloc(1_000_000));
      }, 2);
      socket.once('close', () => clearInterval(timer));
    });
    const { body } = await open(`${origin}/`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(body.readableLength).toBeLessThan(1_000_000);
    body.destroy();
    expect(sent).toBeGreaterThan(0);
  });

  it('of the lenient parser passes the egress guard, as each of its redirects does', async () => {
    const origin = await rawServer((socket) =>
      socket.end('ICY 302 Moved\r\nLocation: http://169.254.169.254/\r\n\r\n'),
    );
    await expect(open(`${origin}/`)).rejects.toMatchObject({ reason: 'egress_refused' });
    const memory = new SourceMemory();
    memory.noteLenient(new URL('http://169.254.169.254/'));
    await expect(open('http://169.254.169.254/', { memory })).rejects.toMatchObject({ reason: 'egress_refused' });
  });
});

describe('a redirect', () => {
  it.each([
    ['relative', 'next', '/a/next'],
    ['from the root', '/x?y=1', '/x?y=1'],
    ['without a scheme', '//{host}/z', '/z'],
    ['with spaces', '/my film.ts', '/my%20film.ts'],
    ['in UTF-8', '/caf\u00e9/\u7535.ts', '/caf%C3%A9/%E7%94%B5.ts'],
    ['with a fragment', '/x#part', '/x'],
    ['of several, the first', '/one\r\nLocation: /two', '/one'],
  ])('%s is followed', async (_name, location, path) => {
    const paths: string[] = [];
    const origin = await rawServer((socket, request) => {
      const asked = /^GET (\S+)/.exec(request)?.[1] ?? '';
      paths.push(asked);
      const to = location.replace('{host}', new URL(origin).host);
      if (asked === '/a/b') socket.end(`HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`);
      else socket.end(`HTTP/1.1 200 OK\r\n${LENGTH}\r\n${BODY}`);
    });
    expect(await got(`${origin}/a/b`)).toBe(`200 ${BODY}`);
    expect(paths.at(-1)).toBe(path);
  });

  it('in Latin-1 leads to the very same bytes', async () => {
    const paths: string[] = [];
    const origin = await rawServer((socket, request) => {
      paths.push(/^GET (\S+)/.exec(request)?.[1] ?? '');
      if (paths.length < 2) socket.end(Buffer.from('HTTP/1.1 302 Found\r\nLocation: /caf\xe9\r\n\r\n', 'latin1'));
      else socket.end(`HTTP/1.1 200 OK\r\n${LENGTH}\r\n${BODY}`);
    });
    expect(await got(`${origin}/a`)).toBe(`200 ${BODY}`);
    expect(paths.at(-1)).toBe('/caf%E9');
  });

  it('is asked for once by a sticky source, until the server that it leads to fails; by any other each time', async () => {
    const edges = await Promise.all(
      ['one', 'two'].map((name) =>
        serve((_request, response) => {
          if (name === 'one' && edges[0]?.requests.length === 3) response.writeHead(503).end();
          else response.end(name);
        }),
      ),
    );
    let next = 0;
    const balancer = await serve((_request, response) => {
      response.writeHead(302, { location: `${edges[next]?.origin}/x` }).end();
    });
    const memory = new SourceMemory();
    const asked = async (sticky: boolean) =>
      `${await got(balancer.origin, { memory, sticky })} ${balancer.requests.length}`;
    expect([await asked(true), await asked(true)]).toEqual(['200 one 1', '200 one 1']);
    next = 1;
    expect([await asked(true), await asked(true)]).toEqual(['200 two 2', '200 two 2']);
    expect([await asked(false), await asked(false)]).toEqual(['200 two 3', '200 two 4']);
  });

  it('without an address is an answer', async () => {
    const server = await serve((_request, response) => response.writeHead(302).end());
    expect((await open(server.origin)).status).toBe(302);
  });

  it('is followed eight times, as FFmpeg does', async () => {
    const server = await serve((request, response) => {
      const hop = Number(request.url?.slice(1) ?? 0);
      if (hop === 8) response.end(BODY);
      else response.writeHead(302, { location: `/${hop + 1}` }).end();
    });
    expect(await got(`${server.origin}/0`)).toBe(`200 ${BODY}`);
  });

  it('is followed only when the connection before it is closed', async () => {
    let open_ = 0;
    let most = 0;
    const origin = await rawServer((socket, request) => {
      open_ += 1;
      most = Math.max(most, open_);
      socket.once('close', () => {
        open_ -= 1;
      });
      // It leaves the connection to the client.
      if (request.startsWith('GET /end')) socket.end(`HTTP/1.1 200 OK\r\n${LENGTH}\r\n${BODY}`);
      else socket.write('HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 900\r\n\r\nMoved');
    });
    expect(await got(`${origin}/`)).toBe(`200 ${BODY}`);
    expect(most).toBe(1);
  });
});

/** Sets cookies with each answer, and tells what it was sent. */
async function cookieServer(setCookies: (path: string) => string[], redirects: Record<string, string> = {}) {
  return serve((request, response) => {
    const path = request.url ?? '';
    const set = setCookies(path);
    if (set.length > 0) response.setHeader('set-cookie', set);
    const location = redirects[path];
    if (location === undefined) response.end(request.headers.cookie ?? 'none');
    else response.writeHead(302, { location }).end();
  });
}

describe('a cookie', () => {
  it('that a redirect sets goes to its target', async () => {
    const server = await cookieServer((path) => (path === '/' ? ['pass=t0k; Path=/; HttpOnly', 'b=2'] : []), {
      '/': '/edge',
    });
    expect(await got(`${server.origin}/`)).toBe('200 pass=t0k; b=2');
  });

  it.each([
    ['Path=/', '/x', 'a=1'],
    ['Path=/other', '/x', 'none'],
    ['Path=/hls', '/hls/seg.ts', 'a=1'],
    ['Path=/hls', '/hlsx', 'none'],
    ['', '/dir/y', 'a=1'],
    ['Secure', '/dir/y', 'none'],
    ['Path=/; Max-Age=0', '/x', 'none'],
    ['Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT', '/x', 'none'],
    ['Path=/; Domain=example.org', '/x', 'none'],
    ['Path=/; SameSite=Strict', '/x', 'a=1'],
  ])('with "%s" asked for %s is sent as %s', async (attributes, path, expected) => {
    const server = await cookieServer((asked) => (asked === '/dir/set' ? [`a=1; ${attributes}`] : []));
    const memory = new SourceMemory();
    await got(`${server.origin}/dir/set`, { memory });
    expect(await got(`${server.origin}${path}`, { memory })).toBe(`200 ${expected}`);
  });

  it('is deleted by a date that has passed, and replaced by a newer value', async () => {
    const values = ['a=1; Path=/', 'a=2; Path=/', 'a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'];
    const server = await cookieServer(() => [values.shift() ?? 'b=9; Path=/z']);
    const memory = new SourceMemory();
    const seen = [];
    for (let at = 0; at < 4; at += 1) seen.push(await got(`${server.origin}/`, { memory }));
    expect(seen).toEqual(['200 none', '200 a=1', '200 a=2', '200 none']);
  });

  it('never crosses to another site, nor from one source to another', async () => {
    const other = await serve((request, response) => response.end(request.headers.cookie ?? 'none'));
    const elsewhere = `http://localhost:${other.port}/x`;
    const server = await cookieServer(() => ['a=1; Path=/'], { '/': elsewhere });
    expect(await got(`${server.origin}/`)).toBe('200 none');
    expect(await got(`${server.origin}/y`, { memory: new SourceMemory() })).toBe('200 none');
  });

  it('stands beside the cookies of the stream, whose own value it replaces', async () => {
    const server = await cookieServer(() => ['b=new; Path=/']);
    const memory = new SourceMemory();
    const headers = { Cookie: 'a=mine; b=old' };
    expect(await got(`${server.origin}/`, { memory, headers })).toBe('200 a=mine; b=old');
    expect(await got(`${server.origin}/`, { memory, headers })).toBe('200 a=mine; b=new');
  });

  it('of an earlier session that is refused is forgotten, and the source asked without it', async () => {
    const server = await serve((request, response) => {
      if (request.headers.cookie === 'a=expired') response.writeHead(403).end();
      else response.setHeader('set-cookie', 'a=expired').end(BODY);
    });
    const memory = new SourceMemory();
    expect(await got(`${server.origin}/`, { memory })).toBe(`200 ${BODY}`);
    expect(await got(`${server.origin}/`, { memory })).toBe(`200 ${BODY}`);
    expect(server.requests).toHaveLength(3);
  });

  it('is no way to fill the memory', async () => {
    const server = await cookieServer(() => Array.from({ length: 300 }, (_, at) => `c${at}=1; Path=/`));
    const memory = new SourceMemory();
    for (let at = 0; at < 3; at += 1) await got(`${server.origin}/`, { memory });
    expect((await got(`${server.origin}/`, { memory })).length).toBeLessThan(50 * 10);
  });
});

/** A provider that checks a Digest answer as RFC 7616 has it. */
function digestServer(algorithm: string | undefined, qop: string | undefined, nonces = ['n1', 'n2', 'n3']) {
  const hashName = /sha-256/i.test(algorithm ?? '') ? 'sha256' : /512/.test(algorithm ?? '') ? 'sha512-256' : 'md5';
  const hash = (text: string) => createHash(hashName).update(text).digest('hex');
  let nonce = nonces.shift();
  return serve((request: IncomingMessage, response: ServerResponse) => {
    const sent = request.headers.authorization ?? '';
    const value = (name: string) => new RegExp(`[ ,]${name}="?([^",]*)"?`).exec(sent)?.[1] ?? '';
    const secret = hash('joe:Box, "one":p:w');
    const ha1 = /sess/i.test(algorithm ?? '') ? hash(`${secret}:${value('nonce')}:${value('cnonce')}`) : secret;
    const ha2 = hash(`${request.method}:${request.url}${value('qop') === 'auth-int' ? `:${hash('')}` : ''}`);
    const middle = value('qop') === '' ? '' : `${value('nc')}:${value('cnonce')}:${value('qop')}:`;
    const isRight = value('response') === hash(`${ha1}:${value('nonce')}:${middle}${ha2}`);
    if (isRight && value('nonce') === nonce && value('uri') === request.url) {
      response.end(BODY);
      if (request.url === '/last') nonce = nonces.shift();
      return;
    }
    const extra = [algorithm && `algorithm=${algorithm}`, qop && `qop="${qop}"`, isRight && 'stale=true'].filter(
      Boolean,
    );
    const challenge = [`Digest realm="Box, \\"one\\""`, `nonce="${nonce}"`, ...extra].join(', ');
    response.setHeader('www-authenticate', ['Basic realm="x, y"', challenge]).writeHead(401).end();
  });
}

describe('Digest authentication', () => {
  const at = (port: number, path: string, user = 'joe:p%3Aw') => `http://${user}@127.0.0.1:${port}${path}`;

  it.each([
    [undefined, undefined],
    ['MD5', 'auth'],
    ['MD5', 'auth,auth-int'],
    ['MD5', 'auth-int'],
    ['MD5-sess', 'auth'],
    ['SHA-256', 'auth'],
    ['SHA-256-sess', 'auth-int'],
    ['SHA-512-256', 'auth'],
  ])('with %s and %s opens the source; a stale nonce is replaced', async (algorithm, qop) => {
    const server = await digestServer(algorithm, qop);
    const memory = new SourceMemory();
    const requests = async (path: string) => {
      const before = server.requests.length;
      expect(await got(at(server.port, path), { memory })).toBe(`200 ${BODY}`);
      return server.requests.length - before;
    };
    expect(await requests('/a?b=c')).toBe(2);
    // The challenge is remembered.
    expect(await requests('/last')).toBe(1);
    expect(await requests('/a')).toBe(2);
    const counts = server.requests.map(({ headers }) => /nc=(\w+)/.exec(headers.authorization ?? '')?.[1]);
    if (qop !== undefined) expect(counts).toEqual([undefined, '00000001', '00000002', '00000003', '00000001']);
  });

  it('with a wrong password ends as 401, after two requests', async () => {
    const server = await digestServer('MD5', 'auth');
    expect((await open(at(server.port, '/', 'joe:wrong'))).status).toBe(401);
    expect(server.requests).toHaveLength(2);
  });

  it('is answered on the target of a redirect of the same server, and to no other', async () => {
    const guarded = await digestServer('MD5', 'auth');
    const other = await serve((_request, response) =>
      response.writeHead(302, { location: `${guarded.origin}/a` }).end(),
    );
    expect((await open(at(other.port, '/'))).status).toBe(401);
    expect(guarded.requests[0]?.headers.authorization).toBeUndefined();
    const own = await serve((_request, response) =>
      response.writeHead(302, { location: at(guarded.port, '/a') }).end(),
    );
    expect(await got(own.origin)).toBe(`200 ${BODY}`);
  });
});

describe('a body that nobody asked to be wrapped', () => {
  it.each([
    ['gzip', gzipSync(BODY)],
    ['x-gzip', gzipSync(BODY)],
    ['deflate', deflateSync(BODY)],
    ['br', brotliCompressSync(BODY)],
  ])('comes out of %s, without the length of what was wrapped', async (encoding, body) => {
    const server = await serve((_request, response) => {
      response.writeHead(200, {
        'content-encoding': encoding,
        'content-length': body.length,
        'accept-ranges': 'bytes',
      });
      response.end(body);
    });
    const response = await open(server.origin);
    expect((await bytes(response.body)).toString()).toBe(BODY);
    for (const name of ['content-encoding', 'content-length', 'accept-ranges']) {
      expect(response.headers).not.toHaveProperty(name);
    }
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
    await eventually(() => server.open() === 0);
  });

  it('comes as it is decoded, and is closed with it', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.write(gzipSync(BODY).subarray(0, -8));
    });
    const { body, closed } = await open(server.origin);
    for await (const chunk of body) {
      expect(String(chunk)).toBe(BODY);
      break;
    }
    await closed;
    await eventually(() => server.open() === 0);
  });

  it('is a whole file again when all of it came as a part, and refused when only a piece did', async () => {
    const packed = gzipSync(BODY);
    const server = await serve((request, response) => {
      const [start, end] = request.url === '/all' ? [0, packed.length - 1] : [3, 9];
      response.writeHead(206, {
        'content-encoding': 'gzip',
        'content-range': `bytes ${start}-${end}/${packed.length}`,
      });
      response.end(packed.subarray(start, end + 1));
    });
    expect(await got(`${server.origin}/all`)).toBe(`200 ${BODY}`);
    await expect(open(`${server.origin}/piece`)).rejects.toMatchObject({ reason: 'not_media' });
    await eventually(() => server.open() === 0);
  });

  it('loses the titles of SHOUTcast, however it is cut into pieces', async () => {
    const media = Buffer.from(Array.from({ length: 100 }, (_, at) => at));
    const title = Buffer.concat([Buffer.from([2]), Buffer.from("StreamTitle='x';".padEnd(32, '\0'))]);
    const none = Buffer.from([0]);
    const parts = [media.subarray(0, 40), title, media.subarray(40, 80), none, media.subarray(80)];
    const server = await serve(async (_request, response) => {
      response.writeHead(200, { 'icy-metaint': '40' });
      for (const byte of Buffer.concat(parts)) {
        response.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const response = await open(server.origin, { headers: { 'Icy-MetaData': '1' } });
    expect(await bytes(response.body)).toEqual(media);
    expect(response.headers).not.toHaveProperty('icy-metaint');
    expect(server.requests[0]?.headers).not.toHaveProperty('icy-metadata');
  });
});

describe('a proxy of the environment', () => {
  it('is never used', async () => {
    const proxy = await serve((_request, response) => response.end('through a proxy'));
    const names = ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY', 'no_proxy', 'NO_PROXY'];
    const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
    onTestFinished(() => {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    });
    for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : proxy.origin;
    for (const name of ['no_proxy', 'NO_PROXY']) process.env[name] = '';
    const strict = await serve((_request, response) => response.end(BODY));
    const lenient = await rawServer((socket) => socket.end(`ICY 200 OK\r\n\r\n${BODY}`));
    expect(await got(strict.origin)).toBe(`200 ${BODY}`);
    expect(await got(lenient)).toBe(`200 ${BODY}`);
    expect(proxy.requests).toHaveLength(0);
  });
});
