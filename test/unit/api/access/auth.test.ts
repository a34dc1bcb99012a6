// Who may call what: the token, the open routes, the rate limit.
import { describe, expect, it } from 'vitest';
import { startApi } from '../support.ts';

const TOKEN = 's3cret-token';
const MISSING = 'API token required. Provide token via X-API-Token header or api_token query parameter.';

const MANAGEMENT = [
  ['GET', '/'],
  ['GET', '/health'],
  ['GET', '/info'],
  ['POST', '/test-connection'],
  ['GET', '/streams'],
  ['POST', '/streams'],
  ['POST', '/transcode'],
  ['GET', '/transcode/profiles'],
  ['GET', '/streams/x'],
  ['DELETE', '/streams/x'],
  ['POST', '/streams/x/failover'],
  ['POST', '/streams/x/playback-url'],
  ['GET', '/streams/by-metadata?field=a&value=b'],
  ['GET', '/streams/counts-by-metadata?field=a&values=b'],
  ['DELETE', '/streams/by-metadata?field=a&value=b'],
  ['DELETE', '/streams/oldest-by-metadata?field=a&value=b'],
  ['GET', '/clients'],
  ['GET', '/stats'],
  ['GET', '/stats/streams'],
  ['GET', '/stats/clients'],
  ['GET', '/stats/detailed'],
  ['GET', '/stats/performance'],
  ['DELETE', '/hls/x/clients/y'],
  ['GET', '/webhooks'],
  ['POST', '/broadcast/n/start'],
  ['POST', '/streams/x/record'],
  ['GET', '/recordings'],
  ['GET', '/recordings/n'],
  ['POST', '/recordings/n/stop'],
  ['DELETE', '/recordings/n'],
] as const;

const OPEN = [
  ['GET', '/livez'],
  ['GET', '/readyz'],
  ['GET', '/stream/x'],
  ['HEAD', '/stream/x'],
  ['GET', '/hls/x/playlist.m3u8'],
  ['GET', '/hls/x/segment.ts?client_id=a&url=b'],
  ['GET', '/broadcast/n/live.m3u8'],
  ['GET', '/recordings/n/file.ts'],
  ['GET', '/docs/'],
  ['GET', '/openapi.json'],
] as const;

describe('the API token', () => {
  it('is asked for by every management route, in the header or the query', async () => {
    const api = await startApi({ API_TOKEN: TOKEN });
    for (const [method, url] of MANAGEMENT) {
      const none = await api.call({ method, url });
      expect([url, none.status, none.body]).toEqual([url, 401, { detail: MISSING }]);
      expect(none.headers['www-authenticate']).toBe('Bearer');
      const wrong = await api.call({ method, url, headers: { 'x-api-token': 'wrong' } });
      expect([url, wrong.status, wrong.body]).toEqual([url, 403, { detail: 'Invalid API token' }]);
      expect(wrong.headers['www-authenticate']).toBe('Bearer');
      const query = `${url}${url.includes('?') ? '&' : '?'}api_token=${TOKEN}`;
      for (const right of [
        await api.call({ method, url, headers: { 'X-Api-TOKEN': TOKEN } }),
        await api.call({ method, url: query }),
      ]) {
        expect([401, 403]).not.toContain(right.status);
      }
    }
  });

  it('is asked for below ROOT_PATH as well', async () => {
    const api = await startApi({ API_TOKEN: TOKEN });
    expect((await api.get('/m3u-proxy/streams')).status).toBe(401);
    expect((await api.get('/m3u-proxy/streams', { 'x-api-token': TOKEN })).status).toBe(200);
  });

  it('counts in the header rather than in the query, and not as a bearer', async () => {
    const api = await startApi({ API_TOKEN: TOKEN });
    expect((await api.get(`/streams?api_token=${TOKEN}`, { 'x-api-token': 'wrong' })).status).toBe(403);
    expect((await api.get('/streams?api_token=wrong', { 'x-api-token': TOKEN })).status).toBe(200);
    expect((await api.get('/streams', { authorization: `Bearer ${TOKEN}` })).status).toBe(401);
  });

  it('is asked of nobody when there is none', async () => {
    const api = await startApi();
    for (const [method, url] of MANAGEMENT) expect([401, 403]).not.toContain((await api.call({ method, url })).status);
  });

  it('is not asked for by playback, health and documentation', async () => {
    const api = await startApi({ API_TOKEN: TOKEN });
    for (const [method, url] of OPEN) expect([401, 403]).not.toContain((await api.call({ method, url })).status);
  });

  it('is asked for by playback that would create a stream', async () => {
    const api = await startApi({ API_TOKEN: TOKEN });
    const url = `/stream/x?url=${encodeURIComponent('http://127.0.0.1:1/live/1.ts')}`;
    expect((await api.get(url)).status).toBe(401);
    expect((await api.call({ method: 'HEAD', url })).status).toBe(401);
    expect(await api.services.registry.streams()).toEqual([]);
    expect((await api.get(`${url}&api_token=${TOKEN}`)).status).toBe(502);
  });
});

