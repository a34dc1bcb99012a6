/** The client of a bucket. It reaches the endpoint that the operator has set, and nothing that a caller of the API names. */

import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

/** A connection within the region takes some ms. */
const CONNECT_MS = 3_000;
/** A segment of some MB takes less. */
const ANSWER_MS = 20_000;
/** With pauses that grow, a PUT is tried for some 10 s. The feed has its last segments for longer than that. */
const ATTEMPTS = 7;

/** Where the SDK takes another server than that of Amazon from. Its name then is no part of the bucket's: servers on a path want that. */
const ENDPOINTS = ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'] as const;

/**
 * Region, credentials and endpoint are those that every program with an SDK of Amazon has.
 * @param environment of the worker
 * @param more in place of what the SDK finds by itself
 */
export function s3Client(
  environment: Readonly<Record<string, string | undefined>>,
  more: S3ClientConfig = {},
): S3Client {
  const endpoint = ENDPOINTS.map((name) => environment[name]).find((url) => url !== undefined && url !== '');
  return new S3Client({
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
    // Other servers do not know the checksums that the SDK adds by itself. The signature is over the content as well.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...more,
  });
}
