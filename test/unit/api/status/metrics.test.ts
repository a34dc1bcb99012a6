// GET /metrics: what scrapers read, and the token they have to show.
import { describe, expect, it } from 'vitest';
import { SERIES } from '../../../../services/proxy/src/metrics/series.ts';
import { JOIN_RESULTS } from '../../../../services/proxy/src/viewers/joins.ts';
import { METRICS, type MetricKey } from '../../../../services/shared/metric-names.ts';
import { samplesIn, sumOf } from '../../../support/metrics.ts';
import { serve } from '../../upstream/support.ts';
import { startApi } from '../support.ts';

const KEYS = Object.keys(METRICS) as MetricKey[];

describe('/metrics', () => {
  it('has every metric once, with its help and its type, below ROOT_PATH too', async () => {
    const api = await startApi();
    const { status, headers, text } = await api.get('/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(types.toSorted()).toEqual(KEYS.map((key) => `${METRICS[key]} ${SERIES[key].kind}`).toSorted());
    for (const key of KEYS) {
      expect(text.match(new RegExp(`^# HELP ${METRICS[key]} \\S[^\`]*\\.$`, 'gm')), key).toHaveLength(1);
    }
    expect((await api.get('/m3u-proxy/metrics')).status).toBe(200);
  });

  it('has the names that Prometheus wants: counters end in _total, histograms in their unit', () => {
    for (const key of KEYS) {
      const name = METRICS[key];
      expect(name.endsWith('_total'), name).toBe(SERIES[key].kind === 'counter');
      if (SERIES[key].kind === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });

  it('says the same when it is asked again: nothing adds up by being read', async () => {
    const api = await startApi();
    const counters = async () => {
      const samples = samplesIn((await api.get('/metrics')).text);
      samples.delete(METRICS.cpuSeconds);
      return [...samples].filter(([name]) => /_total\b|_count\b/.test(name));
    };
    expect(await counters()).toEqual(await counters());
  });

  it('says what runs, and counts what came of viewers, with the bytes that the source has sent', async () => {
    const api = await startApi({ WORKER_ID: 'w1' });
    expect(sumOf((await api.get('/metrics')).text, METRICS.info, { worker: 'w1' })).toBe(1);
    expect((await api.get(`/stream/${'0'.repeat(32)}`)).status).toBe(404);
    expect((await api.get(`/hls/${'0'.repeat(32)}/playlist.m3u8`)).status).toBe(404);
    const film = Buffer.alloc(100_000, 7);
    const source = await serve((request, response) => {
      const isThere = request.url === '/film.mkv';
      response.writeHead(isThere ? 200 : 500, { 'content-type': 'video/x-matroska', 'content-length': film.length });
      response.end(film);
    });
    const stream = async (path: string) =>
      (await api.post('/streams', { url: `${source.origin}${path}` })).body.stream_id;
    expect((await api.get(`/stream/${await stream('/film.mkv')}`)).status).toBe(200);
    expect((await api.get(`/stream/${await stream('/broken.ts')}`)).status).toBe(502);
    await api.post('/workers/w1/drain?force=true');
    expect((await api.get(`/stream/${await stream('/film.mkv')}`)).status).toBe(503);
    const { text } = await api.get('/metrics');
    const joins = JOIN_RESULTS.map((result) => [result, sumOf(text, METRICS.joins, { result })]);
    expect(Object.fromEntries(joins)).toEqual({ ok: 1, full: 1, refused: 2, failed: 1 });
    expect(sumOf(text, `${METRICS.joinSeconds}_count`, { start: 'cold' })).toBe(1);
    expect(sumOf(text, METRICS.sourceBytes)).toBeGreaterThanOrEqual(film.length);
    expect(sumOf(text, METRICS.events, { type: 'client_connected' })).toBe(2);
    const { host } = new URL(source.origin);
    expect(sumOf(text, METRICS.providerRefusals, { provider: host })).toBe(0);
    expect(text).not.toMatch(/film\.mkv\?|http:/);
  });

  it('has no series of single streams with METRICS_PER_STREAM=false', async () => {
    const api = await startApi({ METRICS_PER_STREAM: 'false' });
    expect((await api.get('/metrics')).text).not.toMatch(/streampool_stream_/);
  });

  it.each([
    [{}, '', 401],
    [{ authorization: 'Bearer wrong' }, '', 403],
    [{ authorization: 'Basic s3cret' }, '', 401],
    [{ authorization: 'Bearer s3cret' }, '', 200],
    [{ 'x-api-token': 's3cret' }, '', 200],
    [{}, '?api_token=s3cret', 200],
  ])('with API_TOKEN, %j %s: %d', async (headers, query, status) => {
    const api = await startApi({ API_TOKEN: 's3cret' });
    expect((await api.get(`/metrics${query}`, headers)).status).toBe(status);
  });
});
