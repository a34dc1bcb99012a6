/** The description of the API: /openapi.json, and a page to read and try it at /docs. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { VERSION } from '../../../../shared/version.ts';
import type { Api } from './typed-server.ts';

/** Name of the token scheme in the description. */
export const TOKEN_SCHEME = 'token';

/** The order of the groups on the page. */
const TAGS = ['Playback', 'Streams', 'Streams by metadata', 'Statistics', 'Status', 'Health', 'Not in this version'];

/** Call it before the routes are registered: it sees only later ones. */
export async function describeApi(app: Api, rootPath: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      info: {
        title: 'Streampool',
        description: 'One FFmpeg per channel for many viewers. Speaks the HTTP API of m3u-proxy.',
        version: VERSION,
      },
      tags: TAGS.map((name) => ({ name })),
      servers: [{ url: '/' }, ...(rootPath === '' ? [] : [{ url: rootPath }])],
      components: {
        securitySchemes: { [TOKEN_SCHEME]: { type: 'apiKey', in: 'header', name: 'X-API-Token' } },
      },
    },
    transform: jsonSchemaTransform,
  });
}

/** The description and its page. */
export async function serveDescription(app: Api): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    ...bundledFiles(),
    uiHooks: {
      // The page names its files relative to itself, so that it works below ROOT_PATH too.
      onRequest: (request, reply, next) => {
        if (request.url === '/docs') void reply.redirect('docs/');
        else next();
      },
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  // m3u-proxy has a second page of the same description there.
  app.get('/redoc', { schema: { hide: true } }, async (request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    return reply.redirect(path.endsWith('/') ? '../docs/' : 'docs/');
  });
  // Browsers ask for it of themselves. The pages name their own pictures.
  app.get('/favicon.ico', { schema: { hide: true } }, async (_request, reply) =>
    reply.code(204).header('cache-control', 'public, max-age=86400').send(),
  );
}

/** The bundle has the page's files beside it. Run from source, the package finds them itself. */
function bundledFiles(): { baseDir?: string } {
  const folder = fileURLToPath(new URL('./static', import.meta.url));
  return existsSync(folder) ? { baseDir: folder } : {};
}
