/** The headers of a request to a provider: which a stream may set, and which follow a redirect. Pure. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { staysAtOrigin } from '../../../../shared/masking/what-is-masked.ts';
import { StreampoolError } from '../../errors.ts';
import { mergedCookies } from './cookies.ts';
import type { Credentials } from './digest-auth.ts';

/** Headers of the connection or of this proxy. A stream cannot set them. */
const OWN = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  // It asks for titles between the media.
  'icy-metadata',
  'if-range',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Refuses header names and values that would break a request apart (CR, LF, NUL, …).
 *
 * @throws {StreampoolError} 422 naming the header
 */
export function assertHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (cause) {
      const shown = JSON.stringify(name.slice(0, 60));
      throw new StreampoolError(422, `The header ${shown} has a name or a value that HTTP does not allow.`, { cause });
    }
  }
}

export interface HopHeaders {
  /** The URL of the first request. The stream's headers were given for it. */
  readonly entryUrl: URL;
  /** The URL of this request, after redirects. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  /** The marker by which this cluster recognises the request. It follows the `Via` of the stream's own headers. */
  readonly via: string;
  readonly range?: string | undefined;
  /** The cookies that the source's servers have set for this URL. */
  readonly cookies?: string | undefined;
  /** An answer to this server's Digest challenge. */
  readonly digest?: string | undefined;
  /** The `ETag` or `Last-Modified` that a resumed transfer requires. */
  readonly ifRange?: string | undefined;
}

/**
 * The headers of one request. A stream's own header overrides the default of the same name. Secret headers go only to
 * their own origin. User info in a URL becomes `Authorization: Basic`.
 */
export function hopHeaders(hop: HopHeaders): Record<string, string> {
  const sameOrigin = hop.url.origin === hop.entryUrl.origin;
  const result: Record<string, string> = { accept: '*/*', 'user-agent': hop.userAgent };
  const credentials = credentialsFor(hop.url, hop.entryUrl, hop.headers);
  if (credentials !== undefined) result.authorization = hop.digest ?? basic(credentials);
  for (const [name, value] of Object.entries(hop.headers)) {
    const lower = name.toLowerCase();
    if (OWN.has(lower) || (!sameOrigin && staysAtOrigin(lower))) continue;
    result[lower] = value;
  }
  result.via = result.via === undefined ? hop.via : `${result.via}, ${hop.via}`;
  const cookies = mergedCookies(result.cookie, hop.cookies);
  if (cookies !== undefined) result.cookie = cookies;
  // A viewer would get compressed media unchanged.
  result['accept-encoding'] = 'identity';
  if (hop.range !== undefined) result.range = hop.range;
  if (hop.range !== undefined && hop.ifRange !== undefined) result['if-range'] = hop.ifRange;
  return result;
}

/**
 * The user info for a hop: its own, or the source's on the same server. None when the stream has an `Authorization`
 * header for it.
 */
export function credentialsFor(
  url: URL,
  entryUrl: URL,
  headers: Readonly<Record<string, string>>,
): Credentials | undefined {
  const sameOrigin = url.origin === entryUrl.origin;
  if (sameOrigin && Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) return undefined;
  return credentialsIn(url) ?? (sameOrigin ? credentialsIn(entryUrl) : undefined);
}

function credentialsIn(url: URL): Credentials | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return { username: decoded(url.username), password: decoded(url.password) };
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
