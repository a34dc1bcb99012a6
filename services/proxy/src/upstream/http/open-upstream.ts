/**
 * Opens a source over HTTP(S) on its own connection. It checks every redirect and closes the connection as soon as it
 * is not needed.
 */
import { systemClock } from '../../../../shared/clock.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { pauseBy } from '../../async.ts';
import { SourceError } from '../../errors.ts';
import type { PagePipe } from '../provider/page-pipe.ts';
import { isLimitStatus } from '../provider/provider-connections.ts';
import { hasStoppedWorking } from '../provider/source-address.ts';
import { DigestSession, digestChallenge } from './digest-auth.ts';
import { pathOf } from './hop.ts';
import { methodOf, openHop } from './open-hop.ts';
import { assertHeaders, credentialsFor } from './request-headers.ts';
import { SourceMemory } from './source-memory.ts';
import type { UpstreamRequest, UpstreamResponse } from './upstream-request.ts';

/** FFmpeg follows 8. */
const DEFAULT_MAX_REDIRECTS = 10;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Sends a request and follows its redirects. Every other status is an answer, also 404 and 500: see `requireSuccess`.
 * Without `kept` there is no keep-alive, so a provider that counts connections sees none once the body is closed.
 *
 * @throws {SourceError} `refused`, `dns`, `timeout`, `tls`, `egress_refused`, `not_media` (no HTTP), `http_status`
 * (endless redirects), `loop` (it leads back to this proxy), `stopped` (the signal); no message contains a credential
 * @throws {StreampoolError} 422 for a header that HTTP does not allow
 */
export async function openUpstream(request: UpstreamRequest): Promise<UpstreamResponse> {
  if (request.pipe !== undefined) return openedPipe(request, request.pipe);
  assertHeaders({ ...request.headers, 'user-agent': request.userAgent });
  const memory = request.memory ?? new SourceMemory();
  const first = parseUrl(request.url);
  const entryUrl = request.entryUrl === undefined ? first : parseUrl(request.entryUrl);
  const { clock = systemClock } = request;
  const sinceMs = clock.monotonicMs();
  let hasMadeRoom = false;
  for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(2 * delayMs, LAST_RETRY_MS)) {
    const response = await admitted(request, first, entryUrl, memory);
    if (response.status === LOOP_DETECTED && request.guard.marker.count(response.headers.via) > 0) {
      await close(response);
      const message = `The source ${maskUrl(first)} leads back to this proxy, to the stream that reads it.`;
      throw new SourceError('loop', message, { upstreamStatus: response.status });
    }
    const isOver = request.isFound === true && hasStoppedWorking(response.status);
    if (isOver || !isLimitStatus(response.status)) {
      if (request.account !== undefined) void response.closed.then(request.account.opened());
      return { ...response, received: memory.received };
    }
    try {
      if (!hasMadeRoom) await request.account?.makeRoom(request.signal);
    } catch (error) {
      await close(response);
      throw error;
    }
    hasMadeRoom = true;
    if (request.account?.refusalMayPass(clock.monotonicMs() - sinceMs) !== true) return response;
    await close(response);
    await pauseBy(clock, delayMs, request.signal);
  }
}

/** Some hosts use this status for other things, so it counts only from a worker. */
const LOOP_DETECTED = 508;

/** First delay before a provider is asked again whether it has noticed a closed connection. */
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 1_000;

async function openedPipe(request: UpstreamRequest, pipe: PagePipe): Promise<UpstreamResponse> {
  const { openPipe, url, signal, account, memory } = request;
  if (openPipe === undefined) throw new SourceError('refused', 'The output of a page resolver is not read here.');
  const { body, closed } = await openPipe(pipe, signal);
  if (account !== undefined) void closed.then(account.opened());
  return { status: 200, headers: {}, body, closed, url, received: memory?.received };
}

