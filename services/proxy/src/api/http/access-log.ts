/** One log line per request, when its response is over, with the reason if it was refused; hides credentials in its URL. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../../../shared/log.ts';
import { decoded } from '../../../../shared/masking/decoded.ts';
import { maskText } from '../../../../shared/masking/mask.ts';
import { maskParameters } from '../../../../shared/masking/parameters.ts';
import { HIDDEN } from '../../../../shared/masking/what-is-masked.ts';
import type { TrustProxy } from '../../config/config.ts';
import { senderOf } from './sender.ts';
import type { InvalidDetail } from './validation.ts';

/** Machines ask for these every few seconds. */
const QUIET = new Set(['/livez', '/readyz', '/health', '/metrics']);
/** A viewer who plays it has lines of its own: `viewer joined`, `viewer left`. */
const PLAYS = '/stream/:stream_id';

/** Why requests were refused, for their lines. */
const refusals = new WeakMap<FastifyRequest, string>();

/** Keeps why a request is refused, for its line in the log. */
export function noteRefusal(request: FastifyRequest, detail: unknown): void {
  refusals.set(request, typeof detail === 'string' ? detail : reasonIn(detail));
}

/** What is wrong with which fields, of the details that a 422 has. */
function reasonIn(details: unknown): string {
  const each = (Array.isArray(details) ? details : [details]) as readonly Partial<InvalidDetail>[];
  const said = each.map(({ loc = [], msg = '' }) => `${loc.join('.')}: ${msg}`);
  const more = said.length > SAID_DETAILS ? `, and ${said.length - SAID_DETAILS} more` : '';
  return `${said.slice(0, SAID_DETAILS).join('; ')}${more}`;
}

/** As many as one reads in a line. */
const SAID_DETAILS = 3;

/** The ticket of a viewer of HLS, behind the id of its stream. */
const TICKET = /(\/hls\/[0-9a-f]{32}-)[0-9a-f]+/;
/** What stands for an address of the provider there: sealed, so nobody can read it, but whoever has it can use it. */
const REFERENCE = /([?&](?:r|url)=)[\w-]+(?=&|$)/g;

/** Logs a request when its response ends or its connection closes. */
export function logRequest(log: Logger, trustProxy: TrustProxy, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? '';
  const startedMs = performance.now();
  reply.raw.once('close', () => {
    const { statusCode: status, headersSent, writableFinished } = reply.raw;
    // A player of HLS asks for something every second or two.
    const isCommon = QUIET.has(route) || route.startsWith('/hls/') || (route === PLAYS && headersSent);
    const level = isCommon && !isRefused(route, status) ? 'debug' : 'info';
    if (!log.isLevelEnabled(level)) return;
    const fields = {
      method: request.method,
      url: maskRequestUrl(request.originalUrl),
      status,
      ms: Math.round(performance.now() - startedMs),
      ip: senderOf(request, trustProxy),
      ...(writableFinished ? {} : { cut: true }),
      ...(status < 400 ? {} : { reason: refusals.get(request) }),
    };
    log[level](fields, 'request');
  });
}

/** A worker that drains is not ready, and says so all the time. */
function isRefused(route: string, status: number): boolean {
  return status >= 400 && !QUIET.has(route);
}

/**
 * A request's path and query without credentials: neither its own, nor those of URLs in it, nor misspelled ones. Generated
 * ids (streams, clients, playlists) stay, because people search the log for them.
 */
export function maskRequestUrl(url: string): string {
  const at = url.indexOf('?');
  const path = (at < 0 ? url : url.slice(0, at)).replace(TICKET, `$1${HIDDEN}`);
  const plain = decoded(path);
  const masked = maskText(plain);
  const query = at < 0 ? '' : maskParameters(url.slice(at), maskText, 'shown');
  return (
    (masked === plain ? path : masked) + (path.includes('/hls/') ? query.replace(REFERENCE, `$1${HIDDEN}`) : query)
  );
}
