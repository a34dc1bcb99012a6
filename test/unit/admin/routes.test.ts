/** What the admin API says of itself: its index, its OpenAPI document, docs/admin-api.md; and its answers where there is no route. */
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { US_EAST_1_EGRESS } from '../../../services/admin-lambda/src/egress-cost.ts';
import { createHandler } from '../../../services/admin-lambda/src/handler.ts';
import { ROUTES, routesTable } from '../../../services/admin-lambda/src/routes/routes.ts';
import { errorAnswer, indexAnswer } from '../../../services/admin-lambda/src/schemas.ts';
import { apiCall, clusterOf, listeningLog } from './support.ts';

async function ask(method: string, path: string, query = '') {
  const { log } = listeningLog();
  const deps = { cluster: clusterOf({ ping: async () => 1 }), ecs: undefined, prices: US_EAST_1_EGRESS, log };
  const handler = createHandler(deps);
  const answer = (await handler(apiCall(method, path, { query }))) as APIGatewayProxyStructuredResultV2;
  const { statusCode: status, headers = {}, body = '' } = answer;
  return { status, headers, body: body === '' ? undefined : JSON.parse(body) };
}

describe('the index', () => {
  it.each(['/admin', '/admin/'])('stands at %s, and names every route', async (path) => {
    const { status, body } = await ask('GET', path);
    expect(status).toBe(200);
    const { openapi, routes } = indexAnswer.parse(body);
    expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual(
      ROUTES.map(({ method, path }) => `${method} ${path}`),
    );
    expect((await ask('GET', openapi)).status).toBe(200);
  });

  it('stands in docs/admin-api.md too (`npm run docs` writes it)', () => {
    const page = readFileSync(new URL('../../../docs/admin-api.md', import.meta.url), 'utf8');
    const section = /<!-- admin-routes -->([\s\S]*?)<!-- \/admin-routes -->/.exec(page)?.[1];
    expect(section?.trim()).toBe(routesTable());
  });
});

describe('the OpenAPI document', () => {
  it('is one, by the schema of OpenAPI', async () => {
    const { body } = await ask('GET', '/admin/openapi.json');
    const { valid, errors } = await new Validator().validate(body);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  it('describes each route: its parameters, its answer, its errors', async () => {
    const { paths } = (await ask('GET', '/admin/openapi.json')).body;
    for (const { method, path, status, answer, refusals } of ROUTES) {
      const { responses, parameters } = paths[path][method.toLowerCase()];
      expect(responses[status].content['application/json'].schema.type, path).toBe('object');
      for (const code of [422, 503, ...Object.keys(refusals)]) expect(responses, path).toHaveProperty(String(code));
      const inPath = parameters.filter((one: { in: string }) => one.in === 'path');
      expect(inPath).toHaveLength(path.split('{').length - 1);
      expect(answer).toBeDefined();
    }
    const [limit] = paths['/admin/streams'].get.parameters;
    expect(limit).toMatchObject({
      name: 'limit',
      in: 'query',
      required: false,
      schema: { type: 'integer', maximum: 500 },
    });
    const { requestBody } = paths['/admin/cleanup'].post;
    expect(requestBody.content['application/json'].schema.properties).toHaveProperty('dry_run');
  });
});

describe('a path that takes other methods', () => {
  it.each([
    ['PUT', '/admin/stats', 'GET, HEAD'],
    ['OPTIONS', '/admin', 'GET, HEAD'],
    ['GET', '/admin/cleanup', 'POST'],
    ['PATCH', '/admin/streams/abc', 'GET, HEAD, DELETE'],
    ['PATCH', '/admin/streams/abc/', 'GET, HEAD, DELETE'],
    ['GET', '/admin/workers/a/drain', 'POST'],
  ])('%s %s: 405, and Allow says %s', async (method, path, allow) => {
    const { status, headers, body } = await ask(method, path);
    expect(status).toBe(405);
    expect(headers.allow).toBe(allow);
    expect(errorAnswer.parse(body).detail).toContain(allow);
  });

  it('answers HEAD where it answers GET', async () => {
    expect(await ask('HEAD', '/admin/health')).toMatchObject({ status: 200, body: undefined });
  });
});

describe('an error names what is allowed', () => {
  it.each([
    ['GET', '/admin/streams', 'idle=maybe', ['idle', 'true, false, 1, 0']],
    ['POST', '/admin/cleanup', 'dry_run=perhaps', ['dry_run', 'true, false, 1, 0']],
    ['GET', '/admin/streams', 'limit=ten', ['limit', 'from 1 to 500']],
    ['GET', '/admin/streams', 'limit=501', ['limit', '500']],
    ['GET', '/admin/streams', 'size=1', ['size', 'limit, cursor, idle']],
    ['GET', '/admin/stats', 'size=1', ['size', 'no parameters']],
  ])('%s %s?%s', async (method, path, query, said) => {
    const { status, body } = await ask(method, path, query);
    expect(status).toBe(422);
    for (const text of said) expect(errorAnswer.parse(body).detail).toContain(text);
  });
});

it.each([
  ['GET', '/admin', 200],
  ['GET', '/admin/health', 200],
  ['GET', '/admin/nothing', 404],
  ['PUT', '/admin/stats', 405],
  ['GET', '/admin/stats?', 500],
])('%s %s (%d) is stored by no cache', async (method, path, status) => {
  const [plain = '', query] = path.split('?');
  const answer = await ask(method, plain, query);
  expect(answer.status).toBe(status);
  expect(answer.headers['cache-control']).toBe('no-store');
});
