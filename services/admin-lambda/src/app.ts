/** The router of the admin API: a request in, a response out. It knows no servers; of AWS it knows only the caller. */

import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { routePath } from 'hono/route';
import type { z } from 'zod';
import { maskText } from '../../shared/masking/mask.ts';
import { callerOf } from './caller.ts';
import { RegistryUnavailable } from './cluster/cluster-admin.ts';
import type { AdminDeps, DepsWithin } from './deps.ts';
import type { Route } from './routes/route.ts';
import { ROUTES } from './routes/routes.ts';
import { timeOfRoute, timeToAsk } from './time-limits.ts';
import { within } from './within.ts';

interface Env {
  Bindings: { event: APIGatewayProxyEventV2 };
  /** What a call has changed, for the log. */
  Variables: { what?: unknown };
}

/**
 * Makes the router.
 *
 * @example const handler = handle(createApp(() => deps, log)); // hono/aws-lambda
 */
export function createApp(depsWithin: DepsWithin, log: AdminDeps['log']): Hono<Env> {
  const app = new Hono<Env>({ strict: false });

  app.use(async (c, next) => {
    const startedMs = performance.now();
    await next();
    // What it says is true now and for this caller.
    c.header('cache-control', 'no-store');
    const { who, sourceIp, requestId } = callerOf(c.env.event);
    const { status } = c.res;
    const line = {
      who,
      ip: sourceIp,
      method: c.req.method,
      path: c.req.path,
      query: c.req.query(),
      route: routePath(c, -1),
      what: c.get('what'),
      status,
      ms: Math.round(performance.now() - startedMs),
      requestId,
      ...(c.error === undefined ? {} : { reason: c.error.message }),
    };
    log[status >= 500 ? 'error' : 'info'](line, 'admin call');
  });

  for (const route of ROUTES) {
    app.on(route.method, patternOf(route), async (c) => {
      const given = route.method === 'POST' ? { ...(await jsonBody(c)), ...c.req.query() } : c.req.query();
      const input = read(route.input, given);
      const routeMs = timeOfRoute(c.env.event.requestContext.timeEpoch, Date.now());
      const running = route.run({ params: c.req.param(), input }, depsWithin(timeToAsk(routeMs)));
      const answer = await within(routeMs, running, () => late(routeMs));
      if (route.method !== 'GET') c.set('what', answer);
      return c.json(answer as object, route.status);
    });
  }

  app.notFound((c) => {
    const allowed = methodsOf(c.req.path);
    if (allowed.length === 0) {
      return c.json({ detail: `There is no route ${c.req.method} ${c.req.path}. GET /admin lists the routes.` }, 404);
    }
    const allow = allowed.join(', ');
    return c.json({ detail: `${c.req.path} does not take ${c.req.method}, only ${allow}.` }, 405, { allow });
  });
  app.onError((error, c) => {
    if (error instanceof RegistryUnavailable)
      return c.json({ detail: maskText(error.message) }, 503, { 'retry-after': '2' });
    if (error instanceof HTTPException) return c.json({ detail: maskText(error.message) }, error.status);
    log.error({ err: error }, 'a bug');
    return c.json({ detail: 'Something went wrong in the admin API. Its log says what.' }, 500);
  });
  return app;
}

/** What a route asks has limits of its own, with reasons of its own. This one holds whatever a route does. */
function late(ms: number): RegistryUnavailable {
  return new RegistryUnavailable(`The admin API has no answer after ${ms} ms. Its log may say why.`);
}

/** `/admin/streams/{id}` as Hono writes it: `/admin/streams/:id`. */
function patternOf({ path }: Route): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** The methods that a path takes; none when there is no such path. */
function methodsOf(path: string): string[] {
  const plain = path.replace(/(?<=.)\/$/, '');
  const methods = ROUTES.filter((route) => new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(plain)).map(
    ({ method }) => method,
  );
  // Hono answers HEAD as it answers GET, without the body.
  return methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
}

/** @throws {HTTPException} 422 that names each error, and what is allowed */
function read(schema: z.ZodObject, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const names = Object.keys(schema.shape);
  const problems = result.error.issues.map((issue) => {
    if (issue.code !== 'unrecognized_keys') return [issue.path.join('.'), issue.message].filter(Boolean).join(': ');
    const known = names.length === 0 ? 'this route takes no parameters' : `known are ${names.join(', ')}`;
    return `unknown: ${issue.keys.join(', ')}; ${known}`;
  });
  throw new HTTPException(422, { message: problems.join('; ') });
}

/** @throws {HTTPException} 400 for a body that is not a JSON object */
async function jsonBody(c: Context): Promise<object> {
  const text = await c.req.text();
  if (text === '') return {};
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch {
    // The error below covers this and JSON that is not an object.
  }
  throw new HTTPException(400, { message: 'The body is not a JSON object.' });
}
