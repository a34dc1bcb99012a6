/** The headers of a request to a provider: what a stream may set, and what follows a redirect. Pure. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { StreampoolError } from '../errors.ts';

/** Belong to the connection or to this proxy, so a stream cannot set them. */
const OWN = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
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

/** Given for the source's own server, so no other server gets them. */
const SAME_ORIGIN_ONLY = new Set(['authorization', 'cookie']);

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
  /** The URL that was asked for first: the one the stream's headers were given for. */
  readonly entryUrl: URL;
  /** The URL of this request, after redirects. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  readonly range?: string | undefined;
  /** `ETag` or `Last-Modified` that a resumed transfer insists on. */
  readonly ifRange?: string | undefined;
}

/**
 * The headers of one request. A stream's own header wins over the default of the same name; `Authorization` and
 * `Cookie` go to the origin they were given for only; user info in a URL becomes `Authorization: Basic`.
 */
export function hopHeaders(hop: HopHeaders): Record<string, string> {
  const sameOrigin = hop.url.origin === hop.entryUrl.origin;
  const result: Record<string, string> = { accept: '*/*', 'user-agent': hop.userAgent };
  const basic = basicAuthorization(hop.url) ?? (sameOrigin ? basicAuthorization(hop.entryUrl) : undefined);
  if (basic !== undefined) result.authorization = basic;
  for (const [name, value] of Object.entries(hop.headers)) {
    const lower = name.toLowerCase();
    if (OWN.has(lower) || (SAME_ORIGIN_ONLY.has(lower) && !sameOrigin)) continue;
    result[lower] = value;
  }
  // Compressed media would reach the viewer as it is.
  result['accept-encoding'] = 'identity';
  if (hop.range !== undefined) result.range = hop.range;
  if (hop.range !== undefined && hop.ifRange !== undefined) result['if-range'] = hop.ifRange;
  return result;
}

function basicAuthorization(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const plain = `${decoded(url.username)}:${decoded(url.password)}`;
  return `Basic ${Buffer.from(plain, 'utf8').toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
