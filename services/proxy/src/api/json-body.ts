/** Reads JSON bodies: an empty one is none, and one that is not JSON is answered like any other invalid request. */

import type { FastifyRequest } from 'fastify';
import type { Api } from './app.ts';
import { InvalidRequest } from './validation.ts';

export function readJsonBodies(app: Api): void {
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser<string>(
    /^application\/(?:[\w.-]+\+)?json\b/i,
    { parseAs: 'string' },
    async (_request: FastifyRequest, text: string) => {
      if (text.trim() === '') return undefined;
      try {
        return JSON.parse(text) as unknown;
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new InvalidRequest([
          { type: 'json_invalid', loc: ['body'], msg: `JSON decode error: ${why}`, input: null },
        ]);
      }
    },
  );
}
