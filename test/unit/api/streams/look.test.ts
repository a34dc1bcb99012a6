/** A source is looked at before a stream is made of it: what it is, or why it does not play. */

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accountOf } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { sourceFeedOf } from '../../../../services/proxy/src/upstream/provider/source-key.ts';
import { startApi, type TestApi } from '../support.ts';

const PACKET = Buffer.alloc(188, 0xff);
PACKET.set([0x47, 0x1f, 0xff, 0x10]);

interface Provider {
  readonly url: string;
  /** Requests so far. */
  readonly asked: { readonly url: string; readonly userAgent: string; readonly referer: string }[];
  /** Connections that are open now. */
  open(): number;
}

async function provider(answer: RequestListener): Promise<Provider> {
  const asked: Provider['asked'] = [];
  let open = 0;
  const server = createServer((request, response) => {
    const { 'user-agent': userAgent = '', referer = '' } = request.headers;
    asked.push({ url: request.url ?? '', userAgent, referer });
    answer(request, response);
  });
  server.on('connection', (socket) => {
    open += 1;
    socket.on('close', () => {
      open -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, open: () => open };
}

function text(body: string, type = 'application/x-mpegurl'): RequestListener {
  return (_, response) => response.setHeader('content-type', type).end(body);
}

const look = (api: TestApi, url: string, more: object = {}) => api.post('/console/source', { url, ...more });

describe('what is at an address', () => {
  it('is a live stream, and the connection is closed again', async () => {
    const api = await startApi();
    const live = await provider((_, response) => {
      response.write(Buffer.concat(Array(100).fill(PACKET)));
      setTimeout(() => response.end(Buffer.concat(Array(100).fill(PACKET))), 50);
    });
    const headers = { Referer: 'https://a.example/' };
    const { status, body } = await look(api, `${live.url}/1.ts`, { user_agent: 'Test/1', headers });
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ state: 'found', kind: 'mpegts', bytes: 200 * 188, file_bytes: null }),
    ]);
    expect(live.asked).toEqual([{ url: '/1.ts', userAgent: 'Test/1', referer: 'https://a.example/' }]);
    await expect.poll(live.open).toBe(0);
    expect(api.services.connections.held).toEqual({});
  });

  it('is HLS, with its variants, or DASH', async () => {
    const api = await startApi();
    const lines = [
      ...['#EXTM3U', '#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360', 'low.m3u8'],
      ...['#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=1920x1080', 'high.m3u8'],
    ];
    const hls = await provider(text(lines.join('\n')));
    const { body } = await look(api, `${hls.url}/index.m3u8`);
    expect(body).toMatchObject({ state: 'found', kind: 'hls', variants: 2, resolution: '1920x1080' });
    const dash = await provider(text('<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', 'text/xml'));
    expect((await look(api, `${dash.url}/index.mpd`)).body).toMatchObject({ state: 'found', kind: 'dash' });
  });

  it('is a film', async () => {
    const api = await startApi();
    const film = await provider((_, response) => {
      response.setHeader('content-length', '5000').setHeader('accept-ranges', 'bytes').end(Buffer.alloc(5_000, 1));
    });
    const { body } = await look(api, `${film.url}/film.mkv`);
    expect(body).toMatchObject({ state: 'found', kind: 'file', file_bytes: 5_000 });
  });

  it('is a list of channels, which is no stream', async () => {
    const api = await startApi();
    const names = Array.from(
      { length: 40 },
      (_, n) => `#EXTINF:-1 tvg-id="${n}",Channel, ${n}\nhttp://a.example/${n}.ts`,
    );
    const list = await provider(text(`#EXTM3U\n${names.join('\n')}`));
    const { body } = await look(api, `${list.url}/get.php?username=u&password=p`);
    expect(body).toMatchObject({ state: 'list', channels: 40 });
    expect(body.names).toHaveLength(5);
    expect(await api.services.registry.streams()).toEqual([]);
  });

  it.each<[string, RequestListener, RegExp]>([
    ['an error', (_, response) => void response.writeHead(404).end(), /404/],
    ['a web page', text('<html><body>Your account has expired</body></html>', 'text/html'), /web page.*expired/],
    ['nothing', (_, response) => void response.end(), /without a single byte/],
  ])('is %s, and it says so', async (_, answer, reason) => {
    const api = await startApi();
    const { url } = await provider(answer);
    const { body } = await look(api, `${url}/live/user/s3cretword/1.ts`);
    expect(body.state).toBe('failed');
    expect(String(body.reason)).toMatch(reason);
    expect(String(body.reason)).not.toContain('s3cretword');
  });

  it('is nothing that the worker may open', async () => {
    const api = await startApi({ ALLOW_PRIVATE_SOURCES: 'false' });
    const { url, asked } = await provider(text(''));
    expect((await look(api, `${url}/1.ts`)).body.state).toBe('failed');
    expect(asked).toEqual([]);
    expect((await look(api, 'file:///etc/passwd')).status).toBe(422);
  });
});

