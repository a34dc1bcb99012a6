/** Asks one server once, with the egress guard, both time limits, and the parser that its answer needs. */

import { type Clock, systemClock, type Timer } from '../../../../shared/clock.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import type { PinnedAddress } from '../egress/egress-guard.ts';
import { plain } from '../messages/plain-body.ts';
import { openFailure } from '../messages/upstream-error.ts';
import { flattened } from './flat-headers.ts';
import type { Hop, HopRequest, HopResponse } from './hop.ts';
import type { SourceConnections } from './kept-connections.ts';
import { lenientHop } from './lenient-hop.ts';
import { hopHeaders } from './request-headers.ts';
import type { SourceMemory } from './source-memory.ts';
import { isMalformed, strictHop } from './strict-connection.ts';
import type { UpstreamRequest, UpstreamResponse } from './upstream-request.ts';

/**
 * One request to one server: with the strict parser, unless that has failed with this server before. An answer that the strict parser
 * cannot read is asked for again. A body would do its work twice then, so the parser that reads every answer sends it.
 */
export async function openHop(
  request: UpstreamRequest,
  url: URL,
  entryUrl: URL,
  memory: SourceMemory,
  digest: string | undefined,
): Promise<UpstreamResponse> {
  const cookies = memory.cookies.headerFor(url);
  const via = request.guard.marker.via(entryUrl, request.via);
  const headers = hopHeaders({ ...request, url, entryUrl, cookies, digest, via });
  const malformed = () => memory.noteLenient(url);
  if (request.hop !== undefined) return opened(request.hop, request, url, headers, memory, malformed);
  if (!hasBody(request) && !memory.isLenient(url)) {
    try {
      return await opened(strictHop, request, url, headers, memory, malformed);
    } catch (error) {
      if (!(error instanceof SourceError) || !isMalformed(error.cause)) throw error;
      malformed();
      // The provider may count that connection for a moment.
      request.account?.opened()();
    }
  }
  return opened(lenientHop, request, url, headers, memory, malformed);
}

/** One request on one connection, with both time limits. */
async function opened(
  hop: Hop,
  request: UpstreamRequest,
  url: URL,
  headers: Record<string, string>,
  memory: SourceMemory,
  malformed: () => void,
): Promise<UpstreamResponse> {
  const abort = new AbortController();
  const stop = (): void => abort.abort(new SourceError('stopped', 'The source is no longer wanted.'));
  const { signal, json, text, clock = systemClock } = request;
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  let timer = deadline(clock, request.connectTimeoutMs, 'accept a connection', url, abort);
  const connected = () => {
    clock.clearTimeout(timer);
    timer = deadline(clock, request.headersTimeoutMs, 'answer', url, abort);
  };
  try {
    const ask = {
      url,
      method: methodOf(request),
      headers: json === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      body: json === undefined ? text : JSON.stringify(json),
      opening: abort.signal,
      connected,
      malformed,
    };
    const check = () => unlessAborted(request.guard.check(url), abort.signal);
    const response = await answered(hop, ask, check, request.kept);
    memory.cookies.store([response.headers['set-cookie'] ?? []].flat(), url);
    return answerOf(response, url, signal);
  } catch (error) {
    throw openFailure(abort.signal.aborted ? abort.signal.reason : error, url);
  } finally {
    clock.clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

async function answered(
  hop: Hop,
  ask: Omit<HopRequest, 'pinned'>,
  check: () => Promise<PinnedAddress>,
  connections: SourceConnections | undefined,
): Promise<HopResponse> {
  if (hop === strictHop && connections !== undefined) return connections.ask(ask, check);
  await connections?.makeRoom(ask.url.origin);
  return hop({ ...ask, pinned: await check() });
}

function answerOf({ status, headers, body, closed }: HopResponse, url: URL, signal: AbortSignal | undefined) {
  const close = (): void => void body.destroy();
  signal?.addEventListener('abort', close, { once: true });
  body.once('close', () => signal?.removeEventListener('abort', close));
  try {
    return plain({ status, headers: flattened(headers), body, closed, url: url.href });
  } catch (error) {
    close();
    throw error;
  }
}

function deadline(clock: Clock, ms: number, what: string, url: URL, abort: AbortController): Timer {
  const message = `The source ${maskUrl(url)} did not ${what} within ${ms / 1000} s.`;
  return clock.setTimeout(() => abort.abort(new SourceError('timeout', message)), ms);
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

export function methodOf(request: UpstreamRequest): 'GET' | 'HEAD' | 'POST' {
  return hasBody(request) ? 'POST' : (request.method ?? 'GET');
}

function hasBody({ json, text }: UpstreamRequest): boolean {
  return json !== undefined || text !== undefined;
}
