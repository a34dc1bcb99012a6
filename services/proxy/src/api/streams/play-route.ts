/** GET /console/play: what one more player of a stream would cost at the provider, before a page plays it. */

import { z } from 'zod';
import { countConnections } from '../../../../registry/connections.ts';
import { isShared } from '../../streams/sharing.ts';
import { accountOf } from '../../upstream/provider/provider-connections.ts';
import { hintFromUrl, isDash } from '../../upstream/provider/source-kind.ts';
import type { Services } from '../../worker/services.ts';
import type { Api } from '../http/typed-server.ts';
import { workersNow } from '../views/snapshot.ts';
import { namesOf, readersOf, usersOf } from './source-readers.ts';
import { findStream, streamParams } from './stream-routes.ts';

const answer = z.discriminatedUnion('state', [
  z.object({
    state: z
      .enum(['free', 'second'])
      .describe(
        'free: it needs no connection, or the first one of the stream; second: one more for this player alone.',
      ),
  }),
  z.object({
    state: z.literal('full').describe('It needs a connection, and the account of the provider has none left.'),
    limit: z.int().describe('SOURCE_MAX_CONNECTIONS'),
    streams: z.array(z.string()).describe('Names of streams that use the account.'),
  }),
]);

export function playRoute(app: Api, services: Services): void {
  const { config, registry, connections, seating } = services;
  app.get(
    '/console/play',
    {
      schema: {
        tags: ['Status'],
        summary: 'What one more player of a stream would cost at the provider, for the console.',
        querystring: streamParams,
        response: { 200: answer },
      },
    },
    async ({ query: { stream_id } }): Promise<z.infer<typeof answer>> => {
      const stream = await findStream(registry, stream_id);
      const { address } = seating.sourceOf(stream);
      const hint = hintFromUrl(address.url);
      const isJoined =
        !stream.unshareable &&
        (hint === 'hls' || isDash(stream, address.url) || isShared(stream, config.shareDirectStreams));
      const workers = await workersNow(services);
      if (isJoined && hint !== 'finite' && readersOf(workers, address) !== undefined) return { state: 'free' };
      const users = usersOf(workers, accountOf(address));
      if (connections.areLimited && users.count >= config.sourceMaxConnections) {
        return { state: 'full', limit: config.sourceMaxConnections, streams: await namesOf(registry, users.streams) };
      }
      const hasOne = stream.profile === undefined && countConnections(workers).of(stream.id) > 0;
      return { state: hasOne ? 'second' : 'free' };
    },
  );
}
