/** DELETE /hls/{stream}/clients/{client}: ends the session of one client. */

import { z } from 'zod';
import { sessionIds } from '../../../../registry/client-ids.ts';
import { sessionClientId } from '../../viewers/sessions/tickets.ts';
import type { Services } from '../../worker/services.ts';
import type { Api } from '../http/typed-server.ts';

/**
 * Ends a client's responses here at once, and on other workers with their next renewal. Each worker refuses what the player of an HLS
 * session still asks for: that may reach any of them.
 */
export async function disconnectClient(services: Services, clientId: string, streamId?: string): Promise<void> {
  const { playback, registry, sessions } = services;
  const atMs = Date.now();
  await sessions.disconnect(clientId, streamId, atMs);
  playback.disconnect(clientId, streamId);
  const command = { kind: 'disconnect', clientId, atMs, ...(streamId === undefined ? {} : { streamId }) } as const;
  await Promise.all(registry.peers().map(({ workerId }) => registry.send(command, workerId)));
  // The worker that served a session may be dead, and nobody else serves it.
  const ids = sessionIds(sessionClientId(clientId));
  for (const { id, session, ...client } of await registry.clients(streamId)) {
    if (session === undefined || !(ids.includes(id) || id === clientId)) continue;
    await registry.leave({ ...client, clientId: id, bytesServed: 0, segmentsServed: 0 });
  }
}

export function clientRoutes(app: Api, services: Services): void {
  app.delete(
    '/hls/:stream_id/clients/:client_id',
    {
      schema: {
        tags: ['Streams'],
        summary: 'Disconnect a client. The stream id is ignored, and an unknown client is no error.',
        params: z.object({ stream_id: z.string(), client_id: z.string() }),
        response: { 200: z.object({ message: z.string() }) },
      },
    },
    async ({ params }) => {
      await disconnectClient(services, params.client_id);
      return { message: `Client ${params.client_id} disconnected` };
    },
  );
}
