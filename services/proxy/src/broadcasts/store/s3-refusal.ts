/** Why a bucket does not do what it is asked, for people: what is wrong, and what to set. Pure. */

import type { S3Place } from './names.ts';

/** Names of errors of S3, of the SDK, and of Node. */
const REASONS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket',
  AccessDenied: 'the worker has no right to (AccessDenied)',
  InvalidAccessKeyId: 'the access key is not known there (InvalidAccessKeyId)',
  SignatureDoesNotMatch: 'the secret access key is wrong (SignatureDoesNotMatch)',
  ExpiredToken: 'the credentials have expired (ExpiredToken)',
  RequestTimeTooSkewed: "the worker's clock is wrong (RequestTimeTooSkewed)",
  PermanentRedirect: 'the bucket is in another region: set AWS_REGION',
  CredentialsProviderError: 'the worker has no credentials',
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)',
  ENOTFOUND: 'its host name is not known (ENOTFOUND)',
  TimeoutError: 'it does not answer in time',
};

/**
 * @param what cannot be done
 * @example 's3://tv/rec (RECORDINGS) cannot be written: there is no such bucket.'
 */
export function s3Refusal({ bucket, prefix }: S3Place, what: string, error: unknown): string {
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string };
  const known = REASONS[String(code)] ?? REASONS[name ?? ''];
  const isRegion = message?.startsWith('Region is missing') === true;
  const reason = isRegion ? 'its region is not known: set AWS_REGION' : (known ?? name ?? 'unknown reason');
  return `s3://${bucket}/${prefix.replace(/\/$/, '')} (RECORDINGS) cannot be ${what}: ${reason}.`;
}
