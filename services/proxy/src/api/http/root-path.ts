/** ROOT_PATH: the server answers every route below it as well as at the root. */

import type { IncomingMessage } from 'node:http';

/** Removes the prefix from a request's URL, so that each route exists once. */
export function withoutRootPath(rootPath: string): (request: IncomingMessage) => string {
  return ({ url = '/' }) => {
    if (rootPath === '' || !url.startsWith(rootPath)) return url;
    const rest = url.slice(rootPath.length);
    if (rest.startsWith('/')) return rest;
    return rest === '' || rest.startsWith('?') ? `/${rest}` : url;
  };
}
