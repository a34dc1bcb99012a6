/** The HTTP server of a worker: which routes there are, and what all of them share. */

import cors from '@fastify/cors';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { LimitError } from '../errors.ts';
import type { Services } from '../worker/services.ts';
import { corsOptions, letPagesPlay } from './access/cors.ts';
import { gatesOf } from './access/gates.ts';
import { loopGate } from './access/loop-gate.ts';
import { playbackAccess, playbackGate } from './access/playback-access.ts';
import { broadcastPlaybackRoutes, broadcastRoutes } from './broadcasts/broadcast-routes.ts';
import { recordingPlaybackRoutes } from './broadcasts/recording-playback.ts';
import { recordingRoutes } from './broadcasts/recording-routes.ts';
import { consoleFolder, readConsole } from './console/console-files.ts';
import { consoleRoutes, leadToConsole } from './console/console-routes.ts';
import { Glance } from './console/counts/glance.ts';
import { liveRoute } from './console/live-route.ts';
import { workerRoute } from './console/worker-route.ts';
import { logRequest } from './http/access-log.ts';
import { endConnectionsOnClose } from './http/closing.ts';
import { describeApi, serveDescription, TOKEN_SCHEME } from './http/docs.ts';
import { errorAnswer, sendError } from './http/error-answer.ts';
import { readJsonBodies } from './http/json-body.ts';
import { withoutRootPath } from './http/root-path.ts';
import type { Api } from './http/typed-server.ts';
import { answerUnknown, RouteIndex } from './http/unknown-route.ts';
import { answerUnreadable } from './http/unreadable.ts';
import { validatorCompiler } from './http/validation.ts';
import { StreamIndex } from './lists/stream-index.ts';
import { asksToJoin } from './playback/asks-to-join.ts';
import { dashRoutes } from './playback/dash/dash-routes.ts';
import { hlsRoutes } from './playback/hls-routes.ts';
import { playbackRoutes } from './playback/playback-routes.ts';
import { playbackUrlRoute } from './playback/playback-url-route.ts';
import { eventRoutes } from './status/event-routes.ts';
import { healthRoutes } from './status/health-routes.ts';
import { historyRoute } from './status/history-route.ts';
import { metricsRoute } from './status/metrics-route.ts';
import { statsRoutes } from './status/stats-routes.ts';
import { statusRoutes } from './status/status-routes.ts';
import { webhookRoutes } from './status/webhook-routes.ts';
import { workerRoutes } from './status/worker-routes.ts';
import { clientRoutes } from './streams/client-routes.ts';
import { connectionRoute } from './streams/connection-route.ts';
import { createRoutes } from './streams/create-routes.ts';
import { lookRoute } from './streams/look-route.ts';
import { metadataRoutes } from './streams/metadata-routes.ts';
import { pageRoutes } from './streams/page-routes.ts';
import { playRoute } from './streams/play-route.ts';
import { streamRoutes } from './streams/stream-routes.ts';

/** How long a request may take to arrive. A megabyte of JSON needs less. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer ids in paths cannot exist. */
const MAX_PARAM_CHARACTERS = 1_024;

/**
 * Makes the server with all its routes. It does not listen yet.
 *
 * @example const server = await buildServer(worker.services); await server.listen({ port: 8085 });
 */
export async function buildServer(services: Services): Promise<FastifyInstance> {
  const { config, log } = services;
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (error instanceof LimitError) void services.limitNews.note(error);
    if (asksToJoin(request)) services.playback.joins.failed(errorAnswer(error, config.maxBodyBytes).status);
    return sendError(error, request, reply, { log, maxBodyBytes: config.maxBodyBytes });
  };
  const app = Fastify({
    bodyLimit: config.maxBodyBytes,
    trustProxy: config.trustProxy,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    rewriteUrl: withoutRootPath(config.rootPath),
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: MAX_PARAM_CHARACTERS,
      // The last value of a repeated parameter counts.
      querystringParser: (text) => Object.fromEntries(new URLSearchParams(text)),
    },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // The compiler checks answers against their schemas; checking each again would only cost time.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  readJsonBodies(app);
  endConnectionsOnClose(app);
  app.setErrorHandler(fail);
  app.addHook('onRequest', (request, reply, done) => {
    logRequest(log, config.trustProxy, request, reply);
    done();
  });
  const index = new RouteIndex();
  app.addHook('onRoute', ({ url, method }) => index.add(url, method));
  await describeApi(app, config.rootPath);

  const gates = await gatesOf(app, config);
  const access = playbackAccess(services);
  const playbackIndex = new RouteIndex();
  const glance = new Glance(services);
  const streams = new StreamIndex(services, glance);
  app.addHook('onClose', async () => glance.close());
  await app.register(async (playback: Api) => {
    playback.addHook('onRequest', letPagesPlay);
    playback.addHook('onRequest', loopGate(services.guard.marker));
    playback.addHook('onRequest', playbackGate(access, gates.management));
    playback.addHook('onRoute', ({ url, method }) => playbackIndex.add(url, method));
    playbackRoutes(playback, services, gates.creationByGet);
    hlsRoutes(playback, services);
    dashRoutes(playback, services);
    broadcastPlaybackRoutes(playback, services);
    recordingPlaybackRoutes(playback, services, access);
  });
  // A scope of its own, because hooks of the server are those of every route.
  await app.register(async (rest: Api) => {
    rest.setNotFoundHandler((request, reply) => answerUnknown(index, request, reply));
    await rest.register(cors, {
      delegator: (request, callback) => {
        const isPlayback = (path: string): boolean => playbackIndex.allowed(path).length > 0;
        callback(null, corsOptions(config.corsOrigins, isPlayback, request));
      },
    });
    if (config.console) {
      rest.addHook('onRequest', leadToConsole);
      consoleRoutes(rest, readConsole(consoleFolder()));
    }
    await serveDescription(rest);
    await rest.register(async (open: Api) => healthRoutes(open, services));
    await rest.register(async (guarded: Api) => {
      guarded.addHook('onRequest', gates.management);
      guarded.addHook('onRoute', (route) => {
        route.schema = { ...route.schema, security: [{ [TOKEN_SCHEME]: [] }] };
      });
      statusRoutes(guarded, services);
      connectionRoute(guarded, services);
      createRoutes(guarded, services, access);
      pageRoutes(guarded, services);
      metadataRoutes(guarded, services);
      streamRoutes(guarded, services, streams);
      playbackUrlRoute(guarded, services, access);
      clientRoutes(guarded, services);
      statsRoutes(guarded, services, streams);
      historyRoute(guarded, services);
      workerRoutes(guarded, services);
      eventRoutes(guarded, services);
      webhookRoutes(guarded, services);
      metricsRoute(guarded, services);
      if (config.console) {
        liveRoute(guarded, services, glance);
        workerRoute(guarded, services);
        lookRoute(guarded, services);
        playRoute(guarded, services);
      }
      broadcastRoutes(guarded, services);
      recordingRoutes(guarded, services, access, streams);
    });
  });
  return app as unknown as FastifyInstance;
}
