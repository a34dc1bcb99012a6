/** One log line per request, when its response is over; credentials in its URL are hidden. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TrustProxy } from '../config.ts';
import type { Logger } from '../log.ts';
import { maskUrl } from '../upstream/mask.ts';
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

/** A request's path and query, with the credentials of the URLs in its query hidden as well as its own. */
export function maskRequestUrl(url: string): string {
  const at = url.indexOf('?');
  if (at < 0) return url;
  const parameters = url
    .slice(at + 1)
    .split('&')
    .map((parameter) => {
      const [name = '', ...value] = parameter.split('=');
      return value.length === 0 ? name : `${name}=${maskedValue(value.join('='))}`;
    });
  return maskUrl(`${url.slice(0, at)}?${parameters.join('&')}`);
}

function maskedValue(value: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value;
  }
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(plain) ? encodeURIComponent(maskUrl(plain)) : value;
}
