// What the worker says of itself: health, settings, statistics; and what it never says.
import { describe, expect, it, vi } from 'vitest';
import { serve } from '../../upstream/support.ts';
import { addViewer, startApi } from '../support.ts';

const TOTALS = [
  'total_streams',
  'active_streams',
  'total_clients',
  'active_clients',
  'total_connections',
  'total_bytes_served',
  'total_segments_served',
  'uptime_seconds',
];

describe('health', () => {
  it('is ready until it drains, and alive until it ends', async () => {
    const api = await startApi();
    expect((await api.get('/livez')).body).toEqual({ status: 'alive' });
    expect((await api.get('/readyz')).body).toEqual({ status: 'ready' });
    await api.worker.drain(0);
    expect((await api.get('/livez')).status).toBe(200);
    const { status, body, headers } = await api.get('/readyz');
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(body.detail).toContain('draining');
  });

  it('sends new viewers elsewhere while it drains', async () => {
    const api = await startApi();
    const id = (await api.post('/streams', { url: 'http://127.0.0.1:1/1.ts' })).body.stream_id;
    await api.worker.drain(0);
    const { status, headers } = await api.get(`/stream/${id}`);
    expect([status, headers['retry-after']]).toEqual([503, '1']);
  });

  it('answers / and /health with totals', async () => {
    const api = await startApi({ ROOT_PATH: '/tv' });
    const root = (await api.get('/')).body;
    expect(root).toMatchObject({ status: 'running', uptime: 0, version: expect.stringMatching(/^\d+\.\d+/) });
    expect(Object.keys(root.stats ?? {})).toEqual(TOTALS);
    const health = (await api.get('/health')).body;
    expect(health).toMatchObject({ status: 'healthy', root_path: '/tv', active_streams: 0, active_clients: 0 });
    expect(Object.keys(health.stats ?? {})).toEqual(TOTALS);
  });

  it('counts its uptime beyond a day', async () => {
    const api = await startApi();
    vi.spyOn(Date, 'now').mockReturnValue(api.services.startedAtMs + 90_061_500);
    expect((await api.get('/stats')).body.uptime_seconds).toBe(90_061);
    vi.restoreAllMocks();
  });
});

describe('ROOT_PATH', () => {
  it('is a prefix under which everything is there as well', async () => {
    const api = await startApi({ ROOT_PATH: '/tv' });
    for (const url of ['/livez', '/tv/livez', '/tv', '/tv/', '/tv?x=1', '/tv/streams/']) {
      expect([url, (await api.get(url)).status]).toEqual([url, 200]);
    }
    for (const url of ['/tvx/livez', '/m3u-proxy/livez']) expect((await api.get(url)).status).toBe(404);
  });

  it('may be none', async () => {
    const api = await startApi({ ROOT_PATH: '/' });
    expect((await api.get('/livez')).status).toBe(200);
    expect((await api.get('/m3u-proxy/livez')).status).toBe(404);
  });
});

describe('GET /info', () => {
  it('says what anybody may do where there is no token', async () => {
    const api = await startApi({ CORS_ORIGINS: 'http://nas:36400' });
    const { access } = (await api.get('/info')).body;
    expect(access).toEqual({
      api_token: false,
      playback: 'open',
      cors_origins: ['http://nas:36400'],
      warning: expect.stringMatching(/^API_TOKEN is not set: everybody .*openssl rand -hex 24/),
    });
  });

  it('shows the settings, and no secret', async () => {
    const api = await startApi({
      API_TOKEN: 'tok-en',
      REDIS_PASSWORD: 'pass-word',
      WORKER_ID: 'w1',
      MAX_CLIENTS_PER_SHARED_STREAM: '7',
      CLIENT_TIMEOUT: '11',
      STREAM_TIMEOUT: '12',
      CLEANUP_INTERVAL: '13',
      HEARTBEAT_INTERVAL: '14',
      STREAM_RETRY_ATTEMPTS: '5',
      SHARED_STREAM_GRACE: '4',
      DEFAULT_USER_AGENT: 'Box',
      STREAMLINK_ENABLED: 'false',
      YTDLP_PATH: '/nonexistent/yt-dlp',
    });
    const { body, text } = await api.get('/info', { 'x-api-token': 'tok-en' });
    for (const secret of ['tok-en', 'pass-word']) expect(text).not.toContain(secret);
    expect(body).toMatchObject({
      ffmpeg_version: expect.stringMatching(/^\w*\d/),
      streamlink_version: null,
      ytdlp_version: null,
      hardware_acceleration: { enabled: false, type: 'cpu', device: null, ffmpeg_args: [] },
      access: { api_token: true, playback: 'open', cors_origins: [], warning: null },
      redis: {
        enabled: false,
        pooling_enabled: true,
        host: 'localhost',
        port: 6379,
        password: '***',
        db: 0,
        max_clients_per_stream: 7,
        stream_timeout: 4,
        sharing_strategy: 'url_profile',
      },
      transcoding: { enabled: true, profiles: { default: expect.any(String), audio: expect.any(String) } },
      configuration: {
        default_user_agent: 'Box',
        client_timeout: 11,
        stream_timeout: 12,
        cleanup_interval: 13,
        max_retries: 5,
      },
      worker: { worker_id: 'w1', heartbeat_interval: 14, multi_worker_mode: false },
    });
  });
});

