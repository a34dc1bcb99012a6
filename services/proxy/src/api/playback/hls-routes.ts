/** GET and HEAD below /hls/: what players of HLS open. */

import { z } from 'zod';
import { StreampoolError } from '../../errors.ts';
import type { Container } from '../../feed/hls/segment-events.ts';
import { NotHlsError } from '../../upstream/hls/hls-requests.ts';
import { SEGMENT_EXTENSIONS } from '../../upstream/playlists/segment-name.ts';
import { isDash } from '../../upstream/provider/source-kind.ts';
import type { Services } from '../../worker/services.ts';
import { emptyIsNone } from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';
import { assertGiven } from '../http/validation.ts';
import { findStream } from '../streams/stream-routes.ts';
import { PLAYLIST_PATH } from './asks-to-join.ts';
import { hlsAddress } from './hls-address.ts';
import { HlsPlayback, mayBeHls } from './hls-playback.ts';
import { answered } from './passed-viewers.ts';
import { PooledHls } from './pooled-hls.ts';
import { viewerQuery } from './viewer.ts';

const params = z.object({
  stream_id: z
    .string()
    .describe('Id of the stream; behind it, in the addresses of a playlist, the ticket of a viewer.'),
});
const hlsQuery = z.looseObject({
  ...viewerQuery,
  signature: z.string().optional().describe('The signature from the signed URL; needed with PLAYBACK_AUTH=signed.'),
  parent: z.string().optional().describe('Accepted for compatibility.'),
  r: z.string().optional().describe('What the address stands for; from a playlist.'),
  url: z.string().optional().describe('The same as `r`, for clients of m3u-proxy.'),
  n: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional()
    .describe('Number of a segment that is made here; from a playlist.'),
  p: z
    .string()
    .regex(/^\d{1,6}$/)
    .optional()
    .describe('Number of a part of that segment, for low latency; from a playlist.'),
  k: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .optional()
    .describe('Which initialisation of segments that are made here; from a playlist.'),
  _HLS_msn: z
    .string()
    .optional()
    .describe('Number of a segment. The answer waits until the playlist has it, or for what `_HLS_part` says.'),
  _HLS_part: z.string().optional().describe('Number of a part of that segment.'),
  _HLS_skip: z.string().optional().describe('`YES` or `v2`: without what the player has from before.'),
  container: emptyIsNone(z.enum(['ts', 'fmp4'])).describe(
    'At `playlist.m3u8`: MPEG-TS or fragmented MP4, for segments that are made here. When absent: as the profile says ' +
      '(`-hls_segment_type`), else fragmented MP4 for HEVC and MPEG-TS for the rest.',
  ),
});

/** Of segments that are made here, by the extension of their names. */
const CONTAINERS: ReadonlyMap<string | undefined, Container> = new Map([
  ['ts', 'ts'],
  ['m4s', 'fmp4'],
]);

export function hlsRoutes(app: Api, services: Services): void {
  const pooled = new PooledHls(services);
  const hls = new HlsPlayback(services, pooled);
  const tags = ['Playback'];

  app.get(
    PLAYLIST_PATH,
    { schema: { tags, summary: 'Play a stream by HLS.', params, querystring: hlsQuery } },
    async (request, reply) =>
      answered(services, reply, async () => {
        const { params: given, query } = request;
        const address = hlsAddress(given.stream_id);
        if (address.ticket === undefined) {
          const { registry } = services;
          const stream = registry.remembered(address.streamId) ?? (await findStream(registry, address.streamId));
          if (stream.profile === undefined && isDash(stream, stream.failover.currentUrl)) throw dashInstead(stream.id);
          if (!mayBeHls(stream)) return pooled.entry(stream, query, request, reply);
          try {
            return await hls.playlist(given.stream_id, query, request, reply);
          } catch (error) {
            // Only its first bytes show that the source is no playlist.
            if (!(error instanceof NotHlsError)) throw error;
            if (error.isDash) {
              const { failover } = registry.remembered(stream.id) ?? stream;
              await registry.noteDash(stream.id, failover.currentUrl);
              throw dashInstead(stream.id);
            }
            return pooled.entry(stream, query, request, reply);
          }
        }
        return query.r === undefined
          ? pooled.playlist(address, query, request, reply)
          : hls.playlist(given.stream_id, query, request, reply);
      }),
  );

  for (const extension of [undefined, ...SEGMENT_EXTENSIONS]) {
    const name = extension === undefined ? 'segment' : `segment.${extension}`;
    app.get(
      `/hls/:stream_id/${name}`,
      {
        schema: {
          tags,
          summary: 'A part of a playlist: a segment, an initialization section or a key.',
          params,
          querystring: hlsQuery,
        },
      },
      async (request, reply) =>
        answered(services, reply, async () => {
          const { query } = request;
          const address = hlsAddress(request.params.stream_id);
          const isInit = extension === 'mp4' && query.k !== undefined;
          const container = query.n === undefined ? undefined : CONTAINERS.get(extension);
          if ((isInit || container !== undefined) && address.ticket === undefined) assertGiven(query, ['client_id']);
          if (isInit) return pooled.init(address, query.k as string, query, request, reply);
          if (container !== undefined) {
            const asked = { n: Number(query.n), p: query.p === undefined ? undefined : Number(query.p) };
            return pooled.segment(address, container, asked, query, request, reply);
          }
          if (address.ticket !== undefined) assertGiven(query, ['r']);
          else assertGiven(query, ['url', 'client_id']);
          return hls.media(request.params.stream_id, extension, query, request, reply);
        }),
    );
  }
}

/** 422 */
function dashInstead(streamId: string): StreampoolError {
  return new StreampoolError(422, `The source of this stream is DASH. It plays at /dash/${streamId}/manifest.mpd.`);
}
