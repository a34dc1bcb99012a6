/** One log line per request, when its response is over; credentials in its URL are hidden. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../../../shared/log.ts';
import { decoded } from '../../../../shared/masking/decoded.ts';
import { maskText } from '../../../../shared/masking/mask.ts';
import { maskParameters } from '../../../../shared/masking/parameters.ts';
import type { TrustProxy } from '../../config/config.ts';
import { senderOf } from './sender.ts';

/** Asked every few seconds by machines. */
const QUIET = new Set(['/livez', '/readyz', '/metrics']);

/** Logs a request once its connection is done with it, however that came. */
export function logRequest(log: Logger, trustProxy: TrustProxy, request: FastifyRequest, reply: FastifyReply): void {
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
    if (QUIET.has(request.routeOptions.url ?? '')) log.debug(fields, 'request');
    else log.info(fields, 'request');
  });
}

/**
 * A request's path and query, with its own credentials hidden, those of URLs in it, and those that were spelled wrong. Generated
 * ids stay: those of streams, clients and playlists are what a line is looked for by.
 */
export function maskRequestUrl(url: string): string {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  const plain = decoded(path);
  const masked = maskText(plain);
  return (masked === plain ? path : masked) + (at < 0 ? '' : maskParameters(url.slice(at), maskText, 'shown'));
}
