/** What m3u-proxy has and this version does not: each says so instead of seeming to work. */

import { z } from 'zod';
import { StreampoolError } from '../errors.ts';
import type { Api } from './http/typed-server.ts';
import { NO_RESOLVERS } from './streams/create-routes.ts';
import { streamParams } from './streams/stream-routes.ts';

const NO_BROADCASTS = 'Broadcasts are not part of this version; use /transcode and /stream.';
const NO_DASH = 'DASH playback is not part of this version; play MPEG-TS from /stream/{stream_id}.';

/** Tag of these routes; docs/routes.md leaves them out. */
export const UNSUPPORTED = 'Not in this version';

const network = z.object({ network_id: z.string() });
const noneRunning = z.object({ broadcasts: z.array(z.never()), count: z.int() });
const networkFile = network.extend({ file: z.string() });

/** Playback routes: no token, or as PLAYBACK_AUTH says. */
export function unsupportedPlaybackRoutes(app: Api): void {
  for (const path of ['manifest.mpd', 'segment/:client/:base/*', 'file']) {
    const dash = { tags: [UNSUPPORTED], summary: 'DASH playback: 501 in this version.', params: streamParams };
    app.get(`/dash/:stream_id/${path}`, { schema: dash }, async () => {
      throw new StreampoolError(501, NO_DASH);
    });
  }
  const refused = async (): Promise<never> => {
    throw new StreampoolError(501, NO_BROADCASTS);
  };
  const schema = { tags: [UNSUPPORTED], summary: 'Broadcasts: 501 in this version.' };
  app.get('/broadcast/:network_id/live.m3u8', { schema: { ...schema, params: network } }, refused);
  app.get('/broadcast/:network_id/live.m3u8.tmp', { schema: { ...schema, params: network } }, refused);
  app.get('/broadcast/:network_id/segment/:file', { schema: { ...schema, params: networkFile } }, refused);
}

/** Management routes: behind the token. */
export function unsupportedRoutes(app: Api): void {
  const broadcast = { tags: [UNSUPPORTED], summary: 'Broadcasts: 501 in this version.' };
  const noBroadcasts = async (): Promise<never> => {
    throw new StreampoolError(501, NO_BROADCASTS);
  };
  // Stream monitors ask every few seconds: that there are none is an answer.
  app.get(
    '/broadcast',
    { schema: { ...broadcast, summary: 'The broadcasts: none in this version.', response: { 200: noneRunning } } },
    async () => ({ broadcasts: [], count: 0 }),
  );
  app.post('/broadcast/:network_id/start', { schema: { ...broadcast, params: network } }, noBroadcasts);
  app.post('/broadcast/:network_id/stop', { schema: { ...broadcast, params: network } }, noBroadcasts);
  app.get('/broadcast/:network_id/status', { schema: { ...broadcast, params: network } }, noBroadcasts);
  app.delete('/broadcast/:network_id', { schema: { ...broadcast, params: network } }, noBroadcasts);

  const resolvers = { tags: [UNSUPPORTED], summary: 'Resolvers: 501 in this version.' };
  const noResolvers = async (): Promise<never> => {
    throw new StreampoolError(501, NO_RESOLVERS);
  };
  app.get('/validate-cookies-file', { schema: resolvers }, noResolvers);
  app.post('/ytdlp/metadata', { schema: resolvers }, noResolvers);
}
