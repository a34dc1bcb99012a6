/** The routes as a Markdown table, for docs/routes.md; made from the summaries of their schemas. */

import type { FastifyInstance } from 'fastify';
import type { Api } from './http/typed-server.ts';

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly unknown[];
}

const METHODS = ['get', 'head', 'post', 'delete'] as const;

/** Call it on a server that is ready. docs/routes.md holds exactly this. */
export function routesTable(server: FastifyInstance | Api): string {
  const paths = Object.entries(server.swagger().paths ?? {});
  const rows = paths.flatMap(([path, operations]) =>
    METHODS.flatMap((method) => {
      const operation = (operations as Partial<Record<string, Operation>>)[method];
      if (operation === undefined) return [];
      const token = operation.security === undefined ? 'no' : 'yes';
      return [`| ${method.toUpperCase()} | \`${path}\` | ${token} | ${operation.summary ?? ''} |`];
    }),
  );
  return ['| method | path | token | what it does |', '|---|---|---|---|', ...rows].join('\n');
}