describe('an account in use', () => {
  async function inUse(url: string, holder: string): Promise<TestApi> {
    const api = await startApi({ SOURCE_MAX_CONNECTIONS: '1' });
    const { body } = await api.post('/streams', { url, metadata: { name: 'BBC One' } });
    const { connections, config } = api.services;
    const address = { url, headers: {}, userAgent: config.defaultUserAgent };
    expect(accountOf(address)).toMatch(/^[0-9a-f]{32}$/);
    const release = await connections.acquire(holder === 'own' ? String(body.stream_id) : holder, address);
    onTestFinished(release);
    return api;
  }

  it('that is full is not asked: it says who holds it', async () => {
    const { url, asked } = await provider(text(''));
    const api = await inUse(`${url}/live/user/pass/1.ts`, 'own');
    const { body } = await look(api, `${url}/live/user/pass/2.ts`);
    expect(body).toEqual({ state: 'full', streams: ['BBC One'] });
    expect(asked).toEqual([]);
    // Another account of the host is another one.
    expect((await look(api, `${url}/live/other/pass/2.ts`)).body.state).toBe('failed');
    expect(new Set(asked.map((each) => each.url))).toEqual(new Set(['/live/other/pass/2.ts']));
  });
});

describe('one more player of a stream', () => {
  const cost = async (api: TestApi, id: unknown) => (await api.get(`/console/play?stream_id=${id}`)).body;
  const created = async (api: TestApi, url: string, more: object = {}) =>
    (await api.post('/streams', { url, metadata: { name: url.slice(-4) }, ...more })).body.stream_id;

  it('costs nothing where the cluster reads the source already, and a connection where each viewer has its own', async () => {
    const api = await startApi();
    const { connections, seating, registry } = api.services;
    const [alone, shared] = [
      await created(api, 'http://a.example/live/u/p/1.ts'),
      await created(api, 'http://a.example/live/u/p/2.ts', { share: true }),
    ];
    expect([await cost(api, alone), await cost(api, shared)]).toEqual([{ state: 'free' }, { state: 'free' }]);
    const stream = await registry.stream(String(alone));
    if (stream === undefined) throw new Error('it was created');
    const { address } = seating.sourceOf(stream);
    onTestFinished(await connections.acquire(String(alone), address));
    onTestFinished(
      await connections.acquire(sourceFeedOf({ ...address, url: 'http://a.example/live/u/p/2.ts' }), address),
    );
    expect([await cost(api, alone), await cost(api, shared)]).toEqual([{ state: 'second' }, { state: 'free' }]);
    expect((await api.get(`/console/play?stream_id=${'0'.repeat(32)}`)).status).toBe(404);
  });

  it('is one too many where the account is full, and it is said who uses that', async () => {
    const api = await startApi({ SOURCE_MAX_CONNECTIONS: '1' });
    const { connections, config } = api.services;
    const address = { url: 'http://a.example/live/u/p/1.ts', headers: {}, userAgent: config.defaultUserAgent };
    const shared = await created(api, address.url, { share: true });
    onTestFinished(await connections.acquire(sourceFeedOf(address), address));
    const other = await created(api, 'http://a.example/live/u/p/2.ts');
    expect(await cost(api, shared)).toEqual({ state: 'free' });
    expect(await cost(api, other)).toMatchObject({ state: 'full', limit: 1 });
    expect(await cost(api, await created(api, 'http://a.example/live/v/p/2.ts'))).toEqual({ state: 'free' });
  });
});

it('needs the token', async () => {
  const api = await startApi({ API_TOKEN: 'a-token-that-nobody-guesses' });
  expect((await look(api, 'http://a.example/1.ts')).status).toBe(401);
});
