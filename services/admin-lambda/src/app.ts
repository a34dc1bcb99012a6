/** The routes of the admin API: a request in, a response out. It knows no servers; of AWS it knows only the caller. */

import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { routePath } from 'hono/route';
import type { z } from 'zod';
import type { Logger } from '../../shared/log.ts';
import { maskText } from '../../shared/masking/mask.ts';
import { VERSION } from '../../shared/version.ts';
import { callerOf } from './caller.ts';
import { type ClusterAdmin, RegistryUnavailable } from './cluster/cluster-admin.ts';
import { joinTasks } from './ecs/join-tasks.ts';
import type { EcsService } from './ecs/tasks.ts';
import type { PriceTier } from './egress-cost.ts';
import { pageOf } from './paging.ts';
import {
  cleanupInput,
  type deletedAnswer,
  type drainAnswer,
  type healthAnswer,
  noQuery,
  pageQuery,
  streamsQuery,
} from './schemas.ts';
import { viewOfCleanup, viewOfStats, viewOfStreamDetails, viewOfStreams, viewOfWorkers } from './views.ts';

export interface AppDeps {
  readonly cluster: ClusterAdmin;
  /** Undefined: the ECS settings are missing. */
  readonly ecs: EcsService | undefined;
  readonly prices: readonly PriceTier[];
  readonly log: Logger;
}

interface Env {
  Bindings: { event: APIGatewayProxyEventV2 };
  /** What a call has changed, for the log. */
  Variables: { what?: object };
}

/**
 * Makes the router.
 *
 * @example const handler = handle(createApp(deps)); // hono/aws-lambda
 */
export function createApp({ cluster, ecs, prices, log }: AppDeps): Hono<Env> {
  const app = new Hono<Env>();

  app.use(async (c, next) => {
    const startedMs = performance.now();
    await next();
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

  app.get('/admin/health', async (c) => {
    read(noQuery, c.req.query());
    const answer: z.infer<typeof healthAnswer> = {
      status: 'ok',
      version: VERSION,
      registry_ms: await cluster.ping(),
    };
    return c.json(answer);
  });

  app.get('/admin/stats', async (c) => {
    read(noQuery, c.req.query());
    return c.json(viewOfStats(await cluster.numbers(), prices));
  });

  app.get('/admin/workers', async (c) => {
    const page = read(pageQuery, c.req.query());
    const [workers, known] = await Promise.all([cluster.workers(), tasksOf(ecs)]);
    const shown = pageOf(workers, ({ workerId }) => workerId, page);
    if (ecs === undefined || typeof known === 'string') return c.json(viewOfWorkers(shown, String(known)));
    const { tasks, protectionMissing } = known;
    return c.json(
      viewOfWorkers(shown, {
        cluster: ecs.cluster,
        service: ecs.service,
        count: tasks.length,
        joined: joinTasks(workers, tasks),
        protectionMissing,
      }),
    );
  });

  app.post('/admin/workers/:id/drain', async (c) => {
    read(noQuery, c.req.query());
    const id = c.req.param('id');
    const sent = await cluster.drain(id);
    if (sent === 'unknown') throw new HTTPException(404, { message: `There is no worker ${id}.` });
    if (sent === 'gone') {
      throw new HTTPException(409, { message: `Worker ${id} is dead: its lease has run out. A cleanup removes it.` });
    }
    const message = 'The worker takes no new viewers from now on. Its current viewers may stay.';
    const answer: z.infer<typeof drainAnswer> = { worker_id: id, message };
    return c.json(answer, 202);
  });

  app.get('/admin/streams', async (c) => {
    const page = read(streamsQuery, c.req.query());
    return c.json(viewOfStreams(await cluster.streams(page)));
  });

  app.get('/admin/streams/:id', async (c) => {
    read(noQuery, c.req.query());
    const stream = await cluster.stream(c.req.param('id'));
    if (stream === null) throw unknownStream(c);
    return c.json(viewOfStreamDetails(stream));
  });

  app.delete('/admin/streams/:id', async (c) => {
    read(noQuery, c.req.query());
    const clients = await cluster.deleteStream(c.req.param('id'));
    if (clients === null) throw unknownStream(c);
    const answer: z.infer<typeof deletedAnswer> = { stream_id: c.req.param('id'), clients };
    c.set('what', answer);
    return c.json(answer);
  });

  app.post('/admin/cleanup', async (c) => {
    const { dry_run } = read(cleanupInput, { ...(await jsonBody(c)), ...c.req.query() });
    const removed = viewOfCleanup(await cluster.cleanup(dry_run), dry_run);
    c.set('what', removed);
    return c.json(removed);
  });

  app.notFound((c) => c.json({ detail: `There is no route ${c.req.method} ${c.req.path}.` }, 404));
  app.onError((error, c) => {
    if (error instanceof RegistryUnavailable)
      return c.json({ detail: maskText(error.message) }, 503, { 'retry-after': '2' });
    if (error instanceof HTTPException) return c.json({ detail: maskText(error.message) }, error.status);
    log.error({ err: error }, 'a bug');
    return c.json({ detail: 'Something went wrong in the admin API. Its log says what.' }, 500);
  });
  return app;
}

/** The service's tasks, or the reason why they are unknown: the workers are useful without them. */
async function tasksOf(ecs: EcsService | undefined) {
  if (ecs === undefined) return 'ADMIN_ECS_CLUSTER and ADMIN_ECS_SERVICE are not set.';
  try {
    return await ecs.tasks();
  } catch (error) {
    return maskText(`ECS does not answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function unknownStream(c: Context): HTTPException {
  return new HTTPException(404, { message: `There is no stream ${c.req.param('id')}.` });
}

/** @throws {HTTPException} 422 that names each error */
function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
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
