/** The OpenAPI document of the admin API, made from the schemas of its routes. Pure. */

import { z } from 'zod';
import { VERSION } from '../../shared/version.ts';
import type { Route } from './routes/route.ts';
import { errorAnswer } from './schemas.ts';

type Json = Record<string, unknown>;

/** What any route may answer in place of its own answer. */
const ERRORS = {
  401: 'There is no `Authorization` header.',
  403: 'The token is not valid.',
  422: 'A parameter is unknown or wrong; `detail` names each one, and what is allowed.',
  500: 'An error in the admin API; its log says which.',
  503: 'Redis does not answer, or not in time; `detail` says why.',
};

export function openApiOf(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Streampool admin API',
      version: VERSION,
      description: 'Looks after a cluster of workers. On AWS, API Gateway answers 401 and 403 as `{"message": …}`.',
    },
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token; a JWT where the stage has `adminAuth` jwt; with iam, a signature (SigV4) instead.',
        },
      },
      schemas: { Error: schemaOf(errorAnswer, 'output') },
    },
    security: [{ token: [] }],
    paths,
  };
}

function operationOf({ method, path, summary, input, status, answer, refusals }: Route): Json {
  const { properties, required = [] } = schemaOf(input, 'input') as { properties: Json; required?: string[] };
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
  const takesBody = method === 'POST' && inQuery.length > 0;
  const errors = Object.entries({
    ...ERRORS,
    ...(takesBody ? { 400: 'The body is no JSON object.' } : {}),
    ...refusals,
  });
  return {
    summary,
    operationId: [method.toLowerCase(), ...path.split(/\W+/).filter((part) => part !== '' && part !== 'admin')].join(
      '_',
    ),
    parameters: [...inPath, ...inQuery],
    ...(takesBody
      ? {
          requestBody: {
            description: 'The parameters of the query string, if you like them better in a body.',
            content: contentOf(schemaOf(input, 'input')),
          },
        }
      : {}),
    responses: {
      [status]: { description: 'Done.', content: contentOf(schemaOf(answer, 'output')) },
      ...Object.fromEntries(
        errors.map(([code, description]) => [
          code,
          { description, content: contentOf({ $ref: '#/components/schemas/Error' }) },
        ]),
      ),
    },
  };
}

function contentOf(schema: Json): Json {
  return { 'application/json': { schema } };
}

/** @param io what a caller sends, or what it receives: a default is optional in one and always there in the other */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
