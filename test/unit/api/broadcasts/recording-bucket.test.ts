/** A recording in a bucket, from the provider to the file that somebody downloads, and what its caller hears when the bucket refuses. */

import { expect, it, onTestFinished, vi } from 'vitest';
import { S3Server } from '../../../support/s3-server.ts';
import { until } from '../../../support/until.ts';
import { streamPictures } from '../../upstream/direct/support.ts';
import { serve } from '../../upstream/support.ts';
import { startApi } from '../support.ts';

it('records into a bucket, plays from it, and leaves nothing in it', async () => {
  const server = await S3Server.start();
  onTestFinished(() => server.close());
  vi.stubEnv('AWS_REGION', 'eu-test-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
  onTestFinished(() => void vi.unstubAllEnvs());
  const where = { RECORDINGS: 's3://the-bucket/rec', AWS_ENDPOINT_URL_S3: server.origin };
  const api = await startApi({ HLS_SEGMENT_TIME: '1', ...where });
  const { origin } = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    streamPictures(response);
  });
  const { body } = await api.post('/streams', { url: `${origin}/live.ts` });
  const record = `/streams/${body.stream_id}/record`;
  const { body: begun } = await api.post(record, { segment_duration: 1 });
  expect(begun.status).toBe('running');
  const id = String(begun.recording_id);
  const media = () => [...server.objects].filter(([key]) => key.endsWith('.ts'));
  await until(() => media().length > 0, { what: 'a segment in the bucket', timeoutMs: 10_000 });
  const { body: stopped } = await api.post(`/recordings/${id}/stop`);
  const file = await api.app.inject({ url: String(stopped.download_url) });
  expect(media()[0]?.[0]).toMatch(new RegExp(`^the-bucket/rec/${id}/\\d+/live000000\\.ts$`));
  expect(file.rawPayload.equals(Buffer.concat(media().map(([, content]) => content)))).toBe(true);

  // Of a range, no more is read than is asked for.
  server.requests.length = 0;
  const range = await api.app.inject({ url: String(stopped.download_url), headers: { range: 'bytes=100-187' } });
  expect([range.statusCode, range.rawPayload.equals(file.rawPayload.subarray(100, 188))]).toEqual([206, true]);
  const gets = server.requests.filter(({ url }) => /\.ts(\?|$)/.test(url));
  expect(gets.map(({ method, headers }) => [method, headers.range])).toEqual([['GET', 'bytes=100-187']]);

  server.refusal = { status: 403, code: 'AccessDenied' };
  const refused = await api.get(String(stopped.download_url));
  const sentence =
    /^s3:\/\/the-bucket\/rec \(RECORDINGS\) cannot be \w+: the worker has no right to \(AccessDenied\)\.$/;
  expect([refused.status, refused.body.detail]).toEqual([503, expect.stringMatching(sentence)]);
  server.refusal = undefined;
  expect((await api.del(`/recordings/${id}`)).status).toBe(200);
  expect(server.objects.size).toBe(0);
  server.refusal = { status: 404, code: 'NoSuchBucket' };
  const none = await api.post(record);
  expect([none.status, none.body.detail]).toEqual([502, expect.stringContaining('there is no such bucket')]);
});
