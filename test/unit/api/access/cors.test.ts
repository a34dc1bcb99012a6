// Which web pages may read what, and what a page of another site can make a browser do.
import { describe, expect, it } from 'vitest';
import { startApi, type TestApi } from '../support.ts';

const EDITOR = 'http://editor.example';
const PLAYBACK = [
  '/stream/x',
  '/m3u-proxy/stream/x?username=ann',
  '/hls/x/playlist.m3u8',
  '/hls/x/segment.ts?client_id=a&url=b',
  '/hls/x/segment.m4s',
  '/dash/x/manifest.mpd',
  '/dash/x/segment.m4s?r=a',
  '/broadcast/n/live.m3u8',
  '/broadcast/n/segment/live000001.ts',
  '/recordings/n/playlist.m3u8',
  '/recordings/n/file.ts',
];
const MANAGEMENT = [
  ['GET', '/streams'],
  ['POST', '/streams'],
  ['DELETE', '/streams/x'],
  ['POST', '/transcode'],
  ['GET', '/info'],
  ['DELETE', '/hls/x/clients/y'],
  ['GET', '/broadcast/n/status'],
  ['GET', '/metrics'],
  ['GET', '/livez'],
  ['GET', '/docs/'],
  ['GET', '/openapi.json'],
  ['GET', '/nothing'],
] as const;

const corsHeaders = (headers: object) => Object.keys(headers).filter((name) => name.startsWith('access-control-'));

function preflight(api: TestApi, url: string, method: string, headers: string, origin = EDITOR) {
  const asked = { 'access-control-request-method': method, 'access-control-request-headers': headers };
  return api.call({ method: 'OPTIONS', url, headers: { origin, ...asked } });
}

describe('a page of any site', () => {
  it('may play: every header is readable, Range may be sent, and the visitor stays unknown', async () => {
    const api = await startApi({ API_TOKEN: 't0ken' });
    for (const url of PLAYBACK) {
      for (const method of ['GET', 'HEAD'] as const) {
        const { headers } = await api.call({ method, url, headers: { origin: EDITOR } });
        // A HEAD that no route answers is none of a player.
        if (method === 'HEAD' && headers['access-control-allow-origin'] === undefined) continue;
        expect([url, headers['access-control-allow-origin']]).toEqual([url, '*']);
        expect(headers['access-control-expose-headers']).toBe('*');
        expect(headers['access-control-allow-credentials']).toBeUndefined();
      }
      const answer = await preflight(api, url, 'GET', 'range');
      expect([url, answer.status]).toEqual([url, 204]);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, HEAD',
        'access-control-allow-headers': 'range',
      });
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
    }
  });

  it('may not call anything else', async () => {
    for (const env of [{}, { CORS_ORIGINS: 'https://other.example' }]) {
      const api = await startApi(env);
      for (const [method, url] of MANAGEMENT) {
        const answer = await api.call({ method, url, headers: { origin: EDITOR } });
        expect([url, corsHeaders(answer.headers)]).toEqual([url, []]);
        const asked = await preflight(api, url, method, 'x-api-token');
        expect([url, corsHeaders(asked.headers), asked.status >= 400]).toEqual([url, [], true]);
      }
    }
  });
});

describe('a page of CORS_ORIGINS', () => {
  it('may call everything, by exactly the origin that is named, without credentials', async () => {
    const api = await startApi({ CORS_ORIGINS: `https://other.example, ${EDITOR}`, API_TOKEN: 't0ken' });
    for (const [method, url] of MANAGEMENT) {
      const answer = await api.call({ method, url, headers: { origin: EDITOR, 'x-api-token': 't0ken' } });
      expect([url, answer.headers['access-control-allow-origin']]).toEqual([url, EDITOR]);
      expect(String(answer.headers.vary)).toContain('Origin');
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      const asked = await preflight(api, url, method, 'x-api-token,content-type');
      expect([url, asked.status]).toEqual([url, 204]);
      expect(asked.headers).toMatchObject({
        'access-control-allow-origin': EDITOR,
        'access-control-allow-methods': expect.stringContaining(method),
        'access-control-allow-headers': 'x-api-token,content-type',
      });
    }
    for (const origin of [
      'http://editor.example.evil.test',
      'http://EDITOR.example',
      'https://editor.example',
      'null',
    ]) {
      const answer = await api.get('/livez', { origin });
      expect([origin, corsHeaders(answer.headers)]).toEqual([origin, []]);
    }
  });
});

