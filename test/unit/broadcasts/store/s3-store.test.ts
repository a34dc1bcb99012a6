/** Recordings in a bucket: what is asked of it, and what people are told when it refuses. `stores.test.ts` has what every store does. */

import { expect, it } from 'vitest';
import { StoreError } from '../../../../services/proxy/src/broadcasts/store/recording-store.ts';
import { bucket } from './support.ts';

it('writes each file by one PUT of all of it, signed, under the prefix', async () => {
  const { store, server } = await bucket();
  await store.begin('news', 5);
  await store.write('news', 5, 'live000000.ts', Buffer.alloc(1_000, 7));
  await store.write('news', 5, 'index.json', '{}');
  expect(server.requests.map(({ method, url }) => `${method} ${url.split('?')[0]}`)).toEqual([
    ...['PUT /tv/rec/one/news/5/live000000.ts', 'PUT /tv/rec/one/news/5/index.json'],
  ]);
  const [{ headers, body }] = server.requests as [(typeof server.requests)[0]];
  expect(body).toEqual(Buffer.alloc(1_000, 7));
  expect(headers).toMatchObject({
    ...{ 'content-length': '1000', 'content-type': 'video/mp2t' },
    authorization: expect.stringMatching(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-test-1\/s3\/aws4_request, /,
    ),
    // The signature is over the content.
    'x-amz-content-sha256': expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(server.requests[1]?.headers['content-type']).toBe('application/json');
});

it('tries again what a busy bucket did not do', async () => {
  const { store, server } = await bucket();
  await store.begin('news', 5);
  server.refusals.push({ status: 503, code: 'SlowDown' }, { status: 500, code: 'InternalError' });
  await store.write('news', 5, 'live000000.ts', 'x');
  expect(server.requests).toHaveLength(3);
  expect(String(await store.read('news', 5, 'live000000.ts'))).toBe('x');
});

it('takes a part out of all, where the server does not know parts', async () => {
  const { store, server } = await bucket();
  await store.begin('news', 5);
  await store.write('news', 5, 'live000000.ts', '0123456789');
  const part = { start: 3, end: 5 };
  expect(String(await store.read('news', 5, 'live000000.ts', part))).toBe('34');
  expect(server.requests.at(-1)?.headers.range).toBe('bytes=3-4');
  server.ignoresRanges = true;
  expect(String(await store.read('news', 5, 'live000000.ts', part))).toBe('34');
});

it('removes what nobody shall list any more before the media', async () => {
  const { store, server } = await bucket();
  await store.begin('news', 5);
  for (const name of ['index.json', ...Array.from({ length: 7 }, (_, n) => `live00000${n}.ts`)]) {
    await store.write('news', 5, name, 'x');
  }
  server.requests.length = 0;
  await store.removeAll('news');
  expect(server.objects.size).toBe(0);
  const deleted = server.requests.filter(({ method }) => method === 'DELETE').map(({ url }) => url.split('?')[0]);
  expect(deleted[0]).toBe('/tv/rec/one/news/5/index.json');
  expect(deleted).toHaveLength(8);
});

it.each([
  [404, 'NoSuchBucket', 'written', 's3://tv/rec/one (RECORDINGS) cannot be written: there is no such bucket.'],
  [
    403,
    'AccessDenied',
    'written',
    's3://tv/rec/one (RECORDINGS) cannot be written: the worker has no right to (AccessDenied).',
  ],
  [
    403,
    'AccessDenied',
    'read',
    's3://tv/rec/one (RECORDINGS) cannot be read: the worker has no right to (AccessDenied).',
  ],
  [
    403,
    'AccessDenied',
    'listed',
    's3://tv/rec/one (RECORDINGS) cannot be listed: the worker has no right to (AccessDenied).',
  ],
  [
    403,
    'InvalidAccessKeyId',
    'written',
    's3://tv/rec/one (RECORDINGS) cannot be written: the access key is not known there (InvalidAccessKeyId).',
  ],
  [418, 'Teapot', 'written', 's3://tv/rec/one (RECORDINGS) cannot be written: Teapot.'],
])('says why: %i %s, when it is to be %s', async (status, code, what, sentence) => {
  const { store, server } = await bucket();
  await store.begin('news', 5);
  server.refusals.push({ status, code });
  const asked = {
    written: () => store.write('news', 5, 'index.json', '{}'),
    read: () => store.read('news', 5, 'index.json'),
    listed: () => store.ids(),
  };
  await expect(asked[what as 'written']()).rejects.toThrow(new StoreError(sentence, undefined));
});

it('says that nothing listens there', async () => {
  const { store, server } = await bucket({ maxAttempts: 1 });
  await server.close();
  await expect(store.ids()).rejects.toThrow('cannot be listed: nothing listens there (ECONNREFUSED).');
});
