/** Reads JSON bodies. An empty one counts as none; one that is not JSON is answered like any other invalid request. */

import type { FastifyRequest } from 'fastify';
import { StreampoolError } from '../../errors.ts';
import type { Api } from './typed-server.ts';
import { InvalidRequest } from './validation.ts';

/** No request needs more than 3. Tens of thousands overflow the stack of the code that reads the value. */
const MAX_DEPTH = 64;

export function readJsonBodies(app: Api): void {
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser<string>(
    /^application\/(?:[\w.-]+\+)?json\b/i,
    { parseAs: 'string' },
    async (_request: FastifyRequest, text: string) => {
      if (text.trim() === '') return undefined;
      if (isTooDeep(text)) {
        throw new StreampoolError(400, `The JSON body is nested more than ${MAX_DEPTH} levels deep.`);
      }
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

/** Counts brackets outside of strings, before the text is parsed. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      if (++depth > MAX_DEPTH) return true;
    } else if (character === '}' || character === ']') depth--;
  }
  return false;
}
