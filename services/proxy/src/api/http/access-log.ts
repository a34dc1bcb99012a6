/** One log line per request, when its response is over; hides credentials in its URL. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../../../shared/log.ts';
import { decoded } from '../../../../shared/masking/decoded.ts';
import { maskText } from '../../../../shared/masking/mask.ts';
import { maskParameters } from '../../../../shared/masking/parameters.ts';
import { HIDDEN } from '../../../../shared/masking/what-is-masked.ts';
import type { TrustProxy } from '../../config/config.ts';
import { senderOf } from './sender.ts';

/** Machines ask for these every few seconds. */
const QUIET = new Set(['/livez', '/readyz', '/metrics']);

/** The ticket of a viewer of HLS, behind the id of its stream. */
const TICKET = /(\/hls\/[0-9a-f]{32}-)[0-9a-f]+/;
/** What stands for an address of the provider there: sealed, so nobody can read it, but whoever has it can use it. */
const REFERENCE = /([?&](?:r|url)=)[\w-]+(?=&|$)/g;

/** Logs a request when its response ends or its connection closes. */
export function logRequest(log: Logger, trustProxy: TrustProxy, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? '';
  // A player of HLS asks for something every second or two.
  const isQuiet = QUIET.has(route) || route.startsWith('/hls/');
  if (isQuiet && !log.isLevelEnabled('debug')) return;
  const startedMs = performance.now();
  reply.raw.once('close', () => {
    const fields = {
      method: request.method,
      url: maskRequestUrl(request.originalUrl),
      status: reply.raw.statusCode,
      ms: Math.round(performance.now() - startedMs),
      ip: senderOf(request, trustProxy),
      ...(reply.raw.writableFinished ? {} : { cut: true }),
    };
    if (isQuiet) log.debug(fields, 'request');
    else log.info(fields, 'request');
  });
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
