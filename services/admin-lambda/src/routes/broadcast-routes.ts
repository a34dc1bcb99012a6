/** Routes about recordings and network channels. */

import { broadcastsAnswer, broadcastsInput } from '../schemas.ts';
import { viewOfBroadcasts } from '../views.ts';
import { route } from './route.ts';

export const broadcastRoutes = [
  route({
    method: 'GET',
    path: '/admin/broadcasts',
    summary:
      'Recordings and network channels: how each is, which worker makes it, how much there is of it; and how many there are of each kind.',
    input: broadcastsInput,
    answer: broadcastsAnswer,
    run: async ({ input: { stream_id: streamId, ...input } }, { cluster }) =>
      viewOfBroadcasts(await cluster.broadcasts({ ...input, streamId })),
  }),
];
