/** Routes about single viewers: who they are, and how one is sent away. */

import { HTTPException } from 'hono/http-exception';
import { disconnectedAnswer, foundViewersAnswer, noInput, viewerSearchInput } from '../schemas.ts';
import { viewOfFoundViewers } from '../views.ts';
import { route } from './route.ts';

export const viewerRoutes = [
  route({
    method: 'GET',
    path: '/admin/viewers',
    summary: 'The viewers of all streams with this `address`, or with this `user`.',
    input: viewerSearchInput,
    answer: foundViewersAnswer,
    run: async ({ input: { address, user, ...page } }, { cluster }) => {
      const [field, value] =
        address === undefined ? (['username', user ?? ''] as const) : (['ipAddress', address] as const);
      return viewOfFoundViewers(await cluster.viewers({ field, value, ...page }));
    },
  }),
  route({
    method: 'DELETE',
    path: '/admin/streams/{id}/viewers/{viewer}',
    summary: 'Ends the connection of one viewer; nothing keeps it from coming again.',
    input: noInput,
    status: 202,
    answer: disconnectedAnswer,
    refusals: { 404: 'The stream has no such viewer.', 409: 'The worker of the viewer is dead.' },
    run: async ({ params: { id, viewer } }, { cluster }) => {
      const sent = await cluster.disconnect(id, viewer);
      if (sent.kind === 'unknown') {
        throw new HTTPException(404, { message: `Stream ${id} has no viewer ${viewer}.` });
      }
      const { workerId } = sent;
      if (sent.kind === 'gone') {
        const message = `Worker ${workerId} of viewer ${viewer} is dead: its lease has run out. A cleanup removes both.`;
        throw new HTTPException(409, { message });
      }
      const message = 'The worker ends the connection within its next renewal, a second.';
      return { stream_id: id, client_id: viewer, worker_id: workerId, message };
    },
  }),
];
