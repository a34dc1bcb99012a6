// Requests that cannot be served: every one is answered with {"detail": …} and a reason.
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startApi } from '../support.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('errors', () => {
  it('are 404 for an unknown path, and 405 with Allow for a wrong method', async () => {
    const api = await startApi();
    const unknown = await api.get('/no/such/thing');
    expect([unknown.status, typeof unknown.body.detail]).toEqual([404, 'string']);
    for (const [method, url, allow] of [
      ['PUT', '/streams', 'GET, HEAD, POST'],
      ['POST', '/streams/x', 'DELETE, GET, HEAD'],
      ['POST', '/m3u-proxy/stream/x', 'GET, HEAD'],
      ['GET', '/transcode', 'POST'],
      ['GET', '/streams/x/failover', 'POST'],
    ] as const) {
      const answer = await api.call({ method, url });
      expect([url, answer.status, answer.headers.allow]).toEqual([url, 405, allow]);
      expect(answer.body.detail).toContain('Method Not Allowed');
    }
  });

  it('are 422 for a body that is missing, not JSON, or of another shape', async () => {
    const api = await startApi();
    const post = (payload: string) => api.call({ method: 'POST', url: '/streams', headers: JSON_TYPE, payload });
    const missing = { type: 'missing', loc: ['body'], msg: 'Field required', input: null };
    expect(await post('')).toMatchObject({ status: 422, body: { detail: [missing] } });
    expect(await api.post('/streams')).toMatchObject({ status: 422, body: { detail: [missing] } });
    expect(await post('{"url"')).toMatchObject({ status: 422, body: { detail: [{ type: 'json_invalid' }] } });
    expect(await post('[]')).toMatchObject({ status: 422, body: { detail: [{ loc: ['body'] }] } });
    expect(await post('{}')).toMatchObject({
      status: 422,
      body: { detail: [{ type: 'missing', loc: ['body', 'url'], msg: 'Field required', input: null }] },
    });
    expect(await post('{"url": 7, "failover_urls": "x"}')).toMatchObject({
      status: 422,
      body: {
        detail: [
          { type: 'string_type', loc: ['body', 'url'], input: 7 },
          { type: 'array_type', loc: ['body', 'failover_urls'], input: 'x' },
        ],
      },
    });
  });

  it('are 415 for another type of body', async () => {
    const api = await startApi();
    const headers = { 'content-type': 'text/plain' };
    const { status, body } = await api.call({ method: 'POST', url: '/streams', headers, payload: 'x' });
    expect(status).toBe(415);
    expect(body.detail).toContain('application/json');
  });

  it('are 413 for a body beyond MAX_BODY_BYTES, 10 MB by far', async () => {
    const big = { url: 'http://a.example/1.ts', metadata: { a: 'x'.repeat(10 * 1024 * 1024) } };
    const standard = await startApi();
    const answer = await standard.post('/streams', big);
    expect(answer.status).toBe(413);
    expect(answer.body.detail).toContain('MAX_BODY_BYTES');
    const small = await startApi({ MAX_BODY_BYTES: '2k' });
    expect((await small.post('/streams', { url: `http://a.example/${'x'.repeat(3000)}` })).status).toBe(413);
    expect((await small.post('/streams', { url: 'http://a.example/1.ts' })).status).toBe(200);
  });

  it('are 400 for a path that is no path', async () => {
    const api = await startApi();
    expect(await api.get('/stream/%zz')).toMatchObject({ status: 400, body: { detail: expect.any(String) } });
  });

  it('are an answer to a path that nobody would think of, and nothing more', async () => {
    const api = await startApi();
    const port = Number(new URL(await api.app.listen({ port: 0, host: '127.0.0.1' })).port);
    for (const target of [
      '//',
      '///stream',
      '//:0',
      '//[',
      '/\\',
      'http://',
      'http://[/info',
      '/%',
      '/m3u-proxy//',
      '*',
    ]) {
      const socket = connect(port, '127.0.0.1');
      socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nOrigin: http://e\r\nConnection: close\r\n\r\n`);
      let text = '';
      for await (const part of socket.setEncoding('utf8')) text += part;
      expect([target, text]).toEqual([target, expect.stringMatching(/^HTTP\/1\.1 (?:200|40[04]) /)]);
      expect((await api.get('/livez')).status).toBe(200);
    }
    expect(api.logged.join('')).not.toContain('a bug');
  });

  it('tell nothing of a bug but that the log has it', async () => {
    const api = await startApi();
    api.services.registry.streams = () => Promise.reject(new Error('inside'));
    const { status, text } = await api.get('/streams');
    expect(status).toBe(500);
    expect(text).not.toContain('inside');
    expect(api.logged.join('')).toContain('inside');
  });

  it('are 400 for JSON that is nested deeply', async () => {
    const api = await startApi();
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    for (const payload of [deep(50_000), `{"metadata":${deep(65)}}`]) {
      const headers = { 'content-type': 'application/json' };
      const { status, body } = await api.call({ method: 'POST', url: '/streams', headers, payload });
      expect([status, body.detail]).toEqual([400, expect.stringContaining('nested')]);
    }
    const metadata = { a: `"\\${'['.repeat(100)}` };
    expect((await api.post('/streams', { url: 'http://a.example/1.ts', metadata })).status).toBe(200);
  });

  it('name the first 20 faults of a request and count the others', async () => {
    const api = await startApi();
    const metadata = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, null]));
    const { status, body } = await api.post('/streams', { url: 'http://a.example/1.ts', metadata });
    expect(status).toBe(422);
    expect(body.detail).toHaveLength(21);
    expect((body.detail as unknown as object[]).at(-1)).toMatchObject({ msg: '49980 more errors are not shown' });
  });

  it('are none where a monitor asks for the broadcasts', async () => {
    const api = await startApi();
    expect(await api.get('/broadcast')).toMatchObject({ status: 200, body: { broadcasts: [], count: 0 } });
  });

  it('are 404 for parts of a playlist that a live stream does not have', async () => {
    const api = await startApi();
    const { stream_id: id } = (await api.post('/streams', { url: 'http://a.example/live/1.ts' })).body;
    for (const name of ['segment', 'segment.ts', 'segment.m4s', 'segment.mp4']) {
      const answer = await api.get(`/hls/${id}/${name}?client_id=a&url=b`);
      expect([name, answer.status]).toEqual([name, 404]);
      expect(answer.body.detail).toContain('Open the playlist anew');
    }
  });
});
