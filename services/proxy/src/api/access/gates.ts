/** The checks before a request is answered: rate limit and token, and what replaces the token when none is set. */

import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { METRICS_PATH } from '../../../../shared/metric-names.ts';
import type { Config } from '../../config/config.ts';
import { StreampoolError } from '../../errors.ts';
import { limitedNetwork, senderOf } from '../http/sender.ts';
import type { Api } from '../http/typed-server.ts';
import { isLoopbackCaller, isOfOtherSite } from './own-caller.ts';
import { assertToken } from './token.ts';

/** Lets a request pass, or throws the reason why not. */
export type Gate = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export interface Gates {
  readonly management: Gate;
  /** For a GET that creates a stream: a link or an image in a page is enough to make a browser send one. */
  readonly creationByGet: Gate;
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

const SET_A_TOKEN = 'Set API_TOKEN for the worker and send it, as header X-API-Token or query api_token.';
const NOT_BY_GET = `Without API_TOKEN only a program on the worker's own machine may create a stream by GET. Create it with POST /streams and play /stream/{stream_id}. Or: ${SET_A_TOKEN}`;
const OTHER_SITE = `Without API_TOKEN a web page of another site may not change anything here. Add its origin to CORS_ORIGINS. Or: ${SET_A_TOKEN}`;

/**
 * Requests with the token are not limited: an editor sends those of all its users from one address. All others are limited,
 * against guessing of tokens.
 */
export async function gatesOf(app: Api, config: Config): Promise<Gates> {
  const limit = await limitOf(app, config);
  const check = (request: FastifyRequest): void => {
    assertToken(config.apiToken, request, request.routeOptions.url === METRICS_PATH);
    // A page of another site cannot know the token.
    if (config.apiToken !== undefined || READS.has(request.method)) return;
    if (isOfOtherSite(request.headers, config.corsOrigins)) throw new StreampoolError(403, OTHER_SITE);
  };
  const management: Gate = async (request, reply) => {
    if (config.apiToken !== undefined && passes(() => check(request))) return;
    await limit(request, reply);
    check(request);
  };
  const creationByGet: Gate = async (request, reply) => {
    await management(request, reply);
    if (config.apiToken !== undefined) return;
    const { headers, socket } = request;
    const own = isLoopbackCaller(socket.remoteAddress, headers) && !isOfOtherSite(headers, config.corsOrigins);
    if (!own) throw new StreampoolError(403, NOT_BY_GET);
  };
  return { management, creationByGet };
}

async function limitOf(app: Api, { apiRateLimit, trustProxy }: Config): Promise<Gate> {
  if (apiRateLimit === 0) return async () => undefined;
  await app.register(rateLimit, {
    global: false,
    max: apiRateLimit,
    timeWindow: '1 minute',
    keyGenerator: (request) => limitedNetwork(senderOf(request, trustProxy)),
    errorResponseBuilder: (_request, { max }) =>
      new StreampoolError(429, `More than ${max} requests in a minute (API_RATE_LIMIT). Try again later.`),
  });
  const limit = app.rateLimit();
  return async (request, reply) => {
    await limit.call(app as unknown as FastifyInstance, request, reply);
  };
}

function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof StreampoolError) return false;
    throw error;
  }
}
