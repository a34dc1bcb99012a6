/** The HTTP server of a worker: what holds for every route, and which routes there are. */

import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Services } from '../worker.ts';
import type { Api } from './app.ts';
import { createRoutes } from './create-routes.ts';
import { sendError } from './error-answer.ts';
import { healthRoutes } from './health-routes.ts';
import { type Gate, playbackRoutes } from './playback-routes.ts';
import { withoutRootPath } from './root-path.ts';
import { streamRoutes } from './stream-routes.ts';
import { assertToken } from './token.ts';
import { validatorCompiler } from './validation.ts';

/** For a request to arrive whole: nobody needs longer for a megabyte of JSON. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Ids in paths; longer ones name nothing. */
const MAX_PARAM_CHARACTERS = 512;

/**
 * Makes the server with all its routes. It does not listen yet.
 *
 * @example const server = await buildServer(worker.services); await server.listen({ port: 8085 });
 */
export async function buildServer(services: Services): Promise<FastifyInstance> {
  const { config, log } = services;
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    sendError(error, request, reply, { log, maxBodyBytes: config.maxBodyBytes });
  const app = Fastify({
    bodyLimit: config.maxBodyBytes,
    trustProxy: config.trustProxy,
    requestTimeout: REQUEST_TIMEOUT_MS,
    rewriteUrl: withoutRootPath(config.rootPath),
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: MAX_PARAM_CHARACTERS,
      // Of a parameter given twice the last one counts.
      querystringParser: (text) => Object.fromEntries(new URLSearchParams(text)),
    },
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // Answers are typed by their schemas when they are compiled; checking each again would only cost time.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.setErrorHandler(fail);
  await app.register(cors, { origin: true, credentials: true, exposedHeaders: '*', methods: METHODS });

  const gate = await gateOf(app, services);
  await app.register(async (open: Api) => {
    healthRoutes(open, services);
    playbackRoutes(open, services, gate);
  });
  await app.register(async (guarded: Api) => {
    guarded.addHook('onRequest', gate);
    createRoutes(guarded, services);
    streamRoutes(guarded, services);
  });
  return app as unknown as FastifyInstance;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** What every management request passes: first the rate limit, so that nobody tries tokens by the thousand. */
async function gateOf(app: Api, { config }: Services): Promise<Gate> {
  if (config.apiRateLimit === 0) return async (request) => assertToken(config.apiToken, request);
  await app.register(rateLimit, { global: false, max: config.apiRateLimit, timeWindow: '1 minute' });
  const limit = app.rateLimit();
  return async (request, reply) => {
    await limit.call(app as unknown as FastifyInstance, request, reply);
    assertToken(config.apiToken, request);
  };
}
