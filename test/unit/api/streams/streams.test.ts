// Streams once they exist: lists, one by one, by metadata, failover, delete.
import { describe, expect, it } from 'vitest';
import { addViewer, startApi, type TestApi } from '../support.ts';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/;

async function create(api: TestApi, number: number, body: object = {}): Promise<string> {
  const answer = await api.post('/streams', { url: `http://tv.example/${number}.ts`, ...body });
  return String(answer.body.stream_id);
}

describe('GET /streams', () => {
  it('shows a stream whole', async () => {
    const api = await startApi({ API_TOKEN: 't', DEFAULT_USER_AGENT: 'Box' });
    const token = { 'x-api-token': 't' };
    const url = 'http://joe:pw@tv.example/live/joe/s3cret/7.ts';
    const body = { url, failover_urls: [`${url}?2`], headers: { Authorization: 'Basic abc', 'X-A': 'b' } };
    const id = (await api.post('/streams', body, token)).body.stream_id;
    const { streams, total } = (await api.get('/streams', token)).body;
    expect(total).toBe(1);
    expect(streams?.[0]).toEqual({
      stream_id: id,
      original_url: url,
      current_url: url,
      user_agent: 'Box',
      client_count: 0,
      connection_count: 0,
      total_bytes_served: 0,
      total_segments_served: 0,
      error_count: 0,
      is_active: false,
      has_failover: true,
      failover_urls: [`${url}?2`],
      failover_resolver_url: null,
      current_failover_index: -1,
      failover_attempts: 0,
      last_failover_time: null,
      stream_type: 'Live Continuous',
      created_at: expect.stringMatching(ISO),
      last_access: expect.stringMatching(ISO),
      metadata: {},
      headers: { Authorization: '***', 'X-A': 'b' },
      media_info: null,
      output_media_info: null,
      input: null,
    });
  });

  it('hides provider credentials where no token protects them', async () => {
    const api = await startApi();
    await api.post('/transcode', {
      url: 'http://joe:pw@tv.example/live/joe/s3cret/7.ts?token=abcdef',
      failover_urls: ['http://tv.example/live/joe/s3cret/8.ts'],
      metadata: { name: 'joe' },
    });
    for (const path of [
      '/streams',
      '/stats',
      '/stats/streams',
      '/streams/by-metadata?field=name&value=joe&active_only=0',
    ]) {
      const { text } = await api.get(path);
      expect(text).toContain('tv.example');
      for (const secret of ['s3cret', 'joe:pw', 'abcdef']) expect(text).not.toContain(secret);
    }
  });

  it.each([
    ['http://a.example/x.mkv', 'VOD'],
    ['http://a.example/x.m3u8', 'HLS'],
    ['http://a.example/live/1', 'Live Continuous'],
    ['http://a.example/1', 'Live Continuous'],
  ])('calls %s %s', async (url, type) => {
    const api = await startApi();
    await api.post('/streams', { url });
    expect((await api.get('/streams')).body.streams?.[0]?.stream_type).toBe(type);
  });
});

describe('GET /streams/{id}', () => {
  it('shows the stream and who watches it', async () => {
    const api = await startApi();
    const id = await create(api, 1);
    await addViewer(api, id, 'c1');
    const { body } = await api.get(`/streams/${id}`);
    expect(Object.keys(body)).toEqual(['stream', 'clients', 'client_count', 'worker_id', 'ffmpeg_lines', 'history']);
    // Nothing makes it.
    expect([body.worker_id, body.ffmpeg_lines, body.history]).toEqual([null, null, null]);
    expect(body.stream).toMatchObject({ stream_id: id, is_active: true, client_count: 1 });
    expect(body.clients).toEqual([
      {
        client_id: 'c1',
        stream_id: id,
        user_agent: 'VLC',
        ip_address: '192.0.2.7',
        username: null,
        bytes_served: 0,
        segments_served: 0,
        created_at: expect.stringMatching(ISO),
        last_access: expect.stringMatching(ISO),
        is_connected: true,
      },
    ]);
    expect((await api.get('/clients')).body).toEqual({ total_clients: 1, clients: body.clients });
    expect((await api.get('/stats/clients')).body).toEqual({ total_clients: 1, clients: body.clients });
  });

  it('is 404 for an unknown one', async () => {
    const api = await startApi();
    for (const path of ['/streams/x', '/stream/x', '/hls/x/playlist.m3u8']) {
      const { status, body } = await api.get(path);
      expect([path, status, body]).toEqual([path, 404, { detail: 'Stream not found' }]);
    }
  });
});

