/** ROOT_PATH: every route is served below it as well as at the root. */

import type { IncomingMessage } from 'node:http';

/** Takes the prefix off a request's URL, so that each route exists once. */
export function withoutRootPath(rootPath: string): (request: IncomingMessage) => string {
  return ({ url = '/' }) => {
    if (rootPath === '' || !url.startsWith(rootPath)) return url;
    const rest = url.slice(rootPath.length);
    if (rest.startsWith('/')) return rest;
    return rest === '' || rest.startsWith('?') ? `/${rest}` : url;
  };
}
