/** A bucket for one test. */

import { onTestFinished } from 'vitest';
import { s3Client } from '../../../../services/proxy/src/broadcasts/store/s3-client.ts';
import { S3Store } from '../../../../services/proxy/src/broadcasts/store/s3-store.ts';
import { S3Server } from '../../../support/s3-server.ts';

/** A store in a bucket of a server of its own. The keys are from the documentation of Amazon. */
export async function bucket(more: { readonly maxAttempts?: number } = {}) {
  const server = await S3Server.start();
  onTestFinished(() => server.close());
  const client = s3Client(
    { AWS_ENDPOINT_URL_S3: server.origin },
    {
      ...{ region: 'eu-test-1', ...more },
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
    },
  );
  onTestFinished(() => client.destroy());
  return { store: new S3Store(client, { bucket: 'tv', prefix: 'rec/one/' }), server };
}
