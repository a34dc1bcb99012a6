/** A stream that nobody watches any more answers on its address, and is nothing else to anybody. */

import { expect, it } from 'vitest';
import { addViewer, startApi, type TestApi } from '../support.ts';

const FILTER = 'field=playlist_uuid&value=p';

async function create(api: TestApi, number: number, more: object = {}) {
  const metadata = { playlist_uuid: 'p', id: String(number) };
  return (await api.post('/streams', { url: `http://tv.example/live/${number}.ts`, metadata, ...more })).body;
}

/** Somebody has watched it and left; without a grace it is idle. */
async function visit(api: TestApi, streamId: string): Promise<void> {
  const connectedAtMs = await addViewer(api, streamId, 'visitor');
  const counters = { bytesServed: 10, segmentsServed: 0, lastAccessMs: connectedAtMs };
  await api.services.registry.leave({ streamId, clientId: 'visitor', connectedAtMs, ...counters });
}

it('is in no list but that of idle streams, and in no number', async () => {
  const api = await startApi({ SHARED_STREAM_GRACE: '0' });
  const id = String((await create(api, 1)).stream_id);
  expect((await api.get('/streams')).body).toMatchObject({ total: 1 });
  expect((await api.get('/streams?idle=true')).body).toMatchObject({ total: 0 });
  await visit(api, id);
  expect((await api.get('/streams')).body).toMatchObject({ total: 0, streams: [] });
  expect((await api.get('/streams?idle=true')).body).toMatchObject({ total: 1, streams: [{ stream_id: id }] });
  expect((await api.get(`/streams/${id}`)).body).toMatchObject({ client_count: 0, stream: { is_active: false } });
  for (const active of ['0', '1']) {
    const { body } = await api.get(`/streams/by-metadata?${FILTER}&active_only=${active}`);
    expect(body).toMatchObject({ total_matching: 0, total_clients: 0 });
    const counted = await api.get(`/streams/counts-by-metadata?field=playlist_uuid&values=p&active_only=${active}`);
    expect(counted.body.counts).toEqual({ p: 0 });
  }
  expect((await api.get('/stats/streams')).body).toEqual({ total_streams: 0, streams: [] });
  expect((await api.get('/stats')).body).toMatchObject({ total_streams: 0, active_streams: 0, streams: [] });
  await addViewer(api, id, 'back');
  expect((await api.get('/streams')).body).toMatchObject({ total: 1, streams: [{ stream_id: id, is_active: true }] });
});

it('counts for nobody while its first viewer is on the way, but is listed', async () => {
  const api = await startApi();
  const id = (await create(api, 1)).stream_id;
  const { body } = await api.get(`/streams/by-metadata?${FILTER}&active_only=1`);
  expect(body).toMatchObject({ total_matching: 0, matching_streams: [] });
  expect((await api.get(`/streams/by-metadata?${FILTER}&active_only=0`)).body).toMatchObject({
    matching_streams: [{ stream_id: id, client_count: 0, is_active: false }],
  });
});

it('is not what goes as the oldest: the one that somebody watches does', async () => {
  const api = await startApi({ SHARED_STREAM_GRACE: '0' });
  const idle = String((await create(api, 1)).stream_id);
  await visit(api, idle);
  // Its viewer is on the way.
  const fresh = String((await create(api, 2)).stream_id);
  const watched = String((await create(api, 3)).stream_id);
  await addViewer(api, watched, 'viewer');
  const oldest = `/streams/oldest-by-metadata?${FILTER}`;
  expect((await api.del(oldest)).body).toMatchObject({ deleted_stream: watched, deleted_count: 1 });
  expect((await api.get(`/streams/by-metadata?${FILTER}&active_only=1`)).body.total_matching).toBe(0);
  expect((await api.del(oldest)).body).toMatchObject({ deleted_stream: fresh });
  expect((await api.del(oldest)).body).toMatchObject({ deleted_stream: null, deleted_count: 0 });
  expect((await api.get(`/streams/${idle}`)).status).toBe(200);
});

it('belongs to the next one who creates it, with all that is asked for then', async () => {
  const api = await startApi({ SHARED_STREAM_GRACE: '0', API_TOKEN: 't' });
  const token = { 'x-api-token': 't' };
  const url = 'http://tv.example/live/1.ts';
  const post = async (body: object) => (await api.post('/streams', { url, ...body }, token)).body;
  const first = await post({ metadata: { playlist_auth_id: 'ann' }, failover_urls: ['http://backup.example/1.ts'] });
  const id = String(first.stream_id);
  const { services } = api;
  const failover = { index: 0, attempts: 1, lastAtMs: 5, currentUrl: 'http://backup.example/1.ts' };
  await addViewer(api, id, 'watching');
  expect(await post({ metadata: { playlist_auth_id: 'ben' } })).toMatchObject({
    existing: true,
    metadata: { playlist_auth_id: 'ann' },
  });
  await services.registry.advanceFailover(id, -1, failover);
  const [client] = await services.registry.clients(id);
  const connectedAtMs = client?.connectedAtMs ?? 0;
  const counters = { bytesServed: 10, segmentsServed: 0, lastAccessMs: 0 };
  await services.registry.leave({ streamId: id, clientId: 'watching', connectedAtMs, ...counters });
  const asked = { metadata: { playlist_auth_id: 'ben' }, headers: { 'X-New': '1' }, user_agent: 'New' };
  expect(await post(asked)).toMatchObject({ existing: false, stream_id: id, metadata: asked.metadata });
  expect((await api.get(`/streams/${id}`, token)).body.stream).toMatchObject({
    ...asked,
    current_url: url,
    current_failover_index: -1,
    failover_urls: [],
    total_bytes_served: 0,
  });
});
