import { expect, it } from 'vitest';
import { startApi } from '../support.ts';

const URL_OF_OTHER = new URL('http://127.0.0.1:9/other.ts');

it('lets a request through this cluster once, and not twice, on all playback routes', async () => {
  const api = await startApi();
  const { marker } = api.services.guard;
  const { body } = await api.post('/streams', {
    url: 'http://127.0.0.1:9/a.ts',
    failover_urls: ['http://127.0.0.1:9/b.ts'],
  });
  const once = marker.via(URL_OF_OTHER);
  const twice = marker.via(URL_OF_OTHER, once);
  const status = async (method: 'GET' | 'HEAD', path: string, via: string) =>
    (await api.call({ method, url: path, headers: { via } })).status;
  const stream = `/stream/${body.stream_id}`;
  const playlist = `/hls/${body.stream_id}/playlist.m3u8`;
  for (const [method, path, otherwise] of [
    ['GET', stream, 502],
    ['HEAD', stream, 200],
    ['GET', playlist, 200],
  ] as const) {
    expect(await status(method, path, once)).toBe(otherwise);
    expect(await status(method, path, twice)).toBe(508);
  }
  for (const source of ['a.ts', 'b.ts']) {
    const via = marker.via(new URL(`http://127.0.0.1:9/${source}`));
    expect(await status('GET', stream, via)).toBe(508);
    expect(await status('HEAD', stream, via)).toBe(508);
  }
  expect(await status('GET', '/stream/x?url=http%3A%2F%2F127.0.0.1%3A9%2Fc.ts', once)).toBe(508);
  const answer = await api.get(stream, { via: twice });
  expect(answer.headers.via).toBe(marker.own);
  expect(answer.body.detail).toContain('leads back to the stream');
  expect((await api.get('/streams', { via: twice })).status).toBe(200);
});
