/** GET and HEAD /stream/{id}: what players open. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { StreamRecord } from '../../../../registry/types.ts';
import { StreampoolError } from '../../errors.ts';
import { type Container, contentTypeOf } from '../../ffmpeg/arguments/container.ts';
import { isShared, NotSharedError } from '../../streams/sharing.ts';
import { IsListedError } from '../../upstream/direct/direct-connections.ts';
import { A_SOURCE_URL, isSourceUrl } from '../../upstream/egress/source-url.ts';
import { listedAs } from '../../upstream/provider/source-kind.ts';
import { LIVE_HEADERS } from '../../viewers/playback.ts';
import type { Viewer } from '../../viewers/seating.ts';
import type { Services } from '../../worker/services.ts';
import type { Gate } from '../access/gates.ts';
import { refuseLoop } from '../access/loop-gate.ts';
import { type PlaybackAccess, playbackAccess } from '../access/playback-access.ts';
import { SIGNATURE } from '../access/playback-signature.ts';
import { TOKEN_PARAMETER } from '../access/token.ts';
import { type Api, headersOf } from '../http/typed-server.ts';
import { findStream, streamParams } from '../streams/stream-routes.ts';
import { STREAM_PATH } from './asks-to-join.ts';
import { DirectPlayback } from './direct-playback.ts';
import { type ViewerQuery, viewerOf, viewerQuery } from './viewer.ts';

const playbackQuery = z.object({
  ...viewerQuery,
  signature: z.string().optional().describe('The signature from the signed URL; needed with PLAYBACK_AUTH=signed.'),
  url: z
    .string()
    .optional()
    .describe(
      'A source to play without creating a stream first. Needs the API token. When API_TOKEN is not set, only programs on the machine of the worker may do this, without a proxy in between. Behind a proxy on that machine that adds no X-Forwarded-For, everybody may.',
    ),
  parent: z.string().optional().describe('Accepted for compatibility.'),
});

type PlaybackRequest = FastifyRequest<{
  Params: z.infer<typeof streamParams>;
  Querystring: z.infer<typeof playbackQuery>;
}>;

/** @param mayCreate the check for a request that creates a stream */
export function playbackRoutes(app: Api, services: Services, mayCreate: Gate): void {
  const { config, registry, catalogue, playback, guard, isDraining } = services;
  const direct = new DirectPlayback(services);
  const access = playbackAccess(services);
  const tags = ['Playback'];

  const streamFor = async (request: PlaybackRequest, reply: FastifyReply): Promise<StreamRecord> => {
    const { url } = request.query;
    if (url === undefined) return findStream(registry, request.params.stream_id);
    await mayCreate(request, reply);
    if (!isSourceUrl(url)) throw new StreampoolError(400, `The url parameter must be ${A_SOURCE_URL}.`);
    return (await catalogue.createDirect({ url })).stream;
  };

  /** False when the stream or its source turns out not to be shareable. */
  const servedFromFeed = async (stream: StreamRecord, viewer: Viewer, clientId: string, reply: FastifyReply) => {
    try {
      await playback.serve(stream, viewer, clientId, reply.raw, headersOf(reply));
      return true;
    } catch (error) {
      if (error instanceof NotSharedError) return false;
      throw error;
    }
  };

  /** To where the source plays that its first bytes have shown. */
  const redirected = async (
    { kind, url }: IsListedError,
    stream: StreamRecord,
    request: FastifyRequest,
    reply: FastifyReply,
  ) => {
    if (kind === 'dash') await registry.noteDash(stream.id, url);
    return reply.redirect(locationOf(kind, stream, request, access), 302);
  };

  app.get(
    STREAM_PATH,
    {
      exposeHeadRoute: false,
      schema: { tags, summary: 'Play a stream.', params: streamParams, querystring: playbackQuery },
    },
    async (request, reply) => {
      playback.joins.asked(reply.raw);
      // The remembered record is enough: counting the viewer in returns the current one, or says that it is gone.
      const remembered = request.query.url === undefined ? registry.remembered(request.params.stream_id) : undefined;
      const stream = remembered ?? (await streamFor(request, reply));
      refuseLoop(guard.marker, stream, request, reply);
      // A load balancer notices draining a little later. With Redis, this worker relays to new viewers until then.
      if (isDraining() && !config.redisEnabled) {
        throw new StreampoolError(503, 'This worker is draining and takes no new viewers.', {
          retryAfterSeconds: 1,
        });
      }
      const other = listed(stream);
      if (other !== undefined) return reply.redirect(locationOf(other, stream, request, access), 302);
      const asked = viewerOf(request, request.query satisfies ViewerQuery, stream.id, config.workerId);
      const [viewer, clientId] = [asked.viewer, asked.clientId()];
      try {
        const shares = (record: StreamRecord) => isShared(record, config.shareDirectStreams);
        const alone = () => direct.play(stream, viewer, clientId, request, reply, shares);
        const served = shares(stream) ? false : await alone();
        if (!served && !(await servedFromFeed(stream, viewer, clientId, reply))) {
          await direct.play(stream, viewer, clientId, request, reply);
        }
      } catch (error) {
        // A player that has left needs no answer, and its leaving is no error.
        if (reply.raw.destroyed) return reply.hijack();
        if (error instanceof IsListedError) return redirected(error, stream, request, reply);
        if (!(error instanceof StreampoolError) || error.status >= 500) playback.countFailure();
        throw error;
      }
      return reply.hijack();
    },
  );

  app.head(
    '/stream/:stream_id',
    {
      config: { swagger: { exposeHeadRoute: true } },
      schema: {
        tags,
        summary: 'Get the headers of a stream without starting it.',
        params: streamParams,
        querystring: playbackQuery,
      },
    },
    async (request, reply) => {
      const stream = await streamFor(request, reply);
      refuseLoop(guard.marker, stream, request, reply);
      if (stream.profile !== undefined) {
        return reply
          .headers(LIVE_HEADERS)
          .type(contentTypeOf(stream.profile.container as Container))
          .send();
      }
      const other = listed(stream);
      if (other !== undefined) return reply.redirect(locationOf(other, stream, request, access), 302);
      try {
        await direct.head(stream, request, reply);
      } catch (error) {
        if (error instanceof IsListedError) return redirected(error, stream, request, reply);
        throw error;
      }
      return reply.hijack();
    },
  );
}

