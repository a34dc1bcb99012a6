/** Routes about the admin API itself: its index, and its OpenAPI document. */

import { z } from 'zod';
import { VERSION } from '../../../shared/version.ts';
import { openApiOf } from '../openapi.ts';
import { indexAnswer, noInput } from '../schemas.ts';
import { type Route, route } from './route.ts';

const OPENAPI_PATH = '/admin/openapi.json';

/** @param routes of the whole API; it may still grow until the first call */
export function aboutRoutes(routes: () => readonly Route[]): Route[] {
  let openApi: Record<string, unknown> | undefined;
  return [
    route({
      method: 'GET',
      path: '/admin',
      summary: 'This index: every route, and where the OpenAPI document is.',
      input: noInput,
      answer: indexAnswer,
      run: async () => ({
        version: VERSION,
        openapi: OPENAPI_PATH,
        routes: routes().map(({ method, path, summary }) => ({ method, path, summary })),
      }),
    }),
    route({
      method: 'GET',
      path: OPENAPI_PATH,
      summary: 'The OpenAPI document of these routes.',
      input: noInput,
      answer: z.looseObject({ openapi: z.string() }),
      run: async () => {
        openApi ??= openApiOf(routes());
        return { openapi: '', ...openApi };
      },
    }),
  ];
}
