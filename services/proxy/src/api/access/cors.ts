/** CORS: any web page may read playback; pages of CORS_ORIGINS may read the rest too. Never with a visitor's credentials. */

import type { FastifyCorsOptions } from '@fastify/cors';
import type { FastifyRequest, onRequestHookHandler } from 'fastify';

/** A player in a page reads every header of an answer: lengths, ranges, client ids. */
const READABLE = '*';
const ANY_PAGE = '*';

/** Players fetch segments again and again. The browser asks only once a day whether it may send `Range`. */
const PLAYBACK: FastifyCorsOptions = {
  origin: ANY_PAGE,
  exposedHeaders: READABLE,
  methods: ['GET', 'HEAD'],
  maxAge: 86_400,
};
const PLAYED = {
  Vary: 'Origin',
  'Access-Control-Allow-Origin': ANY_PAGE,
  'Access-Control-Expose-Headers': READABLE,
};

/** The hook of the routes that players open. They ask for something many times a second, and the rules for it are always the same. */
export const letPagesPlay: onRequestHookHandler = (_request, reply, done) => {
  reply.headers(PLAYED);
  done();
};

const MANAGEMENT_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * The CORS rules for a request to another route, for one that no route answers, and for a preflight.
 *
 * @param origins must match exactly
 * @param isPlayback whether players open a path
 */
export function corsOptions(
  origins: readonly string[],
  isPlayback: (path: string) => boolean,
  { headers, url }: Pick<FastifyRequest, 'headers' | 'url'>,
): FastifyCorsOptions {
  if (isPlayback(url.split('?', 1)[0] ?? '')) return PLAYBACK;
  const { origin } = headers;
  if (origin === undefined || !origins.includes(origin)) return { origin: false };
  return { origin, exposedHeaders: READABLE, methods: MANAGEMENT_METHODS };
}
