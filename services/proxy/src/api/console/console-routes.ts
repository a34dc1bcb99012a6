/** The files of the console. They need no token and contain nothing: what they show they ask for with the token. */

import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { StreampoolError } from '../../errors.ts';
import type { Api } from '../http/typed-server.ts';
import { type ConsoleFiles, ENCODINGS, INDEX } from './console-files.ts';

/** Nothing from another host, no code in a page, and nobody may frame it. */
const SECURITY = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** The names of scripts and styles contain a hash of what is in them. */
const HASHED = /\.(js|css)$/;
const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_AGAIN = 'no-cache';

const NOT_BUILT = 'The console has not been built. `npm run build` builds it; CONSOLE=false switches it off.';

/**
 * Leads people to the console who open the address of the worker in a browser. Programs get JSON as before: they do not ask for
 * HTML. Works below any prefix, because the address is relative.
 */
export const leadToConsole: onRequestHookHandler = (request, reply, done) => {
  if (request.routeOptions.url !== '/' || request.method !== 'GET') return done();
  void reply.header('vary', 'Accept');
  if (request.headers.accept?.includes('text/html') !== true) return done();
  void reply.header('cache-control', 'no-store').redirect(`${lastStep(request)}console/`);
};

/** What a relative address from here must begin with: `/m3u-proxy` without a slash at its end is a step of its own. */
function lastStep({ originalUrl }: FastifyRequest): string {
  const path = originalUrl.split('?', 1)[0] ?? '/';
  return path.endsWith('/') ? './' : `./${path.slice(path.lastIndexOf('/') + 1)}/`;
}

/** @param files undefined: they have not been built */
export function consoleRoutes(app: Api, files: ConsoleFiles | undefined): void {
  app.get(
    '/console',
    { schema: { tags: ['Status'], summary: 'The console: web pages that show what the cluster does.' } },
    async (request, reply) => {
      const [path = ''] = request.url.split('?', 1);
      if (path.endsWith('/')) return send(files, INDEX, request, reply);
      // Without the query: it may hold a token, and the page has no use for it.
      return reply.headers(SECURITY).redirect('./console/');
    },
  );
  app.get('/console/*', { schema: { hide: true } }, async (request, reply) => {
    const { '*': name } = request.params as { '*': string };
    // Pages have names without a dot, and all of them are the same file.
    return send(files, /^[\w-]*$/.test(name) ? INDEX : name, request, reply);
  });
}

function send(
  files: ConsoleFiles | undefined,
  name: string,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (files === undefined) throw new StreampoolError(404, NOT_BUILT);
  const file = files.get(name);
  if (file === undefined) throw new StreampoolError(404, 'The console has no such file.');
  reply
    .headers(SECURITY)
    .header('cache-control', HASHED.test(name) ? FOR_EVER : ASK_AGAIN)
    .header('etag', file.etag)
    .header('vary', 'Accept-Encoding');
  if (headers['if-none-match'] === file.etag) return reply.code(304).send();
  const encoding = ENCODINGS.find(
    (each) => file.encoded[each] !== undefined && accepts(headers['accept-encoding'], each),
  );
  if (encoding !== undefined) reply.header('content-encoding', encoding);
  return reply.type(file.type).send((encoding && file.encoded[encoding]) ?? file.plain);
}

/** Whether `Accept-Encoding` names an encoding, and not only to refuse it. */
function accepts(header: string | string[] | undefined, encoding: string): boolean {
  return String(header ?? '')
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry === encoding || (entry.startsWith(`${encoding};`) && !/;\s*q=0(\.0*)?$/.test(entry)));
}
