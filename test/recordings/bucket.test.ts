/** Recordings in a bucket of a server that others have written. */

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { segmentName } from '../../services/proxy/src/broadcasts/store/names.ts';
import { s3Client } from '../../services/proxy/src/broadcasts/store/s3-client.ts';
import { S3Store } from '../../services/proxy/src/broadcasts/store/s3-store.ts';
import { type Swift, startSwift } from '../support/swift.ts';

const BUCKET = 'recordings';
let swift: Swift;
beforeAll(async () => {
  swift = await startSwift(BUCKET);
});
afterAll(() => swift?.close());

const storeOf = (bucket = BUCKET, secretAccessKey = swift.environment.AWS_SECRET_ACCESS_KEY ?? '') =>
  new S3Store(
    s3Client(swift.environment, {
      region: 'us-east-1',
      credentials: { accessKeyId: swift.environment.AWS_ACCESS_KEY_ID ?? '', secretAccessKey },
    }),
    { bucket, prefix: 'one/' },
  );

it('keeps, lists and removes recordings in Swift', async () => {
  const store = storeOf();
  expect(await store.ids()).toEqual([]);
  const media = randomBytes(3_000_000);
  for (const epoch of [20, 3]) {
    await store.begin('news', epoch);
    await store.write('news', epoch, 'live000000.ts', media);
    await store.write('news', epoch, 'index.json', String(epoch));
    await store.write('news', epoch, 'index.json', `${epoch} again`);
  }
  expect(await store.ids()).toEqual(['news']);
  expect(await store.epochs('news')).toEqual([3, 20]);
  expect((await store.read('news', 3, 'live000000.ts'))?.equals(media)).toBe(true);
  expect(String(await store.read('news', 20, 'index.json'))).toBe('20 again');
  expect(await store.read('news', 20, 'live000009.ts')).toBeUndefined();
  // More than one answer of the server lists.
  const names = Array.from({ length: 1_010 }, (_, n) => segmentName(n));
  for (let at = 0; at < names.length; at += 20) {
    await Promise.all(names.slice(at, at + 20).map((name) => store.write('news', 20, name, 'x')));
  }
  await store.remove('news', 20, ['live000001.ts', 'live009999.ts']);
  await store.removeAll('news');
  expect(await store.ids()).toEqual([]);
});

it('says why it cannot', async () => {
  await expect(storeOf('another').ids()).rejects.toThrow('there is no such bucket');
  await expect(storeOf(BUCKET, 'wrong').ids()).rejects.toThrow('the secret access key is wrong');
});