describe('API_RATE_LIMIT', () => {
  it('limits management requests of one address, wrong tokens included, and nothing else', async () => {
    const api = await startApi({ API_TOKEN: TOKEN, API_RATE_LIMIT: '3', TRUST_PROXY: 'true' });
    const from = (address: string) => ({ 'x-forwarded-for': address, 'x-api-token': 'wrong' });
    for (let turn = 0; turn < 3; turn++) expect((await api.get('/streams', from('192.0.2.1'))).status).toBe(403);
    const refused = await api.get('/streams', from('192.0.2.1'));
    expect(refused.status).toBe(429);
    expect(refused.body.detail).toContain('API_RATE_LIMIT');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await api.get('/streams', from('192.0.2.2'))).status).toBe(403);
    expect((await api.get('/livez', from('192.0.2.1'))).status).toBe(200);
    expect((await api.get('/stream/x', from('192.0.2.1'))).status).toBe(404);
  });

  it('does not limit whoever has the token, beside somebody who tries tokens from the same address', async () => {
    const api = await startApi({ API_TOKEN: TOKEN, API_RATE_LIMIT: '3' });
    for (let turn = 0; turn < 10; turn++)
      expect((await api.get('/streams', { 'x-api-token': TOKEN })).status).toBe(200);
    for (let turn = 0; turn < 3; turn++) expect((await api.get('/streams', { 'x-api-token': 'x' })).status).toBe(403);
    expect((await api.get('/streams', { 'x-api-token': 'x' })).status).toBe(429);
    expect((await api.get('/streams', { 'x-api-token': TOKEN })).status).toBe(200);
  });

  it.each(['loopback', 'uniquelocal,loopback', 'true', '127.0.0.1'])(
    'counts a sender behind a proxy of TRUST_PROXY=%s for one, whatever it puts in front of its address',
    async (trust) => {
      const api = await startApi({ API_TOKEN: TOKEN, API_RATE_LIMIT: '20', TRUST_PROXY: trust });
      const statuses = [];
      for (let turn = 0; turn < 60; turn++) {
        const forwarded = `198.51.100.${turn}, 10.0.0.${turn}, 192.168.1.50`;
        const headers = { 'x-forwarded-for': forwarded, 'x-api-token': `wrong-${turn}` };
        statuses.push((await api.get('/streams', headers)).status);
      }
      expect(statuses).toEqual([...Array(20).fill(403), ...Array(40).fill(429)]);
    },
  );

  it('counts an IPv6 network for one', async () => {
    const api = await startApi({ API_TOKEN: TOKEN, API_RATE_LIMIT: '1' });
    const from = (address: string) => api.get('/streams', { 'x-forwarded-for': address, 'x-api-token': 'wrong' });
    expect((await from('2001:db8:0:1::1')).status).toBe(403);
    expect((await from('2001:db8:0:1:ffff::2')).status).toBe(429);
    expect((await from('2001:db8:0:2::1')).status).toBe(403);
  });

  it('believes no X-Forwarded-For of a stranger', async () => {
    const api = await startApi({ API_RATE_LIMIT: '2', TRUST_PROXY: 'false' });
    for (const address of ['192.0.2.1', '192.0.2.2']) await api.get('/streams', { 'x-forwarded-for': address });
    expect((await api.get('/streams', { 'x-forwarded-for': '192.0.2.3' })).status).toBe(429);
  });

  it('limits nothing when it is 0', async () => {
    const api = await startApi({ API_RATE_LIMIT: '0' });
    const answer = await api.get('/streams');
    expect(answer.status).toBe(200);
    expect(answer.headers['x-ratelimit-limit']).toBeUndefined();
  });
});
