import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { EgressGuard } from '../../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { GATEWAY_PROTOCOLS, Gateway } from '../../../../services/proxy/src/upstream/gateway/gateway.ts';
import { SourceMemories } from '../../../../services/proxy/src/upstream/http/source-memory.ts';
import { ProviderConnections } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { MemoryRegistry } from '../../../../services/registry/memory/memory-registry.ts';
import { egressPolicy, eventually, openGuard, packets, serve } from '../support.ts';

const run = promisify(execFile);

async function gateway(guard = openGuard()): Promise<Gateway> {
  const memories = new SourceMemories();
  const connections = new ProviderConnections({
    max: 0,
    registry: new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0),
    reclaim: async () => undefined,
  });
  const made = new Gateway({
    guard,
    memories,
    connections,
    connectTimeoutMs: 1000,
    headersTimeoutMs: 1000,
    stallTimeoutMs: 1000,
    clientStallTimeoutMs: 200,
  });
  await made.listen();
  onTestFinished(() => made.close());
  return made;
}

function source(url: string, headers: Record<string, string> = {}) {
  return { url, headers, userAgent: 'Tester/1' };
}

function addresses(playlist: string): string[] {
  return playlist.split('\n').filter((line) => line.startsWith('http'));
}

describe('an FFmpeg whose viewer pauses', () => {
  /** More than the sockets between provider and FFmpeg hold. */
  const film = Buffer.alloc(30_000_000, Buffer.from(Array.from({ length: 251 }, (_, at) => at)));

  /** Asks for a film and reads nothing of it until `rest` is called. */
  async function watched(more: { etag?: () => string; hasPlace?: boolean } = {}) {
    const server = await serve((request, response) => {
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const headers = {
        etag: more.etag?.() ?? '"v1"',
        'content-length': film.length - from,
        'content-type': 'video/mp4',
      };
      if (from === 0) response.writeHead(200, headers);
      else response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${film.length - 1}/${film.length}` });
      response.end(film.subarray(from));
    });
    const moves: string[] = [];
    const place = { giveBack: () => void moves.push('given back'), take: async () => void moves.push('taken') };
    const session = (await gateway()).register(
      source(`${server.origin}/1.mp4`),
      undefined,
      more.hasPlace === false ? undefined : place,
    );
    const asked = httpRequest(session.url, { agent: false });
    asked.on('error', () => undefined);
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    const rest = () =>
      new Promise<Buffer>((resolve) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('close', () => resolve(Buffer.concat(chunks)));
      });
    return { server, moves, session, rest, leave: () => asked.destroy() };
  }

  it('holds no connection and no place, and gets the rest of the film afterwards', async () => {
    const { server, moves, rest, session } = await watched();
    await eventually(() => server.open() === 0 && moves.length > 0, 5_000);
    expect(moves).toEqual(['given back']);
    expect((await rest()).equals(film)).toBe(true);
    expect(moves).toEqual(['given back', 'taken']);
    expect(server.requests).toHaveLength(2);
    expect(server.requests[1]?.headers['if-range']).toBe('"v1"');
    expect(session.lastError).toBeUndefined();
  });

  it('gets no bytes of another film', async () => {
    const { server, rest, session } = await watched({ etag: () => `"${Math.random()}"` });
    await eventually(() => server.open() === 0, 5_000);
    const bytes = await rest();
    expect(bytes.length).toBeLessThan(film.length);
    expect(bytes.equals(film.subarray(0, bytes.length))).toBe(true);
    await eventually(() => server.open() === 0 && session.lastError !== undefined);
    expect(session.lastError?.message).toContain('not the rest of the same file');
  });

  it('leaves nothing behind when it is ended', async () => {
    const { server, moves, leave } = await watched();
    await eventually(() => server.open() === 0 && moves.length > 0, 5_000);
    leave();
    await sleep(100);
    expect([moves, server.requests.length, server.open()]).toEqual([['given back'], 1, 0]);
  });

  it('keeps its connection when several viewers share it', async () => {
    const { server, rest } = await watched({ hasPlace: false });
    await sleep(600);
    expect(server.open()).toBe(1);
    expect((await rest()).equals(film)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });
});

describe('gateway', () => {
  it("fetches with the stream's headers and shows nothing of the source", async () => {
    const server = await serve((_request, response) =>
      response.setHeader('content-type', 'video/mp4').end('\0\0\0\x18ftyp'),
    );
    const door = await gateway();
    const session = door.register(
      source(`${server.origin}/movie/joe/hunter22/1.mp4`, { 'X-A': '1', Authorization: 'Bearer z' }),
    );
    expect(session.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/s\/[\w-]{22}\/index\.mp4$/);
    const answer = await fetch(session.url);
    expect(answer.headers.get('content-type')).toBe('video/mp4');
    expect(await answer.text()).toBe('\0\0\0\x18ftyp');
    expect(server.requests[0]?.headers).toMatchObject({
      'x-a': '1',
      authorization: 'Bearer z',
      'user-agent': 'Tester/1',
    });
    expect(session.lastError).toBeUndefined();
  });

  it('passes Range and HEAD on', async () => {
    const server = await serve((request, response) => {
      if (request.headers.range === 'bytes=2-4') {
        response.writeHead(206, { 'content-range': 'bytes 2-4/10', 'content-length': 3, etag: '"e"' }).end('cde');
      } else response.writeHead(200, { 'content-length': 10, 'accept-ranges': 'bytes' }).end();
    });
    const { url } = (await gateway()).register(source(`${server.origin}/a.mkv`));
    const part = await fetch(url, { headers: { range: 'bytes=2-4' } });
    expect([part.status, part.headers.get('content-range'), part.headers.get('etag'), await part.text()]).toEqual([
      206,
      'bytes 2-4/10',
      '"e"',
      'cde',
    ]);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.headers.get('accept-ranges')]).toEqual([
      200,
      '10',
      'bytes',
    ]);
    expect(server.requests.at(-1)?.method).toBe('HEAD');
  });

  it('knows only its own sessions, also as a proxy', async () => {
    const door = await gateway();
    const session = door.register(source('http://127.0.0.1:1/a.ts'));
    const { origin } = new URL(session.url);
    for (const path of ['/', '/s/x/index.ts', `/s/${'A'.repeat(22)}/index.ts`]) {
      expect((await fetch(origin + path)).status).toBe(404);
    }
    expect((await fetch(session.url.replace('index.ts', `${'A'.repeat(80)}.ts`))).status).toBe(404);
    expect((await fetch(session.url, { method: 'POST' })).status).toBe(404);
    expect((await fetch(session.url)).status).toBe(502);
    expect(session.lastError?.reason).toBe('refused');
    session.close();
    expect((await fetch(session.url)).status).toBe(404);
  });

  it('rewrites playlists against the address they were redirected to', async () => {
    const server = await serve((request, response) => {
      if (request.url?.startsWith('/live/')) response.writeHead(302, { location: '/edge/v/i.m3u8?t=1' }).end();
      else if (request.url?.startsWith('/edge/v/i.m3u8'))
        response.end('#EXTM3U\n#EXTINF:1,\ns1.ts?token=abc\n#EXTINF:1,\ns2.jpg\n');
      else response.end(`media ${request.url}`);
    });
    const session = (await gateway()).register(source(`${server.origin}/live/joe/hunter22/1.m3u8`));
    const answer = await fetch(session.url, { headers: { range: 'bytes=0-' } });
    const playlist = await answer.text();
    expect(answer.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
    const [first = '', second = ''] = addresses(playlist);
    expect(playlist).not.toMatch(/token|edge|hunter/);
    expect(second).toMatch(/\.ts$/);
    expect(await (await fetch(first)).text()).toBe('media /edge/v/s1.ts?token=abc');
    expect(await (await fetch(second)).text()).toBe('media /edge/v/s2.jpg');
    expect(addresses(await (await fetch(session.url)).text())).toEqual([first, second]);
  });

  it("sends the cookies that a playlist sets with its variants, keys and segments, and to nobody else's", async () => {
    const other = await serve((request, response) => response.end(request.headers.cookie ?? 'none'));
    const server = await serve((request, response) => {
      if (request.url === '/index.m3u8') {
        response.setHeader('set-cookie', ['pass=t0k; Path=/', 'deep=1; Path=/v/']);
        response.end('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/v/list.m3u8\n');
      } else if (request.url === '/v/list.m3u8') {
        const lines = ['#EXTM3U', '#EXT-X-KEY:METHOD=AES-128,URI="k.key"', '#EXTINF:1,', 'a.ts', '#EXTINF:1,', '/b.ts'];
        response.end([...lines, '#EXTINF:1,', `http://localhost:${other.port}/c.ts`, ''].join('\n'));
      } else response.end(request.headers.cookie ?? 'none');
    });
    const session = (await gateway()).register(source(`${server.origin}/index.m3u8`, { Cookie: 'own=1' }));
    const [variant = ''] = addresses(await (await fetch(session.url)).text());
    const list = await (await fetch(variant)).text();
    const key = /URI="([^"]+)"/.exec(list)?.[1] ?? '';
    const sent = await Promise.all([key, ...addresses(list)].map(async (url) => (await fetch(url)).text()));
    expect(sent).toEqual(['own=1; deep=1; pass=t0k', 'own=1; deep=1; pass=t0k', 'own=1; pass=t0k', 'none']);
    expect(server.requests.find(({ url }) => url === '/v/list.m3u8')?.headers.cookie).toContain('pass=t0k');
  });

  it('asks a balancer once a session, and again when the server that it named is gone', async () => {
    let edge = 'one';
    const server = await serve((request, response) => {
      const [, host] = /^\/(\w+)\/list/.exec(request.url ?? '') ?? [];
      if (host === edge) response.end(`#EXTM3U\n#EXTINF:1,\n${host}.ts\n`);
      else if (host !== undefined) response.writeHead(404).end();
      else response.writeHead(302, { location: `/${edge}/list?token=${randomBytes(4).toString('hex')}` }).end();
    });
    const door = await gateway();
    const session = door.register(source(`${server.origin}/live.m3u8`));
    const asked = () => server.requests.filter(({ url }) => url === '/live.m3u8').length;
    for (let reload = 0; reload < 3; reload += 1) expect((await fetch(session.url)).status).toBe(200);
    expect(asked()).toBe(1);
    edge = 'two';
    for (let reload = 0; reload < 3; reload += 1) expect((await fetch(session.url)).status).toBe(200);
    expect(asked()).toBe(2);
    expect(session.lastError).toBeUndefined();
    await fetch(door.register(source(`${server.origin}/live.m3u8`)).url);
    expect(asked()).toBe(3);
  });

  it('does not tell FFmpeg a length that means without end', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '9223372036854775807', 'content-type': 'video/x-flv' });
      response.write('FLV\x01');
    });
    const { url } = (await gateway()).register(source(`${server.origin}/live`));
    const answer = await fetch(url);
    expect(answer.headers.get('content-length')).toBeNull();
    await answer.body?.cancel();
  });

  it('reads a playlist that is compressed although nobody asked for it', async () => {
    const server = await serve((_request, response) =>
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/x-mpegURL' })
        .end(gzipSync('#EXTM3U\n#EXTINF:1,\na.ts\n')),
    );
    const session = (await gateway()).register(source(`${server.origin}/i.m3u8`));
    expect(addresses(await (await fetch(session.url)).text())).toHaveLength(1);
  });

  it('refuses what a hostile playlist names, and says so until the end', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/i.m3u8') {
        const entries = ['http://169.254.170.2/v2', 'file:///etc/passwd', 'rtsp://tv.test/', '/redirect', '/ok.ts'];
        response.end(
          `#EXTM3U\n#EXT-X-TARGETDURATION:1\n${entries.map((entry) => `#EXTINF:1,\n${entry}`).join('\n')}\n`,
        );
      } else if (request.url === '/redirect') {
        response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
      } else response.end(packets(4));
    });
    const session = (await gateway()).register(source(`${server.origin}/i.m3u8`));
    const entries = addresses(await (await fetch(session.url)).text());
    const statuses = await Promise.all(entries.map(async (entry) => (await fetch(entry)).status));
    expect(statuses).toEqual([403, 403, 403, 403, 200]);
    expect(session.lastError).toMatchObject({ reason: 'egress_refused' });
  });

  it('rewrites a playlist that pretends to be a segment', async () => {
    const server = await serve((request, response) =>
      response.end(`#EXTM3U\n#EXTINF:1,\n${request.url === '/i.m3u8' ? 'seg.ts' : 'http://169.254.169.254/x'}\n`),
    );
    const session = (await gateway()).register(source(`${server.origin}/i.m3u8`));
    const [segment = ''] = addresses(await (await fetch(session.url)).text());
    const [inner = ''] = addresses(await (await fetch(segment)).text());
    expect((await fetch(inner)).status).toBe(403);
  });

  it('limits a playlist to 5 MB, plain or compressed', async () => {
    const huge = Buffer.from(`#EXTM3U\n${'#EXTINF:1,\nsegment.ts\n'.repeat(300_000)}`);
    const server = await serve((request, response) => {
      if (request.url === '/gz.m3u8') {
        response
          .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/x-mpegurl' })
          .end(gzipSync(huge));
      } else response.end(huge);
    });
    const door = await gateway();
    for (const path of ['/i.m3u8', '/gz.m3u8']) {
      const session = door.register(source(server.origin + path));
      expect((await fetch(session.url)).status).toBe(502);
      expect(session.lastError).toMatchObject({ reason: 'not_media' });
    }
  });

  it('tells what the provider said', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/404.m3u8') response.writeHead(404).end();
      else if (request.url === '/html.m3u8') response.end('<html><body>Account <b>expired</b></body></html>');
      else response.end();
    });
    const door = await gateway();
    const missing = door.register(source(`${server.origin}/404.m3u8`));
    expect((await fetch(missing.url)).status).toBe(404);
    expect(missing.lastError).toMatchObject({ reason: 'http_status', upstreamStatus: 404 });
    const page = door.register(source(`${server.origin}/html.m3u8`));
    expect((await fetch(page.url)).status).toBe(502);
    expect(page.lastError?.message).toContain('Account expired');
    const empty = door.register(source(`${server.origin}/empty.m3u8`));
    await fetch(empty.url);
    expect(empty.lastError).toMatchObject({ reason: 'empty' });
  });

  it('forgets a failure that a later try of the same kind makes good', async () => {
    let broken = true;
    const server = await serve((_request, response) =>
      broken ? response.writeHead(503).end() : response.end(packets(5)),
    );
    const session = (await gateway()).register(source(`${server.origin}/a.ts`));
    await fetch(session.url);
    expect(session.lastError?.upstreamStatus).toBe(503);
    broken = false;
    await (await fetch(session.url)).arrayBuffer();
    expect(session.lastError).toBeUndefined();
  });

  it('reads no faster than FFmpeg, and closes the source when FFmpeg or the session goes', async () => {
    let sent = 0;
    const server = await serve((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(packets(200))) sent += 200 * 188;
      };
      response.on('drain', more);
      more();
    });
    const session = (await gateway()).register(source(`${server.origin}/a.ts`));
    const abort = new AbortController();
    await fetch(session.url, { signal: abort.signal });
    const before = await new Promise<number>((resolve) => setTimeout(() => resolve(sent), 400));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(sent).toBe(before);
    abort.abort();
    await eventually(() => server.open() === 0);
    await fetch(session.url).catch(() => undefined);
    session.close();
    await eventually(() => server.open() === 0);
  });
});

