/**
 * Signatures of playback URLs: who has one may play that stream until it expires. Pure.
 *
 * `<expiry>.<code>`: the expiry in seconds since 1970, and an HMAC-SHA256 (base64url) over it and the stream's id. One query
 * parameter, so that a URL needs no quotes in most shells, and clients can add their own parameters behind it.
 */

import { createHmac } from 'node:crypto';
import { sameText } from '../../../../shared/same-text.ts';

/** The query parameter that carries it. */
export const SIGNATURE = 'signature';

export type Judgement =
  | { readonly kind: 'valid' | 'missing' | 'wrong' }
  /** It was valid once. */
  | { readonly kind: 'expired'; readonly expiredAtMs: number };

/** As many digits as a time in seconds has for the next thousand years, written as only one text can. */
const FORMAT = /^([1-9]\d{0,10})\.[\w-]{43}$/;

/**
 * @param expiresAtMs rounded up to whole seconds
 * @example sign(secret, '5b0c…', Date.now() + 3_600_000) // '1790000000.q3Zx…'
 */
export function sign(secret: string, streamId: string, expiresAtMs: number): string {
  return signatureOf(secret, streamId, Math.ceil(expiresAtMs / 1000));
}

/** What a signature is worth for this stream now. Only one that was made with `secret` is said to have expired. */
export function judge(secret: string, streamId: string, signature: string | undefined, nowMs: number): Judgement {
  if (signature === undefined || signature === '') return { kind: 'missing' };
  const expiresAtS = Number(FORMAT.exec(signature)?.[1] ?? Number.NaN);
  if (Number.isNaN(expiresAtS)) return { kind: 'wrong' };
  if (!sameText(signature, signatureOf(secret, streamId, expiresAtS))) return { kind: 'wrong' };
  const expiresAtMs = expiresAtS * 1000;
  return nowMs < expiresAtMs ? { kind: 'valid' } : { kind: 'expired', expiredAtMs: expiresAtMs };
}

function signatureOf(secret: string, streamId: string, expiresAtS: number): string {
  // The id comes last: whatever is in it, no other pair is written like this one.
  const code = createHmac('sha256', secret).update(`streampool playback ${expiresAtS} ${streamId}`);
  return `${expiresAtS}.${code.digest('base64url')}`;
}
