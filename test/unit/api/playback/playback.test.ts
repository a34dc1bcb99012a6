// GET and HEAD /stream/{id} of direct streams, over real connections: who is counted, what is passed on, how it fails.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually, packets, serve } from '../../upstream/support.ts';
import { startApi, type TestApi } from '../support.ts';

const FILE = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));

/** A provider with a file, a live channel that sends a packet every 10 ms, and pages that fail. */
function provider() {
  return serve((request, response) => {
    const path = request.url ?? '';
    if (path.startsWith('/series') && path.includes('.m3u8')) {
      response.writeHead(200, { 'content-type': 'application/vnd.apple.mpegurl' });
      response.end('#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n1.ts\n#EXT-X-ENDLIST\n');
    } else if (path.startsWith('/live')) {
      response.writeHead(200, { 'content-type': 'video/mp2t' });
      let sent = 20;
      response.write(packets(sent));
      const timer = setInterval(() => response.write(packets(1, sent++)), 10);
      response.once('close', () => clearInterval(timer));
    } else if (path.startsWith('/file') || path.startsWith('/movie')) {
      const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      const start = Number(from ?? 0);
      const end = to === undefined || to === '' ? FILE.length - 1 : Number(to);
      const part = FILE.subarray(start, end + 1);
      response.writeHead(from === undefined ? 200 : 206, {
        'content-type': 'video/mp4',
        'content-length': part.length,
        'accept-ranges': 'bytes',
        ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${FILE.length}` }),
      });
      response.end(request.method === 'HEAD' ? undefined : part);
    } else if (path.startsWith('/page')) {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Account expired</body></html>');
    } else {
      response.writeHead(Number(/\d+/.exec(path)?.[0] ?? 404)).end('no');
    }
  });
}

async function listen(api: TestApi): Promise<(path: string, headers?: object) => Promise<IncomingMessage>> {
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = api.app.server.address() as AddressInfo;
  return async (path, headers = {}) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, headers: { ...headers }, agent: false });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    return response;
  };
}

async function bytesOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Over, in whatever way. */
function closed(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => response.once('close', () => resolve()));
}

async function create(api: TestApi, url: string): Promise<string> {
  return String((await api.post('/streams', { url })).body.stream_id);
}

async function clients(api: TestApi) {
  return api.services.registry.clients();
}

describe('a live direct stream', () => {
  it('is passed on, not to be cached, and its viewer is counted while it watches', async () => {
    const api = await startApi({ TRUST_PROXY: 'true' });
    const { origin } = await provider();
    const id = await create(api, `${origin}/live/1.ts`);
    const get = await listen(api);
    const headers = { 'user-agent': 'VLC', 'x-username': 'joe', 'x-forwarded-for': ' 192.0.2.9 , 10.0.0.1' };
    const response = await get(`/m3u-proxy/stream/${id}?u=ann`, { ...headers, range: 'bytes=0-', origin: 'http://e' });
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'video/mp2t',
      'cache-control': 'no-cache, no-store, must-revalidate',
      pragma: 'no-cache',
      expires: '0',
      'accept-ranges': 'none',
      'access-control-allow-origin': '*',
    });
    await once(response, 'data');
    const hash = createHash('md5').update(`192.0.2.9-VLC-${id}-joe`).digest('hex').slice(0, 16);
    expect(await clients(api)).toMatchObject([
      { id: `client_${hash}`, streamId: id, userAgent: 'VLC', ipAddress: '192.0.2.9', username: 'joe' },
    ]);
    response.destroy();
    await eventually(() => api.services.playback.clientCount === 0);
    expect(await clients(api)).toEqual([]);
    expect((await api.services.registry.stream(id))?.bytesServed).toBeGreaterThan(0);
  });

  it('gives a player an id whose own is empty', async () => {
    const api = await startApi();
    const { origin } = await provider();
    const id = await create(api, `${origin}/live/1.ts`);
    const get = await listen(api);
    const response = await get(`/stream/${id}?client_id=&username=`);
    expect(response.statusCode).toBe(200);
    expect(await clients(api)).toMatchObject([
      { id: expect.stringMatching(/^client_[0-9a-f]{16}$/), username: undefined },
    ]);
    response.destroy();
  });

  it('tells two connections of one player apart', async () => {
    const api = await startApi();
    const { origin } = await provider();
    const id = await create(api, `${origin}/live/1.ts`);
    const get = await listen(api);
    const both = [await get(`/stream/${id}?client_id=tv`), await get(`/stream/${id}?client_id=tv`)];
    const ids = (await clients(api)).map((client) => client.id).sort();
    expect(ids).toEqual(['tv', expect.stringMatching(/^tv_[0-9a-f]{8}$/)]);
    both[0]?.destroy();
    await eventually(() => api.services.playback.clientCount === 1);
    await once(both[1] as IncomingMessage, 'data');
    both[1]?.destroy();
  });

  it('ends when it is deleted, for everybody', async () => {
    const api = await startApi();
    const { origin } = await provider();
    const id = await create(api, `${origin}/live/1.ts`);
    const get = await listen(api);
    const response = await get(`/stream/${id}`);
    response.resume();
    expect((await api.del(`/streams/${id}`)).status).toBe(200);
    await closed(response);
    await eventually(() => api.services.playback.clientCount === 0);
    expect((await get(`/stream/${id}`)).statusCode).toBe(404);
  });

  it('ends for one client when that is disconnected', async () => {
    const api = await startApi();
    const { origin } = await provider();
    const id = await create(api, `${origin}/live/1.ts`);
    const get = await listen(api);
    const [gone, stays] = [await get(`/stream/${id}?client_id=a`), await get(`/stream/${id}?client_id=b`)];
    gone.resume();
    stays.resume();
    await api.del(`/hls/${id}/clients/a`);
    await closed(gone);
    await eventually(() => api.services.playback.clientCount === 1);
    expect((await clients(api)).map((client) => client.id)).toEqual(['b']);
    stays.destroy();
  });

  it('loses with force=false the client named, which may watch another one under the same name', async () => {
    const api = await startApi();
    const { origin } = await provider();
    const body = { metadata: { group: 'a' } };
    const old = String((await api.post('/streams', { ...body, url: `${origin}/live/1.ts` })).body.stream_id);
    const next = await create(api, `${origin}/live/2.ts`);
    const get = await listen(api);
    const [left, other, stays] = [
      await get(`/stream/${old}?client_id=tv`),
      await get(`/stream/${old}?client_id=pc`),
      await get(`/stream/${next}?client_id=tv`),
    ];
    for (const response of [left, other, stays]) response.resume();
    const answer = await api.del('/streams/by-metadata?field=group&value=a&force=false&client_id=tv');
    expect(answer.body.skipped_streams).toMatchObject([{ reason: 'has_active_clients', active_clients: 1 }]);
    await closed(left);
    await eventually(() => api.services.playback.clientCount === 2);
    expect((await clients(api)).map(({ id, streamId }) => [id, streamId])).toEqual([
      ['pc', old],
      ['tv', next],
    ]);
    for (const response of [other, stays]) response.destroy();
  });

  it('is refused with 503 beyond MAX_CLIENTS', async () => {
    const api = await startApi({ MAX_CLIENTS: '1' });
    const { origin } = await provider();
    const id = await create(api, `${origin}/live/1.ts`);
    const get = await listen(api);
    const first = await get(`/stream/${id}`);
    const second = await get(`/stream/${id}`);
    expect([second.statusCode, second.headers['retry-after']]).toEqual([503, '10']);
    expect((await bytesOf(second)).toString()).toContain('MAX_CLIENTS');
    first.destroy();
  });
});

describe('a file', () => {
  it.each(['/file.mp4', '/movie'])('at %s is one viewer, however often its player seeks', async (path) => {
    const api = await startApi({ CLIENT_TIMEOUT: '1' });
    const { origin } = await provider();
    const id = await create(api, `${origin}${path}`);
    const get = await listen(api);
    const whole = await get(`/stream/${id}?client_id=tv`);
    expect(whole.headers).toMatchObject({
      'content-length': '5000',
      'accept-ranges': 'bytes',
      'content-type': 'video/mp4',
    });
    expect(await bytesOf(whole)).toEqual(FILE);
    const part = await get(`/stream/${id}?client_id=tv`, { range: 'bytes=100-199' });
    expect([part.statusCode, part.headers['content-range']]).toEqual([206, 'bytes 100-199/5000']);
    expect(await bytesOf(part)).toEqual(FILE.subarray(100, 200));
    expect((await clients(api)).map((client) => client.id)).toEqual(['tv']);
    await eventually(() => api.services.playback.clientCount === 0, 3000);
    expect(await clients(api)).toEqual([]);
    expect((await api.services.registry.stream(id))?.bytesServed).toBe(5100);
    expect((await api.get(`/streams/${id}`)).body.stream?.stream_type).toBe('VOD');
  });

  it('has its length told by HEAD, which counts nobody', async () => {
    const api = await startApi();
    const { origin, requests } = await provider();
    const id = await create(api, `${origin}/file.mp4`);
    const answer = await api.call({ method: 'HEAD', url: `/stream/${id}` });
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-length': '5000', 'accept-ranges': 'bytes' },
      text: '',
    });
    expect(requests.map(({ method }) => method)).toEqual(['HEAD']);
    expect(await clients(api)).toEqual([]);
  });
});

describe('HEAD of a live or transcoded stream', () => {
  it('asks nobody and starts nothing', async () => {
    const api = await startApi();
    const { origin, requests } = await provider();
    const direct = await create(api, `${origin}/live/1.ts`);
    const shared = (await api.post('/transcode', { url: `${origin}/live/1.ts`, output_format: 'mp4' })).body.stream_id;
    for (const [id, type, ranges] of [
      [direct, 'video/mp2t', undefined],
      [shared, 'video/mp4', 'none'],
    ]) {
      const { status, headers } = await api.call({ method: 'HEAD', url: `/stream/${id}` });
      expect([status, headers['content-type'], headers['accept-ranges']]).toEqual([200, type, ranges]);
      expect(headers['content-length']).toBeUndefined();
    }
    expect(requests).toEqual([]);
    expect(api.services.seating.processCount).toBe(0);
  });
});

describe('a source that does not play', () => {
  it.each([
    ['/500/live/1.ts', 502, 'answered 500'],
    ['/404/live/1.ts', 502, 'answered 404'],
    ['/404.mp4', 404, 'answered 404'],
    ['/page/live/1.ts', 502, 'Account expired'],
  ])('%s gives %i before the first byte', async (path, status, reason) => {
    const api = await startApi();
    const { origin } = await provider();
    const id = await create(api, `${origin}${path}`);
    const answer = await api.get(`/stream/${id}`);
    expect(answer.status).toBe(status);
    expect(answer.body.detail).toContain(reason);
    expect(await clients(api)).toEqual([]);
    expect((await api.get(`/streams/${id}`)).body.stream?.error_count).toBe(status === 502 ? 1 : 0);
  });

  it('that hangs gives 504', async () => {
    const api = await startApi({ DEFAULT_READ_TIMEOUT: '0.2' });
    const { origin } = await serve(() => undefined);
    const id = await create(api, `${origin}/live/1.ts`);
    expect((await api.get(`/stream/${id}`)).status).toBe(504);
  });
});

describe('?url=', () => {
  it('creates the stream it names, and plays it', async () => {
    const api = await startApi();
    const { origin } = await provider();
    const url = `${origin}/file.mp4`;
    const get = await listen(api);
    const response = await get(`/stream/anything?url=${encodeURIComponent(url)}&parent=x`);
    expect(await bytesOf(response)).toEqual(FILE);
    expect(await api.services.registry.streams()).toMatchObject([
      { id: createHash('md5').update(url).digest('hex'), url },
    ]);
  });

  it('is 400 for what is no URL, and 422 for where it must not lead', async () => {
    const api = await startApi();
    expect((await api.get('/stream/x?url=file:///etc/passwd')).status).toBe(400);
    expect((await api.get('/stream/x?url=http://169.254.170.2/v4')).status).toBe(422);
    expect((await api.get(`/stream/x?client_id=${'x'.repeat(129)}`)).status).toBe(422);
  });
});

describe('SHARE_DIRECT_STREAMS', () => {
  it('is not for a file, which every viewer gets over a connection of its own', async () => {
    const api = await startApi({ SHARE_DIRECT_STREAMS: 'true' });
    const { origin } = await provider();
    const id = await create(api, `${origin}/movie`);
    const get = await listen(api);
    expect(await bytesOf(await get(`/stream/${id}`))).toEqual(FILE);
  });
});

describe('TRUST_PROXY', () => {
  it.each([
    ['true', '192.0.2.9', '192.0.2.9'],
    ['true', '2001:db8::9, 10.0.0.1', '2001:db8::9'],
    ['true', '', '127.0.0.1'],
    ['true', 'nonsense', '127.0.0.1'],
    ['loopback', '192.0.2.9, 198.51.100.7', '198.51.100.7'],
    ['false', '192.0.2.9', '127.0.0.1'],
  ])('%s takes X-Forwarded-For %j for %s', async (trust, forwarded, ip) => {
    const api = await startApi({ TRUST_PROXY: trust });
    const { origin } = await provider();
    const id = await create(api, `${origin}/live/1.ts`);
    const get = await listen(api);
    const response = await get(`/stream/${id}`, { 'x-forwarded-for': forwarded });
    expect((await clients(api))[0]?.ipAddress).toBe(ip);
    response.destroy();
  });
});

describe('the playlist of a film', () => {
  it('is announced as direct, leads to HLS when it is one, and plays when it is the file', async () => {
    const { origin } = await provider();
    const api = await startApi();
    const get = await listen(api);
    const { body: list } = await api.post('/streams', { url: `${origin}/series/u/p/1.m3u8` });
    expect(list).toMatchObject({ stream_type: 'direct', stream_endpoint: `/stream/${list.stream_id}` });
    const led = await get(`/stream/${list.stream_id}?username=anna`);
    expect(led.statusCode).toBe(302);
    expect(led.headers.location).toBe(`../hls/${list.stream_id}/playlist.m3u8?username=anna`);
    await bytesOf(led);
    const { body: file } = await api.post('/streams', { url: `${origin}/movie/u/p/1.m3u8` });
    const played = await get(`/stream/${file.stream_id}`);
    expect(played.statusCode).toBe(200);
    expect(await bytesOf(played)).toEqual(FILE);
  });
});
