/** POST /streams/{id}/playback-url: a playback URL for callers that did not create the stream or whose URL expires. */

import { z } from 'zod';
import { MAX_PLAYBACK_URL_TTL_S } from '../../config/settings.ts';
import type { Services } from '../../worker/services.ts';
import type { PlaybackAccess } from '../access/playback-access.ts';
import { optionalBody, optionalIsoTime } from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';
import { findStream, streamParams } from '../streams/stream-routes.ts';

const order = optionalBody(
  z.object({
    ttl: z
      .int()
      .min(1)
      .max(MAX_PLAYBACK_URL_TTL_S)
      .nullish()
      .describe('Seconds during which the URL can start playback; PLAYBACK_URL_TTL when absent.'),
  }),
);

export function playbackUrlRoute(app: Api, { registry }: Services, access: PlaybackAccess): void {
  app.post(
    '/streams/:stream_id/playback-url',
    {
      schema: {
        tags: ['Streams'],
        summary: 'Get a URL that plays a stream. With PLAYBACK_AUTH=signed it expires.',
        params: streamParams,
        body: order,
        response: {
          200: z.object({
            stream_id: z.string(),
            playback_url: z.string().describe('Relative to the base URL of this API.'),
            expires_at: z.string().nullable().describe('null: the URL does not expire.'),
          }),
        },
      },
    },
    async ({ params, body }) => {
      const stream = await findStream(registry, params.stream_id);
      const { url, expiresAtMs } = access.urlOf(stream, body?.ttl == null ? {} : { ttlMs: body.ttl * 1000 });
      return { stream_id: stream.id, playback_url: url, expires_at: optionalIsoTime(expiresAtMs) };
    },
  );
}
