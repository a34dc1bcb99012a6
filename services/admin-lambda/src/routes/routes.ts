/** All routes of the admin API. */

import { aboutRoutes } from './about-routes.ts';
import { broadcastRoutes } from './broadcast-routes.ts';
import { clusterRoutes } from './cluster-routes.ts';
import type { Route } from './route.ts';
import { streamRoutes } from './stream-routes.ts';
import { viewerRoutes } from './viewer-routes.ts';
import { workerRoutes } from './worker-routes.ts';

export const ROUTES: readonly Route[] = [
  ...aboutRoutes(() => ROUTES),
  ...clusterRoutes,
  ...workerRoutes,
  ...streamRoutes,
  ...viewerRoutes,
  ...broadcastRoutes,
];

/** The routes as a Markdown table, for docs/admin-api.md, which holds exactly this. */
export function routesTable(): string {
  const rows = ROUTES.map(({ method, path, summary }) => `| ${method} | \`${path}\` | ${summary} |`);
  return ['| method | path | what it does |', '|---|---|---|', ...rows].join('\n');
}
