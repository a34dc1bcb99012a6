/**
 * Signatures of playback URLs: a URL with one may play that stream until it expires. Pure.
 *
 * `<expiry>.<code>`: the expiry in seconds since 1970, and an HMAC-SHA256 (base64url) over it and the stream id. It is one query
 * parameter, so most shells need no quotes around the URL, and clients can append their own parameters.
 */

import { createHmac } from 'node:crypto';
import { sameText } from '../../../../shared/same-text.ts';

/** The query parameter that carries the signature. */
export const SIGNATURE = 'signature';

export type Judgement =
  | { readonly kind: 'valid' | 'missing' | 'wrong' }
  /** It was valid once; a forged one is `wrong`. */
  | { readonly kind: 'expired'; readonly expiredAtMs: number };

/** Enough digits for a time in seconds for centuries. No leading zero, so each time has exactly one text. */
const FORMAT = /^([1-9]\d{0,10})\.[\w-]{43}$/;

/**
 * @param expiresAtMs rounded up to whole seconds
 * @example sign(secret, '5b0c…', Date.now() + 3_600_000) // '1790000000.q3Zx…'
 */
export function sign(secret: string, streamId: string, expiresAtMs: number): string {
  return signatureOf(secret, streamId, Math.ceil(expiresAtMs / 1000));
}

/** Whether a signature is valid for this stream now. Only one that was made with one of the secrets can be `expired`. */
export function judge(
  secrets: readonly string[],
  streamId: string,
  signature: string | undefined,
  nowMs: number,
): Judgement {
  if (signature === undefined || signature === '') return { kind: 'missing' };
  const expiresAtS = Number(FORMAT.exec(signature)?.[1] ?? Number.NaN);
  if (Number.isNaN(expiresAtS)) return { kind: 'wrong' };
  if (!secrets.some((secret) => sameText(signature, signatureOf(secret, streamId, expiresAtS))))
    return { kind: 'wrong' };
  const expiresAtMs = expiresAtS * 1000;
  return nowMs < expiresAtMs ? { kind: 'valid' } : { kind: 'expired', expiredAtMs: expiresAtMs };
}

function signatureOf(secret: string, streamId: string, expiresAtS: number): string {
  // The id comes last: no other pair of expiry and id then gives the same text.
  const code = createHmac('sha256', secret).update(`streampool playback ${expiresAtS} ${streamId}`);
  return `${expiresAtS}.${code.digest('base64url')}`;
}
