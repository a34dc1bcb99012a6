/** Routes about streams. */

import { HTTPException } from 'hono/http-exception';
import {
  deletedAnswer,
  failoverAnswer,
  noInput,
  streamAnswer,
  streamsAnswer,
  streamsInput,
  viewersInput,
} from '../schemas.ts';
import { viewOfStreamDetails, viewOfStreams } from '../views.ts';
import { route } from './route.ts';

const NO_STREAM = { 404: 'There is no such stream.' };

export const streamRoutes = [
  route({
    method: 'GET',
    path: '/admin/streams',
    summary: 'Streams in use; with `idle=true` those that are kept only for their address. Credentials are hidden.',
    input: streamsInput,
    answer: streamsAnswer,
    run: async ({ input }, { cluster }) => viewOfStreams(await cluster.streams(input)),
  }),
  route({
    method: 'GET',
    path: '/admin/streams/{id}',
    summary: 'One stream: its processes and their owners, and a page of its viewers. Credentials are hidden.',
    input: viewersInput,
    answer: streamAnswer,
    refusals: NO_STREAM,
    run: async ({ params: { id }, input }, { cluster }) =>
      viewOfStreamDetails((await cluster.stream(id, input)) ?? unknown(id)),
  }),
  route({
    method: 'DELETE',
    path: '/admin/streams/{id}',
    summary: 'Ends a stream on every worker.',
    input: noInput,
    answer: deletedAnswer,
    refusals: NO_STREAM,
    run: async ({ params: { id } }, { cluster }) => ({
      stream_id: id,
      clients: (await cluster.deleteStream(id)) ?? unknown(id),
    }),
  }),
  route({
    method: 'POST',
    path: '/admin/streams/{id}/failover',
    summary: 'Moves a stream to its next source; its viewers stay connected.',
    input: noInput,
    status: 202,
    answer: failoverAnswer,
    refusals: { ...NO_STREAM, 409: 'The stream has no other source, or no worker is alive.' },
    run: async ({ params: { id } }, { cluster }) => {
      const sent = await cluster.failover(id);
      if (sent.kind === 'unknown') unknown(id);
      if (sent.kind === 'no sources') {
        const message = `Stream ${id} has no other source. Create it with failover_urls or failover_resolver_url.`;
        throw new HTTPException(409, { message });
      }
      if (sent.kind === 'no worker')
        throw new HTTPException(409, { message: 'No worker is alive to move the stream.' });
      const message = 'The worker moves the stream within a second or two; current_url of the stream shows it.';
      return { stream_id: id, worker_id: sent.workerId, message };
    },
  }),
];

function unknown(id: string): never {
  throw new HTTPException(404, { message: `There is no stream ${id}.` });
}
