// PLAYBACK_AUTH: who may play, with what URL, and where its signature must not show.
import { describe, expect, it } from 'vitest';
import { playbackAccess } from '../../../../services/proxy/src/api/access/playback-access.ts';
import { type Environment, loadConfig } from '../../../../services/proxy/src/config/config.ts';
import { Sealer } from '../../../../services/proxy/src/sealer.ts';
import type { StreamRecord } from '../../../../services/registry/types.ts';
import { serve } from '../../upstream/support.ts';
import { startApi, type TestApi } from '../support.ts';

const TOKEN = 's3cret-token';
const WITH_TOKEN = { 'x-api-token': TOKEN };
const FILE = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));

/** A provider with one file in it, with seeking. */
function provider() {
  return serve((request, response) => {
    const [, from = '0', to = '4999'] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
    const part = FILE.subarray(Number(from), Number(to) + 1);
    response.writeHead(request.headers.range === undefined ? 200 : 206, {
      'content-type': 'video/mp4',
      'content-length': part.length,
      'accept-ranges': 'bytes',
      ...(request.headers.range === undefined ? {} : { 'content-range': `bytes ${from}-${to}/${FILE.length}` }),
    });
    response.end(request.method === 'HEAD' ? undefined : part);
  });
}

const signedApi = (env: Environment = {}) => startApi({ PLAYBACK_AUTH: 'signed', API_TOKEN: TOKEN, ...env });

/** A file to play: its id, its signed URL. */
async function file(api: TestApi, name = 'file') {
  const { origin } = await provider();
  const { body } = await api.post('/streams', { url: `${origin}/${name}.mp4` }, WITH_TOKEN);
  return { id: String(body.stream_id), url: String(body.stream_endpoint), body };
}

/** What `act` gives when it is done that much later. */
async function later<T>(ms: number, act: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => now() + ms;
  try {
    return await act();
  } finally {
    Date.now = now;
  }
}

const PLAYBACK = [
  ['GET', '/stream/x'],
  ['HEAD', '/stream/x'],
  ['GET', '/hls/x/playlist.m3u8'],
  ['GET', '/hls/x/segment'],
  ['GET', '/hls/x/segment.ts'],
  ['GET', '/hls/x/segment.m4s'],
  ['GET', '/hls/x/segment.mp4'],
  ['GET', '/hls/x/segment.aac'],
  ['GET', '/hls/x/segment.mp3'],
  ['GET', '/hls/x/segment.ac3'],
  ['GET', '/hls/x/segment.ec3'],
  ['GET', '/hls/x/segment.vtt'],
  ['GET', '/dash/x/manifest.mpd'],
  ['GET', '/dash/x/time'],
  ['GET', '/dash/x/segment.m4s'],
  ['GET', '/dash/x/segment.webm'],
  ['GET', '/dash/x/segment.ts'],
  ['GET', '/dash/x/segment.vtt'],
  ['GET', '/dash/x/segment.ttml'],
  ['GET', '/dash/x/segment.jpg'],
  ['GET', '/dash/x/segment.png'],
  ['GET', '/dash/x/file'],
  ['GET', '/broadcast/n/live.m3u8'],
  ['GET', '/broadcast/n/live.m3u8.tmp'],
  ['GET', '/broadcast/n/master.m3u8'],
  ['GET', '/broadcast/n/segment/1.ts'],
  ['GET', '/recordings/n/playlist.m3u8'],
  ['GET', '/recordings/n/segment/1.ts'],
  ['GET', '/recordings/n/file.ts'],
] as const;