describe('statistics', () => {
  it('are totals, pooling, streams and clients', async () => {
    const api = await startApi({ MAX_CLIENTS_PER_SHARED_STREAM: '3', WORKER_ID: 'test' });
    const direct = String((await api.post('/streams', { url: 'http://a.example/1.ts' })).body.stream_id);
    const shared = String((await api.post('/transcode', { url: 'http://a.example/1.ts' })).body.stream_id);
    const firstMs = await addViewer(api, direct, 'c1');
    const secondMs = await addViewer(api, shared, 'c2');
    await addViewer(api, shared, 'c3');
    await api.services.registry.leave({
      streamId: direct,
      clientId: 'c1',
      connectedAtMs: firstMs,
      bytesServed: 1000,
      segmentsServed: 2,
      lastAccessMs: 0,
    });
    await api.services.registry.report([
      {
        streamId: shared,
        clientId: 'c2',
        connectedAtMs: secondMs,
        bytesServed: 500,
        segmentsServed: 1,
        lastAccessMs: Date.now(),
      },
    ]);
    const { body } = await api.get('/stats');
    expect(body).toMatchObject({
      total_streams: 2,
      active_streams: 1,
      total_clients: 2,
      active_clients: 2,
      total_bytes_served: 1500,
      total_segments_served: 3,
      pooling: {
        enabled: true,
        strategy: 'url_profile',
        max_clients_per_process: 3,
        clients: 2,
        processes: 0,
        processes_saved: 2,
        skips: 0,
        stalls: 0,
        buffered_bytes: 0,
        workers: [{ worker_id: 'test', clients: 2, processes: 0, buffered_bytes: 0, skips: 0, stalls: 0 }],
        worker_id: 'test',
        feeds: [],
        source_feeds: [],
      },
    });
    expect(body.streams).toHaveLength(2);
    expect(body.clients).toHaveLength(2);
    expect((await api.get('/stats/streams')).body).toEqual({ total_streams: 2, streams: body.streams });
    const detailed = (await api.get('/stats/detailed')).body;
    expect(detailed).toMatchObject({ proxy_stats: { total_streams: 2 }, stream_count: 2, client_count: 2 });
    const performance = (await api.get('/stats/performance')).body;
    expect(performance.performance_metrics?.memory_rss_bytes).toBeGreaterThan(1e6);
    expect(performance.timestamp).toMatch(/\.\d{6}\+00:00$/);
    for (const part of ['performance_metrics', 'failover_stats', 'error_stats']) {
      expect(Object.keys(detailed[part] ?? {})).toEqual(Object.keys(performance[part] ?? {}));
    }
  });

  it.each([{ ENABLE_TRANSCODING_POOLING: 'false' }, { STREAM_SHARING_STRATEGY: 'disabled' }])(
    'say that nothing is pooled with %o',
    async (env) => {
      const api = await startApi(env);
      expect((await api.get('/stats')).body.pooling?.enabled).toBe(false);
    },
  );
});

describe('POST /test-connection', () => {
  it('is a success only when the source answers 200', async () => {
    const api = await startApi();
    const provider = await serve((request, response) => {
      response.statusCode = request.url === '/ok' ? 200 : 404;
      response.end('x');
    });
    const ask = async (url: string) => (await api.post('/test-connection', { url })).body;
    expect(await ask(`${provider.origin}/ok`)).toMatchObject({
      success: true,
      status_code: 200,
      url_tested: `${provider.origin}/ok`,
    });
    expect(await ask(`${provider.origin}/no`)).toMatchObject({ success: false, status_code: 404 });
    expect(await ask('http://127.0.0.1:1/')).toMatchObject({
      success: false,
      error: expect.stringContaining('refused'),
    });
    expect(await ask('nonsense')).toMatchObject({ success: false, error: expect.stringContaining('URL') });
    expect(await ask('http://169.254.169.254/latest/meta-data/')).toMatchObject({
      success: false,
      error: expect.stringContaining('never allowed'),
    });
  });
});

describe('the log', () => {
  it('has one line per request, without credentials', async () => {
    const api = await startApi({ API_TOKEN: 'tok-en' });
    const url = encodeURIComponent('http://joe:pw@127.0.0.1:1/live/joe/s3cret/1.ts');
    await api.get(`/stream/x?url=${url}&api_token=tok-en`);
    await api.get('/livez');
    const lines = api.logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ method: 'GET', status: 502 });
    for (const secret of ['tok-en', 's3cret', 'joe']) expect(api.logged.join('')).not.toContain(secret);
  });

  it('says why a request was refused, also by what it lacks, and says nothing of what machines ask', async () => {
    const api = await startApi({ API_TOKEN: 'tok-en' });
    const token = { 'x-api-token': 'tok-en' };
    await api.get('/stats');
    await api.post('/transcode', { url: 'nonsense', profile: 7 }, token);
    await api.post('/streams/none/failover', undefined, token);
    await api.get('/nowhere', token);
    await api.get('/health', token);
    await api.get('/hls/none/playlist.m3u8', token);
    const lines = api.logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
    expect(lines.map(({ status, url }) => `${status} ${url}`)).toEqual([
      '401 /stats',
      '422 /transcode',
      '404 /streams/none/failover',
      '404 /nowhere',
      '404 /hls/none/playlist.m3u8',
    ]);
    const [unproven, invalid, ...unknown] = lines.map(({ reason }) => reason);
    expect(unproven).toMatch(/token/i);
    expect(invalid).toMatch(/body\.url: .*http.*; body\.profile: /);
    expect(unknown).toEqual(['Stream not found', 'Not Found. The routes are listed at /docs.', 'Stream not found']);
  });
});
