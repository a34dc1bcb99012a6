/** Which web pages may read what: every page what plays, those of CORS_ORIGINS the rest. Never with a visitor's credentials. */

import type { FastifyCorsOptions } from '@fastify/cors';
import type { FastifyRequest } from 'fastify';

/** A player in a page reads every header of an answer: lengths, ranges, client ids. */
const READABLE = '*';

/** Segments are asked for again and again: a browser asks once in this time whether it may send `Range`. */
const PLAYBACK: FastifyCorsOptions = {
  origin: '*',
  exposedHeaders: READABLE,
  methods: ['GET', 'HEAD'],
  maxAge: 86_400,
};
const MANAGEMENT_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * What one request's answer, or that of its preflight, lets pages read.
 *
 * @param origins compared letter by letter
 * @param isPlayback whether a path is one that players open
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
