/** Requests without a route: 405 with `Allow` when the path exists with another method, else 404. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { noteRefusal } from './access-log.ts';

/** Which methods the registered paths have. */
export class RouteIndex {
  readonly #methods = new Map<string, Set<string>>();

  add(path: string, methods: string | readonly string[]): void {
    // The wildcard routes for preflights match every path.
    if (path === '*' || path === '/*') return;
    const plain = withoutSlash(path);
    const known = this.#methods.get(plain) ?? new Set();
    for (const method of typeof methods === 'string' ? [methods] : methods) known.add(method);
    this.#methods.set(plain, known);
  }

  /** The methods of a path; empty when the path is unknown. */
  allowed(path: string): string[] {
    const parts = path.split('/');
    const found = [...this.#methods].filter(([pattern]) => fits(pattern.split('/'), parts));
    return [...new Set(found.flatMap(([, methods]) => [...methods]))].sort();
  }
}

/** Fastify's handler for requests without a route. */
export function answerUnknown(index: RouteIndex, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = withoutSlash(request.url.split('?', 1)[0] ?? '');
  const allowed = index.allowed(path);
  const [status, detail] =
    allowed.length === 0
      ? [404, 'Not Found. The routes are listed at /docs.']
      : [405, `Method Not Allowed. This path answers ${allowed.join(', ')}.`];
  noteRefusal(request, detail);
  if (status === 405) reply.header('allow', allowed.join(', '));
  return reply.code(status).send({ detail });
}

/** `/streams/` counts as `/streams`. */
function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/$/, '');
}

function fits(pattern: readonly string[], parts: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === '*';
  const steps = isOpen ? pattern.slice(0, -1) : pattern;
  return (
    (isOpen ? parts.length > steps.length : parts.length === steps.length) &&
    steps.every((step, index) => (step.startsWith(':') ? parts[index] !== '' : step === parts[index]))
  );
}