describe('DELETE /streams/{id}', () => {
  it('ends a stream, once', async () => {
    const api = await startApi();
    const id = await create(api, 1);
    expect(await api.del(`/streams/${id}`)).toMatchObject({ status: 200, body: { message: `Stream ${id} deleted` } });
    expect((await api.del(`/streams/${id}`)).status).toBe(404);
    expect((await api.get('/streams')).body).toEqual({ streams: [], total: 0 });
  });
});

describe('POST /streams/{id}/failover', () => {
  it('goes on by exactly one, until there is none left', async () => {
    const api = await startApi();
    const id = await create(api, 1, { failover_urls: ['http://b.example/1.ts', 'http://c.example/1.ts'] });
    const first = await api.post(`/streams/${id}/failover`);
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      message: expect.any(String),
      new_url: 'http://b.example/1.ts',
      failover_index: 0,
      failover_attempts: 1,
      active_clients: 0,
      stream_type: 'Live Continuous',
      moved_streams: [id],
    });
    expect((await api.post(`/streams/${id}/failover`)).body).toMatchObject({ failover_index: 1, failover_attempts: 2 });
    const last = await api.post(`/streams/${id}/failover`);
    expect([last.status, last.body.detail]).toEqual([500, 'Failover failed - no working failover URLs available']);
    const { stream } = (await api.get(`/streams/${id}`)).body;
    expect(stream).toMatchObject({
      current_url: 'http://c.example/1.ts',
      current_failover_index: 1,
      failover_attempts: 2,
      last_failover_time: expect.stringMatching(ISO),
    });
  });

  it('goes to the source that is chosen, by its place or its URL', async () => {
    const api = await startApi();
    const urls = ['http://b.example/1.ts', 'http://c.example/1.ts'];
    const id = await create(api, 1, { failover_urls: urls });
    const moved = async (order: object) => (await api.post(`/streams/${id}/failover`, order)).body;
    expect(await moved({ index: 1 })).toMatchObject({ new_url: urls[1], failover_index: 1, moved_streams: [id] });
    expect(await moved({ index: -1 })).toMatchObject({ failover_index: -1, new_url: 'http://tv.example/1.ts' });
    expect(await moved({ url: urls[0] })).toMatchObject({ failover_index: 0, moved_streams: [id] });
    expect(await moved({ index: 0 })).toMatchObject({
      ...{ failover_index: 0, moved_streams: [], message: 'The stream plays backup 1 already.' },
    });
    for (const order of [{ index: 2 }, { url: 'http://other.example/' }]) {
      expect((await api.post(`/streams/${id}/failover`, order)).status).toBe(400);
    }
    expect((await api.post(`/streams/${id}/failover`, { index: -2 })).status).toBe(422);
  });

  it('takes `[]` for no body, as m3u-editor sends it', async () => {
    const api = await startApi();
    const id = await create(api, 1, { failover_urls: ['http://b.example/1.ts'] });
    expect((await api.post(`/streams/${id}/failover`, [])).body).toMatchObject({ failover_index: 0 });
    expect((await api.post(`/streams/${id}/failover`, [1])).status).toBe(422);
  });

  it('is 400 without a failover, 404 without a stream', async () => {
    const api = await startApi();
    const id = await create(api, 1);
    expect((await api.post(`/streams/${id}/failover`)).status).toBe(400);
    expect((await api.post('/streams/x/failover')).status).toBe(404);
  });

  it('calls a transcoded stream that', async () => {
    const api = await startApi();
    const body = { url: 'http://a.example/1.ts', failover_urls: ['http://b.example/1.ts'] };
    const id = (await api.post('/transcode', body)).body.stream_id;
    expect((await api.post(`/streams/${id}/failover`)).body.stream_type).toBe('Transcoded');
  });
});