describe('without API_TOKEN', () => {
  const SITES: Record<string, string>[] = [
    { origin: EDITOR },
    { origin: 'null' },
    { origin: 'http://localhost:80', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];

  it('a page of another site changes nothing, though it needs no answer for that', async () => {
    const api = await startApi();
    const { body } = await api.post('/streams', { url: 'http://a.example/live/1.ts' });
    for (const headers of SITES) {
      for (const [method, url] of [
        ['POST', `/streams/${body.stream_id}/failover`],
        ['POST', '/workers/x/drain'],
        ['DELETE', `/streams/${body.stream_id}`],
        ['POST', '/test-connection'],
      ] as const) {
        const answer = await api.call({ method, url, headers });
        expect([url, answer.status]).toEqual([url, 403]);
        expect(answer.body.detail).toMatch(/CORS_ORIGINS.*API_TOKEN/);
      }
      expect((await api.get('/streams', headers)).status).toBe(200);
    }
    expect(await api.services.registry.streams()).toHaveLength(1);
  });

  it('the docs, a page of CORS_ORIGINS, and programs do', async () => {
    const api = await startApi({ CORS_ORIGINS: EDITOR });
    for (const headers of [
      { origin: EDITOR, 'sec-fetch-site': 'cross-site' },
      { origin: 'http://tv.example:8085', host: 'tv.example:8085' },
      { origin: 'https://tv.example', host: 'worker:8085', 'x-forwarded-host': 'tv.example' },
      { origin: 'http://localhost', 'sec-fetch-site': 'same-origin' },
      {},
    ] as Record<string, string>[]) {
      expect((await api.post('/streams', { url: 'http://a.example/live/1.ts' }, headers)).status).toBe(200);
    }
  });
});

describe('creating by GET without API_TOKEN', () => {
  const source = encodeURIComponent('http://127.0.0.1:1/live/1.ts');
  const PATHS = [`/stream/x?url=${source}`, `/m3u-proxy/stream/x?client_id=a&url=${source}`];

  it.each([
    ['another machine', '192.168.1.20', {}],
    [
      'another machine that claims to be this one',
      '192.168.1.20',
      { 'x-forwarded-for': '127.0.0.1', host: 'localhost' },
    ],
    ['a proxy on this machine', '127.0.0.1', { 'x-forwarded-for': '127.0.0.1' }],
    ['a proxy on this machine', '::1', { forwarded: 'for=127.0.0.1' }],
    ['a proxy on this machine', '::1', { 'x-real-ip': '127.0.0.1' }],
    ['a proxy on this machine', '127.0.0.1', { via: '1.1 caddy' }],
    ['a proxy that passes on the name it was asked by', '127.0.0.1', { host: 'tv.example' }],
    ['a picture in a page', '127.0.0.1', { 'sec-fetch-site': 'cross-site' }],
    ['a page that plays', '::ffff:127.0.0.1', { origin: EDITOR }],
  ])('is refused to %s', async (_who, remoteAddress, headers) => {
    const api = await startApi({ TRUST_PROXY: 'true' });
    for (const url of PATHS) {
      for (const method of ['GET', 'HEAD'] as const) {
        const answer = await api.call({ method, url, remoteAddress, headers });
        expect([method, answer.status]).toEqual([method, 403]);
        if (method === 'GET') expect(answer.body.detail).toMatch(/POST \/streams.*API_TOKEN/);
      }
    }
    expect(await api.services.registry.streams()).toEqual([]);
  });

  it.each([
    ['127.0.0.1', 'localhost:8085'],
    ['127.1.2.3', '127.0.0.1:8085'],
    ['::1', '[::1]:8085'],
    ['::ffff:127.0.0.1', 'LOCALHOST'],
  ])('is allowed to a program on this machine, at %s, that asks for %s', async (remoteAddress, host) => {
    const api = await startApi();
    for (const url of PATHS) {
      expect((await api.call({ method: 'GET', url, remoteAddress, headers: { host } })).status).toBe(502);
    }
  });

  it('is no matter of HLS: its url parameter names a part of a stream that exists', async () => {
    const api = await startApi();
    for (const path of ['playlist.m3u8', 'segment', 'segment.ts', 'segment.m4s']) {
      expect((await api.get(`/hls/x/${path}?client_id=a&url=${source}`)).status).toBe(404);
    }
    expect(await api.services.registry.streams()).toEqual([]);
  });

  it('needs the token where there is one, also on this machine', async () => {
    const api = await startApi({ API_TOKEN: 't0ken' });
    for (const url of PATHS) {
      expect((await api.get(url)).status).toBe(401);
      expect((await api.get(`${url}&api_token=wrong`)).status).toBe(403);
      const right = await api.call({ method: 'GET', url: `${url}&api_token=t0ken`, remoteAddress: '192.168.1.20' });
      expect(right.status).toBe(502);
    }
  });
});