/** Where a source plays that is many requests, behind the id of its stream. */
const OTHER_PATHS = { hls: 'playlist.m3u8', dash: 'manifest.mpd' } as const;
type Listed = keyof typeof OTHER_PATHS;

/** What is known of a direct stream's source. Where its URL does not say it, the first bytes do. */
function listed(stream: StreamRecord): Listed | undefined {
  return stream.profile === undefined ? listedAs(stream, stream.failover.currentUrl) : undefined;
}

/**
 * Where such a source plays, relative to /stream/{id}. A `url` means something else there. No answer repeats a token: whoever came with
 * one gets a signature.
 */
function locationOf(kind: Listed, stream: StreamRecord, request: FastifyRequest, access: PlaybackAccess): string {
  const at = request.url.indexOf('?');
  const query = at < 0 ? [] : request.url.slice(at + 1).split('&');
  const hasToken = new URLSearchParams(query.join('&')).has(TOKEN_PARAMETER);
  const dropped = hasToken ? ['url', TOKEN_PARAMETER, SIGNATURE] : ['url'];
  const kept = query.filter((part) => part !== '' && !dropped.some((name) => new URLSearchParams(part).has(name)));
  const signature = hasToken ? /\bsignature=[^&]+/.exec(access.urlOf(stream).url)?.[0] : undefined;
  if (signature !== undefined) kept.push(signature);
  return `../${kind}/${stream.id}/${OTHER_PATHS[kind]}${kept.length === 0 ? '' : `?${kept.join('&')}`}`;
}