describe('streams by metadata', () => {
  async function three(api: TestApi): Promise<string[]> {
    return [
      await create(api, 1, { metadata: { group: 'a', id: 1 } }),
      await create(api, 2, { metadata: { group: 'a', id: 2 } }),
      await create(api, 3, { metadata: { group: 'b', id: 3 } }),
    ];
  }

  it('lists those that somebody watches, or all', async () => {
    const api = await startApi();
    const [first = ''] = await three(api);
    await addViewer(api, first, 'c1');
    const url = '/streams/by-metadata?field=group&value=a';
    const { body } = await api.get(url);
    expect(body).toEqual({
      filter: { field: 'group', value: 'a' },
      active_only: true,
      matching_streams: [
        {
          stream_id: first,
          client_count: 1,
          metadata: { group: 'a', id: '1' },
          last_access: expect.stringMatching(ISO),
          is_active: true,
          url: 'http://tv.example/1.ts',
          stream_type: 'Live Continuous',
        },
      ],
      total_matching: 1,
      total_clients: 1,
    });
    for (const no of ['false', '0', 'No', 'OFF', 'f', 'N']) {
      expect((await api.get(`${url}&active_only=${no}`)).body.total_matching).toBe(2);
    }
    for (const yes of ['true', '1', 'YES', 'on', 'T', 'y']) {
      expect((await api.get(`${url}&active_only=${yes}`)).body.total_matching).toBe(1);
    }
    expect((await api.get(`${url}&active_only=perhaps`)).body.detail?.[0]?.loc).toEqual(['query', 'active_only']);
    expect((await api.get('/streams/by-metadata?field=constructor&value=x')).body.total_matching).toBe(0);
    expect((await api.get('/streams/by-metadata?field=group')).status).toBe(422);
  });

  it('counts several values, also those that nobody has', async () => {
    const api = await startApi();
    const [first = ''] = await three(api);
    await addViewer(api, first, 'c1');
    const url = '/streams/counts-by-metadata?field=group&values=a,b,%20c';
    expect((await api.get(url)).body).toEqual({ field: 'group', counts: { a: 1, b: 0, c: 0 } });
    expect((await api.get(`${url}&active_only=0`)).body.counts).toEqual({ a: 2, b: 1, c: 0 });
  });

  it('deletes with viewers by default, but not the channel excluded', async () => {
    const api = await startApi();
    const [first = '', second = ''] = await three(api);
    await addViewer(api, first, 'c1');
    const { body } = await api.del('/streams/by-metadata?field=group&value=a&exclude_channel_id=2');
    expect(body).toEqual({
      message: expect.any(String),
      deleted_streams: [first],
      skipped_streams: [{ stream_id: second, reason: 'excluded_by_channel_id' }],
      deleted_count: 1,
    });
    expect((await api.get('/streams')).body.total).toBe(2);
  });

  it('spares those that others watch when not forced', async () => {
    const api = await startApi();
    const [first = '', second = ''] = await three(api);
    await addViewer(api, first, 'c1');
    const url = '/streams/by-metadata?field=group&value=a&force=false';
    expect((await api.del(url)).body).toMatchObject({
      deleted_streams: [second],
      skipped_streams: [{ stream_id: first, reason: 'has_active_clients', active_clients: 1 }],
    });
    expect((await api.del(`${url}&client_id=`)).body.skipped_streams).toHaveLength(1);
    expect((await api.del(`${url}&client_id=c1`)).body.deleted_streams).toEqual([first]);
    expect((await api.del(`${url}&client_id=${'x'.repeat(129)}`)).status).toBe(422);
    expect((await api.del(`${url}&client_id=${'x'.repeat(128)}`)).status).toBe(200);
  });

  it('deletes the oldest', async () => {
    const api = await startApi();
    const [first, second] = await three(api);
    const url = '/streams/oldest-by-metadata?field=group&value=a';
    const { body } = await api.del(`${url}&exclude_channel_id=2`);
    expect(body).toEqual({
      message: expect.any(String),
      deleted_stream: first,
      stream_age_seconds: expect.any(Number),
      deleted_count: 1,
    });
    expect((await api.del(url)).body.deleted_stream).toBe(second);
    expect((await api.del(url)).body).toEqual({ message: expect.any(String), deleted_stream: null, deleted_count: 0 });
  });
});

describe('DELETE /hls/{stream}/clients/{client}', () => {
  it('answers the same whether there is such a client or not', async () => {
    const api = await startApi();
    const { status, body } = await api.del('/hls/x/clients/c1');
    expect([status, body]).toEqual([200, { message: 'Client c1 disconnected' }]);
  });
});