describe('PLAYBACK_AUTH=signed', () => {
  it('closes every playback route, below ROOT_PATH too, and leaves health and documentation open', async () => {
    const api = await signedApi();
    for (const root of ['', '/m3u-proxy']) {
      for (const [method, path] of PLAYBACK) {
        const answer = await api.call({ method, url: root + path, headers: { origin: 'http://e' } });
        expect([path, answer.status]).toEqual([path, 401]);
        expect(answer.headers['access-control-allow-origin']).toBe('*');
        if (method === 'GET') {
          expect(answer.body.detail).toMatch(/^This URL is not signed\. .*playback-url.*X-API-Token/);
        }
        const wrong = await api.call({ method, url: `${root}${path}?signature=9999999999.${'A'.repeat(43)}` });
        expect([path, wrong.status]).toEqual([path, 403]);
      }
      for (const path of ['/livez', '/readyz', '/docs/']) expect((await api.get(root + path)).status).toBe(200);
    }
  });

  it('has no playback route that this test does not know', async () => {
    const { app } = await signedApi();
    const paths = Object.entries(app.swagger().paths ?? {}).flatMap(([path, methods]) =>
      Object.entries(methods ?? {})
        .filter(([, operation]) => !(operation as { security?: unknown }).security)
        .map(
          ([method]) =>
            `${method.toUpperCase()} ${path.replace('{stream_id}', 'x').replace(/\{(network|recording)_id\}/, 'n')}`,
        ),
    );
    const known = PLAYBACK.map(([method, path]) => `${method} ${path.replace('1.ts', '{file}')}`);
    expect(paths.toSorted()).toEqual([...known, 'GET /livez', 'GET /readyz', 'GET /console'].toSorted());
  });

  it('plays what the API answers: whole, in parts, its headers, and with more parameters behind', async () => {
    const api = await signedApi();
    const { id, url, body } = await file(api);
    expect(url).toMatch(new RegExp(`^/stream/${id}\\?signature=\\d{10}\\.[\\w-]{43}$`));
    expect([body.playlist_url, body.direct_url]).toEqual([url, url]);
    expect((await api.get(url)).text).toHaveLength(FILE.length);
    expect((await api.get(`/m3u-proxy${url}&username=ann`)).status).toBe(200);
    const part = await api.get(url, { range: 'bytes=100-199' });
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 100-199/5000']);
    const head = await api.call({ method: 'HEAD', url });
    expect([head.status, head.headers['content-length']]).toEqual([200, '5000']);
  });

  it('answers 401 to no signature, and 403 to one that is expired, changed, or of another stream', async () => {
    const api = await signedApi({ PLAYBACK_URL_TTL: '60' });
    const [one, two] = [await file(api, 'one'), await file(api, 'two')];
    const unsigned = `/stream/${one.id}`;
    const changed = one.url.slice(0, -2) + (one.url.endsWith('AA') ? 'BB' : 'AA');
    for (const [method, headers] of [
      ['GET', {}],
      ['GET', { range: 'bytes=0-9' }],
      ['HEAD', {}],
    ] as const) {
      const ask = (url: string) => api.call({ method, url, headers: { ...headers } });
      expect((await ask(unsigned)).status).toBe(401);
      expect((await ask(changed)).status).toBe(403);
      expect((await ask(two.url.replace(two.id, one.id))).status).toBe(403);
      expect((await later(62_000, () => ask(one.url))).status).toBe(403);
      expect((await later(58_000, () => ask(one.url))).status).toBeLessThan(300);
    }
    const expired = await later(62_000, () => api.get(one.url));
    expect(expired.body.detail).toMatch(/^This URL expired at 2\d{3}-.*playback-url/);
    expect((await api.get(changed)).body.detail).toMatch(/does not fit this stream/);
    expect((await api.get(`${one.url}&signature=1.${'A'.repeat(43)}`)).status).toBe(403);
  });

  it('does not say whether there is a stream to who may not play it', async () => {
    const api = await signedApi();
    const { id } = await file(api);
    const [there, not] = [await api.get(`/stream/${id}`), await api.get(`/stream/${'0'.repeat(32)}`)];
    expect([there.status, there.body]).toEqual([not.status, not.body]);
  });

  it('lets the token in, in the header or the query, and no wrong one', async () => {
    const api = await signedApi();
    const { id, url } = await file(api);
    expect((await api.get(`/stream/${id}`, WITH_TOKEN)).status).toBe(200);
    expect((await api.get(`/stream/${id}?api_token=${TOKEN}`)).status).toBe(200);
    expect((await api.call({ method: 'HEAD', url: `/stream/${id}`, headers: WITH_TOKEN })).status).toBe(200);
    const wrong = await api.get(`/stream/${id}`, { 'x-api-token': 'wrong' });
    expect([wrong.status, wrong.body.detail]).toEqual([403, 'Invalid API token']);
    // A player that sends some token of its own has been given a URL that plays.
    expect((await api.get(url, { 'x-api-token': 'wrong' })).status).toBe(200);
    expect((await api.get('/hls/x/playlist.m3u8', WITH_TOKEN)).status).toBe(404);
    expect((await api.get('/broadcast/n/live.m3u8', WITH_TOKEN)).status).toBe(404);
  });

  it('limits how often a token can be tried, and not what is signed', async () => {
    const api = await signedApi({ API_RATE_LIMIT: '3', TRUST_PROXY: 'true' });
    const { id, url } = await file(api);
    const stranger = { 'x-forwarded-for': '192.0.2.1' };
    const attempt = () => api.get(`/stream/${id}`, { ...stranger, 'x-api-token': 'wrong' });
    for (let turn = 0; turn < 3; turn++) expect((await attempt()).status).toBe(403);
    expect((await attempt()).status).toBe(429);
    expect((await api.get(`/stream/${id}`, { ...stranger, ...WITH_TOKEN })).status).toBe(200);
    for (let turn = 0; turn < 5; turn++) expect((await api.get(url, stranger)).status).toBe(200);
  });

  it('wants the token for ?url=, which creates a stream, whatever is signed', async () => {
    const api = await signedApi({ API_RATE_LIMIT: '3' });
    const { id, url } = await file(api);
    const { origin } = await provider();
    const other = encodeURIComponent(`${origin}/other.mp4`);
    expect((await api.get(`${url}&url=${other}`)).status).toBe(401);
    expect((await api.get(`/stream/${id}?url=${other}`)).status).toBe(401);
    expect(await api.services.registry.streams()).toHaveLength(1);
    // The stream's creation above, a request that is refused within the limit, and this one, which counts once.
    expect((await api.get(`/stream/${id}?url=${other}`, WITH_TOKEN)).status).toBe(200);
    expect(await api.services.registry.streams()).toHaveLength(2);
  });

  it('signs transcoded streams, and those that are there already', async () => {
    const api = await signedApi({ PLAYBACK_URL_TTL: '60' });
    const order = { url: 'http://tv.example/live/7.ts' };
    const before = Date.now();
    for (const existing of [false, true]) {
      const { body } = await api.post('/transcode', order, WITH_TOKEN);
      expect(body.existing).toBe(existing);
      expect(body.stream_endpoint).toMatch(/^\/stream\/[0-9a-f]{32}\?signature=/);
      expect(body.direct_url).toBe(body.stream_endpoint);
      const validMs = Date.parse(String(body.playback_expires_at)) - before;
      expect(validMs).toBeGreaterThanOrEqual(60_000);
      expect(validMs).toBeLessThan(70_000);
    }
    const hls = await api.post('/streams', { url: 'http://tv.example/live/7.m3u8' }, WITH_TOKEN);
    expect(hls.body.playlist_url).toMatch(/^\/hls\/[0-9a-f]{32}\/playlist\.m3u8\?signature=/);
    // The name of that provider cannot be resolved.
    expect((await api.get(String(hls.body.playlist_url))).status).toBe(502);
    const led = await api.get(`/stream/${hls.body.stream_id}?api_token=${TOKEN}&u=ann`);
    expect(led.status).toBe(302);
    expect(led.headers.location).toMatch(/^\.\.\/hls\/[0-9a-f]{32}\/playlist\.m3u8\?u=ann&signature=[\w.-]+$/);
    expect((await api.get(String(hls.body.playlist_url).replace(/\?.*/, ''))).status).toBe(401);
  });

  it('shows no signature in logs, lists and numbers', async () => {
    const api = await signedApi();
    const { url } = await file(api);
    await api.get(url, { referer: url });
    await api.get(`${url}&client_id=${'x'.repeat(200)}`);
    await api.get(`${url.slice(0, -1)}${url.endsWith('A') ? '%45' : '%41'}`);
    const said: string[] = [...api.logged];
    for (const path of ['/streams', '/stats', '/stats/detailed', '/clients', '/info', '/metrics', '/health']) {
      const { status, text } = await api.get(path, WITH_TOKEN);
      expect([path, status]).toEqual([path, 200]);
      said.push(text);
    }
    const code = url.split('.').at(-1)?.slice(0, -1) ?? '';
    expect(code).toHaveLength(42);
    expect(said.join('')).not.toContain(code);
    const requests = api.logged.map((line) => JSON.parse(line)).filter((line) => /^\/stream\//.test(String(line.url)));
    expect(requests.map((line) => line.url)).toEqual(requests.map(() => expect.stringContaining('signature=***')));
    // The first one plays: the line of a viewer stands for it.
    expect(requests).toHaveLength(2);
  });

  it('takes what another worker with the same secret has signed, and nothing else', async () => {
    const shared = { PLAYBACK_SECRET: 'the secret of a cluster' };
    const [one, two, stranger] = [await signedApi(shared), await signedApi(shared), await signedApi()];
    const { url } = await file(one);
    // Neither has the stream: 404 is past the signature.
    expect((await two.get(url)).status).toBe(404);
    expect((await stranger.get(url)).status).toBe(403);
  });
});

describe('a worker that may not know the secret of its cluster yet', () => {
  const STREAM = 'a'.repeat(32);
  const config = loadConfig({ PLAYBACK_AUTH: 'signed', API_TOKEN: TOKEN });
  const access = (secrets: () => readonly [string, ...string[]], mayLackSecret = () => false) =>
    playbackAccess({ config, playbackSecrets: secrets, sealer: new Sealer(secrets, mayLackSecret) });
  const { url } = access(() => ['of the cluster']).urlOf({ id: STREAM, url: 'http://tv.example/7.ts' } as StreamRecord);
  const signature = new URLSearchParams(url.split('?')[1]).get('signature') ?? '';

  it('answers 503 to a signature that another worker may have made, so that the player comes back, and plays it then', () => {
    let secrets: readonly [string, ...string[]] = ['its own'];
    const worker = access(
      () => secrets,
      () => secrets.length === 1,
    );
    expect(worker.refusal(STREAM, signature)).toMatchObject({ status: 503, retryAfterSeconds: 1 });
    secrets = ['of the cluster', 'its own'];
    expect(worker.refusal(STREAM, signature)).toBeUndefined();
    // Now it knows.
    expect(worker.refusal('b'.repeat(32), signature)).toMatchObject({ status: 403 });
  });

  it('knows for sure that an URL is not signed, and that one has expired', async () => {
    const worker = access(
      () => ['of the cluster'],
      () => true,
    );
    expect(worker.refusal(STREAM, undefined)).toMatchObject({ status: 401 });
    const aDay = 24 * 60 * 60_000;
    expect(await later(aDay + 2_000, async () => worker.refusal(STREAM, signature))).toMatchObject({ status: 403 });
  });
});

describe('PLAYBACK_AUTH=open', () => {
  it('plays without a signature, and whatever a signature says', async () => {
    const api = await startApi({ API_TOKEN: TOKEN });
    const { id, url, body } = await file(api);
    expect(url).toBe(`/stream/${id}`);
    expect(body.playback_expires_at).toBeNull();
    expect((await api.get(url)).status).toBe(200);
    expect((await api.get(`${url}?signature=1.${'A'.repeat(43)}`)).status).toBe(200);
    expect((await api.get(url, { 'x-api-token': 'wrong' })).status).toBe(200);
  });
});

describe('POST /streams/{id}/playback-url', () => {
  const ask = (api: TestApi, id: string, body?: unknown) => api.post(`/streams/${id}/playback-url`, body, WITH_TOKEN);

  it('answers a URL that plays for as long as was asked, or PLAYBACK_URL_TTL', async () => {
    const api = await signedApi({ PLAYBACK_URL_TTL: '60' });
    const { id } = await file(api);
    for (const [body, seconds] of [
      [undefined, 60],
      [{}, 60],
      [{ ttl: null }, 60],
      [{ ttl: 300 }, 300],
    ] as const) {
      const before = Date.now();
      const answer = await ask(api, id, body);
      expect(answer.status).toBe(200);
      expect(answer.body.stream_id).toBe(id);
      const validMs = Date.parse(String(answer.body.expires_at)) - before;
      expect(validMs).toBeGreaterThanOrEqual(seconds * 1000);
      expect(validMs).toBeLessThan((seconds + 10) * 1000);
      const url = String(answer.body.playback_url);
      expect((await api.get(url)).status).toBe(200);
      expect((await later((seconds - 2) * 1000, () => api.get(url))).status).toBe(200);
      expect((await later((seconds + 10) * 1000, () => api.get(url))).status).toBe(403);
    }
  });

  it('wants a lifetime that makes sense', async () => {
    const api = await signedApi();
    const { id } = await file(api);
    for (const ttl of [0, -1, 1.5, '60', 365 * 86_400 + 1]) {
      const { status, body } = await ask(api, id, { ttl });
      expect([ttl, status]).toEqual([ttl, 422]);
      expect(JSON.stringify(body.detail)).toContain('"ttl"');
    }
  });

  it('signs nothing for a stream that there is not, and nothing without the token', async () => {
    const api = await signedApi();
    expect(await ask(api, 'x')).toMatchObject({ status: 404, body: { detail: 'Stream not found' } });
    const { id } = await file(api);
    expect((await api.post(`/streams/${id}/playback-url`)).status).toBe(401);
    const { url } = await file(api);
    const signature = url.split('?')[1];
    expect((await api.post(`/streams/${id}/playback-url?${signature}`)).status).toBe(401);
  });

  it('answers where a stream plays where nothing is signed, so that clients need not care', async () => {
    const api = await startApi({ API_TOKEN: TOKEN });
    const { id } = await file(api);
    const { body } = await ask(api, id, { ttl: 5 });
    expect(body).toEqual({ stream_id: id, playback_url: `/stream/${id}`, expires_at: null });
    const hls = await api.post('/streams', { url: 'http://tv.example/live/7.m3u8' }, WITH_TOKEN);
    const playlist = await ask(api, String(hls.body.stream_id));
    expect(playlist.body.playback_url).toBe(hls.body.playlist_url);
  });
});
