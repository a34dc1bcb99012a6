/** GET and HEAD below /dash/: what players of DASH open. */

import { z } from 'zod';
import { TIME_NAME } from '../../../upstream/dash/dash-manifests.ts';
import { CONTENT_EXTENSIONS } from '../../../upstream/manifests/manifest-name.ts';
import type { Services } from '../../../worker/services.ts';
import type { Api } from '../../http/typed-server.ts';
import { MANIFEST_PATH } from '../asks-to-join.ts';
import { answered } from '../passed-viewers.ts';
import { viewerQuery } from '../viewer.ts';
import { DashPlayback } from './dash-playback.ts';

const params = z.object({
  stream_id: z
    .string()
    .describe('Id of the stream; behind it, in the addresses of a manifest, the ticket of a viewer.'),
});
const manifestQuery = z.looseObject({
  ...viewerQuery,
  signature: z.string().optional().describe('The signature from the signed URL; needed with PLAYBACK_AUTH=signed.'),
  parent: z.string().optional().describe('Accepted for compatibility.'),
});
const filledIn = z.string().optional();
const mediaQuery = z.looseObject({
  ...viewerQuery,
  r: z.string().optional().describe('What the address stands for; from a manifest.'),
  url: z.string().optional().describe('The same as `r`, for clients of m3u-proxy.'),
  Number: filledIn.describe('Number of the segment. The player fills it in; digits.'),
  Time: filledIn.describe('Time of the segment. The player fills it in; digits.'),
  SubNumber: filledIn.describe('Number of a part of the segment. The player fills it in; digits.'),
});

export function dashRoutes(app: Api, services: Services): void {
  const dash = new DashPlayback(services);
  const tags = ['Playback'];

  app.get(
    MANIFEST_PATH,
    { schema: { tags, summary: 'Play a stream whose source is DASH.', params, querystring: manifestQuery } },
    async (request, reply) =>
      answered(services, reply, () => dash.manifest(request.params.stream_id, request.query, request, reply)),
  );
  app.get(
    `/dash/:stream_id/${TIME_NAME}`,
    { schema: { tags, summary: 'The time of a DASH source.', params, querystring: manifestQuery } },
    async (request, reply) =>
      answered(services, reply, () => dash.time(request.params.stream_id, request.query, request, reply)),
  );
  const media = { tags, params, querystring: mediaQuery };
  for (const extension of CONTENT_EXTENSIONS) {
    const summary = 'A segment, an initialization or a whole file of a DASH source.';
    app.get(`/dash/:stream_id/segment.${extension}`, { schema: { ...media, summary } }, async (request, reply) =>
      answered(services, reply, () => dash.media(request.params.stream_id, extension, request.query, request, reply)),
    );
  }
  app.get(
    '/dash/:stream_id/file',
    { schema: { ...media, summary: 'The same as `segment`, for clients of m3u-proxy.' } },
    async (request, reply) =>
      answered(services, reply, () => dash.media(request.params.stream_id, undefined, request.query, request, reply)),
  );
}
