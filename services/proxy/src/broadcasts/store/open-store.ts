/** The store that RECORDINGS names: a folder, or a bucket. */

import { DirectoryStore } from './directory-store.ts';
import type { RecordingStore } from './recording-store.ts';

const BUCKET = /^s3:\/\/([^/]+)\/?(.*?)\/*$/;

/**
 * @param place an absolute path, or `s3://bucket/prefix`
 * @param isShared all workers have the same folder; of a bucket they always do
 * @param environment where a bucket's client finds its region and credentials
 */
export async function openStore(
  place: string,
  isShared: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RecordingStore> {
  const [, bucket, path = ''] = BUCKET.exec(place) ?? [];
  if (bucket === undefined) return new DirectoryStore(place, isShared);
  // A worker without a bucket does without the SDK, which takes 20 MB.
  const [{ s3Client }, { S3Store }] = await Promise.all([import('./s3-client.ts'), import('./s3-store.ts')]);
  return new S3Store(s3Client(environment), { bucket, prefix: path === '' ? '' : `${path}/` });
}