/** Sends the request. If it is refused with cookies of an earlier session, sends it again without them. */
async function admitted(
  request: UpstreamRequest,
  first: URL,
  entryUrl: URL,
  memory: SourceMemory,
): Promise<UpstreamResponse> {
  const hadCookies = memory.cookies.headerFor(first) !== undefined;
  const response = await settled(request, first, entryUrl, memory);
  // The cookies of an earlier session may be the cause. Only the source's own address sets new ones.
  const isRefused = response.status === 401 || response.status === 403;
  if (!isRefused || !hadCookies || first.href !== entryUrl.href) return response;
  await close(response);
  memory.cookies.forget();
  return followed(request, first, entryUrl, memory);
}

/**
 * Starts where the last redirects led, if the source is sticky and that still works. Otherwise starts from the
 * beginning.
 */
async function settled(
  request: UpstreamRequest,
  first: URL,
  entryUrl: URL,
  memory: SourceMemory,
): Promise<UpstreamResponse> {
  const target = request.sticky === true ? memory.targetOf(first) : undefined;
  if (target !== undefined) {
    const response = await followed(request, target, entryUrl, memory).catch((error: unknown) => {
      if (!(error instanceof SourceError) || error.reason === 'stopped') throw error;
      return undefined;
    });
    if (response !== undefined && (response.status < 400 || response.status === 416)) return response;
    if (response !== undefined) await close(response);
    memory.noteTarget(first, undefined);
  }
  const response = await followed(request, first, entryUrl, memory);
  const isElsewhere = response.status < 300 && response.url !== first.href;
  if (request.sticky === true && isElsewhere) memory.noteTarget(first, new URL(response.url));
  return response;
}

async function followed(
  request: UpstreamRequest,
  first: URL,
  entryUrl: URL,
  memory: SourceMemory,
): Promise<UpstreamResponse> {
  const maxRedirects = request.maxRedirects ?? DEFAULT_MAX_REDIRECTS;
  let url = first;
  for (let hops = 0; ; hops += 1) {
    const response = await authorized(request, url, entryUrl, memory);
    const { location } = response.headers;
    if (!REDIRECTS.includes(response.status) || location === undefined) return response;
    await close(response);
    if (hops === maxRedirects) {
      const message = `The source ${maskUrl(url)} redirects more than ${maxRedirects} times.`;
      throw new SourceError('http_status', message, { upstreamStatus: response.status });
    }
    url = parseUrl(location, url);
  }
}

/** An account that allows one connection must not see the next while this one is open. */
async function close({ body, closed }: UpstreamResponse): Promise<void> {
  body.destroy();
  await closed;
}

/** One hop. Asks again with an answer to a Digest challenge if there are credentials for it. */
async function authorized(
  request: UpstreamRequest,
  url: URL,
  entryUrl: URL,
  memory: SourceMemory,
): Promise<UpstreamResponse> {
  const credentials = credentialsFor(url, entryUrl, request.headers);
  for (let tries = 0; ; tries += 1) {
    const digest = credentials && memory.digestOf(url)?.authorization(methodOf(request), pathOf(url), credentials);
    const response = await openHop(request, url, entryUrl, memory, digest);
    if (response.status !== 401 || credentials === undefined || tries === MAX_CHALLENGES) return response;
    const challenge = digestChallenge(response.headers['www-authenticate']);
    // A second challenge means a wrong password, unless it says that only the nonce was too old.
    if (challenge === undefined || (tries > 0 && !challenge.stale)) return response;
    memory.noteDigest(url, new DigestSession(challenge));
    await close(response);
  }
}

/** A remembered nonce that is stale, a fresh one, and one more from a cluster of servers. */
const MAX_CHALLENGES = 3;

/**
 * Passes a 2xx answer on. For any other status it closes the answer and throws.
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
    const where = base === undefined ? 'The source' : `The source ${maskUrl(base)} redirects to something that`;
    throw new SourceError('refused', `${where} is not a URL.`, { cause });
  }
}
