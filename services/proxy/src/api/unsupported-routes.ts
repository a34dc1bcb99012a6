/** What m3u-proxy has and this version does not: each says so instead of seeming to work. */

import { StreampoolError } from '../errors.ts';
import type { Api } from './http/typed-server.ts';
import { NO_RESOLVERS } from './streams/create-routes.ts';

/** Tag of these routes; docs/routes.md leaves them out. */
export const UNSUPPORTED = 'Not in this version';

/** Management routes: behind the token. */
export function unsupportedRoutes(app: Api): void {
  const resolvers = { tags: [UNSUPPORTED], summary: 'Resolvers: 501 in this version.' };
  const noResolvers = async (): Promise<never> => {
    throw new StreampoolError(501, NO_RESOLVERS);
  };
  app.get('/validate-cookies-file', { schema: resolvers }, noResolvers);
  app.post('/ytdlp/metadata', { schema: resolvers }, noResolvers);
}
