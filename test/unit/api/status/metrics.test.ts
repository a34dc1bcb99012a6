// GET /metrics: what scrapers read, and the token they have to show.
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../../../services/shared/metric-names.ts';
import { parseMetrics } from '../../../support/metrics.ts';
import { startApi } from '../support.ts';

describe('/metrics', () => {
  it('has every metric once, with its help and its type, below ROOT_PATH too', async () => {
    const api = await startApi();
    const { status, headers, text } = await api.get('/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const names = Object.values(METRICS);
    expect(Object.keys(parseMetrics(text)).sort()).toEqual([...names].sort());
    for (const name of names) {
      expect(text.match(new RegExp(`^# HELP ${name} \\S.*\\.$`, 'gm'))).toHaveLength(1);
      const type = name.endsWith('_total') ? 'counter' : 'gauge';
      expect(text.match(new RegExp(`^# TYPE ${name} ${type}$`, 'gm'))).toHaveLength(1);
    }
    expect((await api.get('/m3u-proxy/metrics')).status).toBe(200);
  });

  it('says the same when it is asked again: nothing adds up by being read', async () => {
    const api = await startApi();
    const counters = async () => {
      const { streampool_cpu_seconds_total: _, ...others } = parseMetrics((await api.get('/metrics')).text);
      return Object.entries(others).filter(([name]) => name.endsWith('_total'));
    };
    expect(await counters()).toEqual(await counters());
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
