/** Opens a source over HTTP(S): one connection of its own, every redirect checked, closed as soon as it is done with. */
import type { Readable } from 'node:stream';
import { buildConnector, Client } from 'undici';
import { SourceError } from '../errors.ts';
import { type EgressGuard, type PinnedAddress, pinnedLookup } from './egress-guard.ts';
import { maskUrl } from './mask.ts';
import { assertHeaders, hopHeaders } from './request-headers.ts';
import { openFailure } from './upstream-error.ts';

export interface UpstreamRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD';
  /** Sent as a JSON body; the method is POST then. */
  readonly json?: unknown;
  /** The stream's own headers. `Authorization` and `Cookie` are not sent to another origin. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  /** Value of a `Range` header. */
  readonly range?: string | undefined;
  /** Value of an `If-Range` header; only with `range`. */
  readonly ifRange?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For name, TCP and TLS of one hop. */
  readonly connectTimeoutMs: number;
  /** From then on to the response headers of that hop. */
  readonly headersTimeoutMs: number;
  readonly guard: EgressGuard;
  readonly maxRedirects?: number;
  /** The origin that `Authorization` and `Cookie` were given for, if it is not that of `url`. */
  readonly entryUrl?: string | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Names in lower case; repeated headers joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body, without a time limit of its own (see `BodyReader`). Destroying it closes the connection at once; so does its
   * end. Its errors are raw: `bodyFailure` puts them into words. It never throws for want of an `error` listener.
   */
  readonly body: Readable;
  /** The URL that answered, after redirects. It may carry credentials. */
  readonly url: string;
}

const DEFAULT_MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Sends a request and follows its redirects. Every status but a followed redirect is an answer, 404 and 500 too: see
 * `requireSuccess`. There is no keep-alive: a provider that counts connections sees none once the body is closed.
 *
 * @throws {SourceError} `refused`, `dns`, `timeout`, `tls`, `egress_refused`, `not_media` (no HTTP), `http_status` (redirects
 *   without end), `stopped` (the signal); no message contains a credential
 * @throws {StreampoolError} 422 for a header that HTTP does not allow
 */
export async function openUpstream(request: UpstreamRequest): Promise<UpstreamResponse> {
  assertHeaders({ ...request.headers, 'user-agent': request.userAgent });
  let url = parseUrl(request.url);
  const entryUrl = request.entryUrl === undefined ? url : parseUrl(request.entryUrl);
  const maxRedirects = request.maxRedirects ?? DEFAULT_MAX_REDIRECTS;
  for (let hops = 0; ; hops += 1) {
    const response = await openHop(request, url, entryUrl);
    const location = response.headers.location;
    if (!REDIRECTS.includes(response.status) || location === undefined) return response;
    response.body.destroy();
    if (hops === maxRedirects) {
      const message = `The source ${maskUrl(url)} redirects more than ${maxRedirects} times.`;
      throw new SourceError('http_status', message, { upstreamStatus: response.status });
    }
    url = parseUrl(location, url);
  }
}

/**
 * Passes a 2xx answer on; closes and throws for every other.
 *
 * @throws {SourceError} `http_status` with `upstreamStatus`
 */
export function requireSuccess(response: UpstreamResponse): UpstreamResponse {
  if (response.status >= 200 && response.status < 300) return response;
  response.body.destroy();
  const seconds = Number(response.headers['retry-after']);
  throw new SourceError('http_status', `The source ${maskUrl(response.url)} answered ${response.status}.`, {
    upstreamStatus: response.status,
    ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: seconds } : {}),
  });
}

function parseUrl(text: string, base?: URL): URL {
  try {
    return new URL(text, base);
  } catch (cause) {
    const where = base === undefined ? 'The source' : `The source ${maskUrl(base)} redirects to what`;
    throw new SourceError('refused', `${where} is not a URL.`, { cause });
  }
}

/** One request on one connection, with both time limits. */
async function openHop(request: UpstreamRequest, url: URL, entryUrl: URL): Promise<UpstreamResponse> {
  const abort = new AbortController();
  const stop = (): void => abort.abort(new SourceError('stopped', 'The source is no longer wanted.'));
  const { signal } = request;
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  let timer = deadline(request.connectTimeoutMs, 'accept a connection', url, abort);
  try {
    const pinned = await unlessAborted(request.guard.check(url), abort.signal);
    const client = pinnedClient(url, pinned, abort.signal, () => {
      clearTimeout(timer);
      timer = deadline(request.headersTimeoutMs, 'answer', url, abort);
    });
    try {
      return await send(client, request, url, entryUrl, abort.signal);
    } catch (error) {
      void client.destroy();
      throw error;
    }
  } catch (error) {
    throw openFailure(abort.signal.aborted ? abort.signal.reason : error, url);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

async function send(
  client: Client,
  request: UpstreamRequest,
  url: URL,
  entryUrl: URL,
  opening: AbortSignal,
): Promise<UpstreamResponse> {
  const posted = request.json === undefined ? undefined : JSON.stringify(request.json);
  const sent = hopHeaders({ ...request, url, entryUrl });
  const { statusCode, headers, body } = await client.request({
    path: `${url.pathname}${url.search}`,
    method: posted === undefined ? (request.method ?? 'GET') : 'POST',
    headers: posted === undefined ? sent : { ...sent, 'content-type': 'application/json' },
    body: posted ?? null,
    signal: opening,
  });
  // Whoever reads the body listens for its errors; when it is only destroyed there is nobody to tell.
  body.on('error', () => undefined);
  body.once('close', () => void client.destroy());
  const { signal } = request;
  const close = (): void => void body.destroy();
  signal?.addEventListener('abort', close, { once: true });
  body.once('close', () => signal?.removeEventListener('abort', close));
  return { status: statusCode, headers: flattened(headers), body, url: url.href };
}

/** A client whose only connection goes to the checked addresses, and which says when it stands. */
function pinnedClient(url: URL, pinned: PinnedAddress, opening: AbortSignal, connected: () => void): Client {
  const lookup = pinnedLookup(pinned);
  // The signal of a request reaches undici only once there is a connection; this one ends the attempt to make it.
  const connect = buildConnector({ lookup, autoSelectFamily: true, timeout: 0, port: 0, signal: opening });
  return new Client(url.origin, {
    connect: (options, callback) => {
      connect(options, (...result) => {
        if (result[0] === null) connected();
        callback(...result);
      });
    },
    // No keep-alive, and no time limits but our own.
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

function deadline(ms: number, what: string, url: URL, abort: AbortController): NodeJS.Timeout {
  const message = `The source ${maskUrl(url)} did not ${what} within ${ms / 1000} s.`;
  return setTimeout(() => abort.abort(new SourceError('timeout', message)), ms);
}

/** A name that takes for ever to resolve must not hold up the caller. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function flattened(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const text = Array.isArray(value) ? value.join(', ') : value;
    // What cannot be written into a header again would break the answer to a viewer.
    if (text !== undefined && /^[\t\x20-\x7e\x80-\xff]*$/.test(text)) result[name.toLowerCase()] = text;
  }
  return result;
}
