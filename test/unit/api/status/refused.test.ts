/** The record of events says what did not play and who was refused, but not as often as players ask. */

import { expect, it } from 'vitest';
import { serve } from '../../upstream/support.ts';
import { addViewer, startApi, type TestApi } from '../support.ts';

async function told(api: TestApi, type: string): Promise<unknown[]> {
  return (await api.get(`/events?type=${type}`)).body.events as unknown as unknown[];
}

it('names the limit that has refused somebody', async () => {
  const api = await startApi({ MAX_STREAMS: '1' });
  const { body } = await api.post('/streams', { url: 'http://a.example/live/1.ts' });
  await addViewer(api, String(body.stream_id), 'a');
  for (let times = 0; times < 2; times++) {
    expect((await api.post('/streams', { url: 'http://a.example/live/2.ts' })).status).toBe(503);
  }
  expect(await told(api, 'limit_reached')).toMatchObject([
    { stream_id: null, data: { limit: 'streams', who: [], detail: expect.stringContaining('MAX_STREAMS') } },
  ]);
});

it('says why a stream does not play', async () => {
  const provider = await serve((_, response) => void response.writeHead(500).end());
  const api = await startApi();
  const url = `${provider.origin}/live/joe/s3cret/1.ts`;
  const { body } = await api.post('/streams', { url, metadata: { name: 'News' } });
  for (let times = 0; times < 2; times++) {
    expect((await api.get(`/stream/${String(body.stream_id)}`)).status).toBe(502);
  }
  const failures = await told(api, 'stream_failed');
  const data = { name: 'News', error_type: 'http_status', reason: 'no_failover_available' };
  expect(failures).toMatchObject([{ stream_id: body.stream_id, data }]);
  expect(JSON.stringify(failures)).not.toContain('s3cret');
});
