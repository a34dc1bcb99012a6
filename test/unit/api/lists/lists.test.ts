// GET /streams and GET /clients with a question: short rows, a page at a time. Without one they answer as before.
import { expect, it } from 'vitest';
import { addViewer, startApi, type TestApi } from '../support.ts';

async function created(api: TestApi, name: string): Promise<string> {
  const url = `http://user:s3cret@127.0.0.1:9/${encodeURIComponent(name)}.ts`;
  const { body } = await api.post('/streams', { url, metadata: { name } });
  return String(body.stream_id);
}

it('streams are searched, and come a page at a time', async () => {
  const api = await startApi();
  const [one] = [await created(api, 'BBC One'), await created(api, 'BBC Two'), await created(api, 'Sky')];
  await addViewer(api, one, 'a');
  const first = await api.get('/streams?search=bbc&limit=1');
  expect(first.body).toMatchObject({ total: 2, streams: [{ name: 'BBC One', client_count: 1, state: 'playing' }] });
  expect(first.text).not.toContain('s3cret');
  const next = await api.get(`/streams?search=bbc&limit=1&cursor=${String(first.body.next_cursor)}`);
  expect(next.body).toMatchObject({ total: 2, next_cursor: null, streams: [{ name: 'BBC Two', state: 'waiting' }] });
});

it('a failure of the last hour is counted for its stream', async () => {
  const api = await startApi();
  const [one] = [await created(api, 'One'), await created(api, 'Two')];
  api.services.registry.tellEvent({ type: 'stream_failed', streamId: one, data: { error: 'no answer' } });
  const { body } = await api.get('/streams?state=failing');
  expect(body).toMatchObject({ total: 1, streams: [{ stream_id: one, failures_last_hour: 1 }] });
});

it('viewers are searched by who they are and what they watch', async () => {
  const api = await startApi();
  const [one, two] = [await created(api, 'BBC One'), await created(api, 'Sky')];
  await addViewer(api, one, 'joe');
  await addViewer(api, two, 'ann');
  const { body } = await api.get('/clients?search=bbc');
  expect(body).toMatchObject({
    ...{ total: 1, next_cursor: null },
    clients: [{ client_id: 'joe', stream_name: 'BBC One', worker_id: 'test', is_session: false, format: null }],
  });
  const rows = async (query: string) => (await api.get(`/clients?${query}`)).body.total;
  expect(await Promise.all([rows(`stream_id=${two}`), rows('worker_id=test'), rows('worker_id=other')])).toEqual([
    1, 2, 0,
  ]);
});

it('a session is known by what it plays', async () => {
  const api = await startApi();
  for (const url of ['http://127.0.0.1:9/a.mpd', 'http://127.0.0.1:9/a.m3u8']) {
    const id = String((await api.post('/streams', { url })).body.stream_id);
    await addViewer(api, id, url.slice(-4), { timeoutMs: 60_000, onlyLive: false });
  }
  const { clients } = (await api.get('/clients?sort=bytes')).body;
  expect(clients).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ client_id: '.mpd', is_session: true, format: 'dash' }),
      expect.objectContaining({ client_id: 'm3u8', is_session: true, format: 'hls' }),
    ]),
  );
});

it('viewers who were too slow are known by their skips', async () => {
  const api = await startApi();
  const one = await created(api, 'BBC One');
  const connectedAtMs = await addViewer(api, one, 'joe');
  await addViewer(api, one, 'ann');
  const got = { bytesServed: 1_000, segmentsServed: 0, lastAccessMs: connectedAtMs, skips: 2 };
  await api.services.registry.report([{ streamId: one, clientId: 'joe', connectedAtMs, ...got }]);
  const { clients } = (await api.get('/clients?sort=bytes')).body;
  expect(clients).toMatchObject([
    { client_id: 'joe', skips: 2 },
    { client_id: 'ann', skips: 0 },
  ]);
});

it.each(['/streams?sort=size', '/streams?cursor=x', '/streams?limit=101', '/clients?sort=name', '/clients?limit=0'])(
  'a question that nobody can answer gets 422: %s',
  async (path) => {
    const api = await startApi();
    expect((await api.get(path)).status).toBe(422);
  },
);

it('without a question both answer whole records', async () => {
  const api = await startApi();
  const id = await created(api, 'BBC One');
  await addViewer(api, id, 'joe');
  expect((await api.get('/streams')).body).toMatchObject({ total: 1, streams: [{ stream_id: id, is_active: true }] });
  expect((await api.get('/clients')).body).toMatchObject({ total_clients: 1, clients: [{ client_id: 'joe' }] });
});