describe('FFmpeg behind the gateway', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'streampool-gateway-'));
    const make = [
      '-y',
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=160x120:rate=25',
      '-t',
      '5',
      '-c:v',
      'libx264',
    ];
    const gop = ['-preset', 'ultrafast', '-g', '25'];
    const hls = ['-hls_time', '1', '-hls_list_size', '0', '-f', 'hls'];
    await writeFile(join(folder, 'aes.key'), randomBytes(16));
    await writeFile(join(folder, 'key.info'), `aes.key\n${join(folder, 'aes.key')}\n`);
    await run('ffmpeg', [
      ...make,
      ...gop,
      ...hls,
      '-hls_key_info_file',
      join(folder, 'key.info'),
      join(folder, 'aes.m3u8'),
    ]);
    await run('ffmpeg', [...make, ...gop, ...hls, join(folder, 'plain.m3u8')]);
    await run('ffmpeg', [...make, ...gop, ...hls, '-hls_segment_type', 'fmp4', join(folder, 'fmp4.m3u8')]);
    await run('ffmpeg', [...make, ...gop, join(folder, 'end.mp4')]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function files() {
    return serve(async (request, response) => {
      const name = request.url?.split('?')[0]?.split('/').at(-1) ?? '';
      const bytes = await readFile(join(folder, name)).catch(() => undefined);
      if (bytes === undefined) {
        response.writeHead(404).end();
        return;
      }
      const [, from] = /^bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
      const start = Number(from ?? 0);
      const headers = { 'accept-ranges': 'bytes', 'content-length': bytes.length - start };
      if (from === undefined) response.writeHead(200, headers);
      else
        response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
      response.end(bytes.subarray(start));
    });
  }

  async function frames(door: Gateway, url: string): Promise<{ count: number; stderr: string; hash: string }> {
    const options = ['-v', 'verbose', '-protocol_whitelist', GATEWAY_PROTOCOLS, '-i', url, '-f', 'framemd5', '-'];
    const { stdout, stderr } = await run('ffmpeg', ['-nostdin', ...options], {
      env: { ...process.env, ...door.environment },
    });
    const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return { count: lines.length, stderr, hash: createHash('sha256').update(lines.join('\n')).digest('hex') };
  }

  it.each(['plain.m3u8', 'aes.m3u8', 'fmp4.m3u8', 'end.mp4'])('reads %s', async (name) => {
    const server = await files();
    const door = await gateway();
    const session = door.register(source(`${server.origin}/live/josephine/hunter22/${name}?token=secret99`));
    const { count, stderr } = await frames(door, session.url);
    expect(count).toBe(125);
    expect(stderr).not.toMatch(/josephine|hunter22|secret99/);
    expect(session.lastError).toBeUndefined();
    // The MP4 has its index at the end: FFmpeg has sought.
    if (name === 'end.mp4') expect(server.requests.length).toBeGreaterThan(1);
  });

  it('shows no credential in the process list', async () => {
    const server = await serve((_request, response) => response.write(packets(1)));
    const session = (await gateway()).register(
      source(`${server.origin}/live/josephine/hunter22/1.ts`, { Authorization: 'Bearer zzz' }),
    );
    const ffmpeg = spawn('ffmpeg', ['-nostdin', '-v', 'error', '-i', session.url, '-f', 'null', '-'], {
      stdio: 'ignore',
    });
    onTestFinished(() => void ffmpeg.kill('SIGKILL'));
    await eventually(() => server.requests.length === 1, 5000);
    const { stdout } = await run('ps', ['-o', 'args=', '-p', String(ffmpeg.pid)]);
    expect(stdout).toContain('ffmpeg');
    expect(stdout).not.toMatch(/josephine|hunter22|zzz/);
  });

  it('cannot be led past the gateway, not even by a format that the gateway does not rewrite', async () => {
    const secret = await serve((_request, response) => response.end(packets(100)));
    // Not even text to the gateway; FFmpeg sees through it.
    const disguise = `<?xml version="1.0" encoding="ISO-8859-1"?><!--${'\xe9'.repeat(400)}-->`;
    const manifest = `${disguise}<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="PT5S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${secret.origin}/</BaseURL><SegmentList duration="1"><SegmentURL media="a.mp4"/></SegmentList></Representation></AdaptationSet></Period></MPD>`;
    const server = await serve((_request, response) =>
      response.setHeader('content-type', 'application/dash+xml').end(manifest, 'latin1'),
    );
    const door = await gateway(new EgressGuard(egressPolicy('127.0.0.1')));
    const session = door.register(source(`${server.origin}/x`));
    await expect(frames(door, session.url)).rejects.toThrow();
    expect(server.requests.length).toBeGreaterThan(0);
    expect(secret.requests).toHaveLength(0);
  });
});
