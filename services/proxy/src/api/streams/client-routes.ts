/** DELETE /hls/{stream}/clients/{client}: ends the session of one client. */

import { z } from 'zod';
import type { Services } from '../../worker/services.ts';
import type { Api } from '../http/typed-server.ts';

/** Ends a client's responses here at once, and on other workers with their next renewal. */
export async function disconnectClient(services: Services, clientId: string, streamId?: string): Promise<void> {
  const { config, playback, registry } = services;
  playback.disconnect(clientId, streamId);
  const elsewhere = (await registry.clients(streamId))
    .filter((client) => client.id === clientId)
    .map(({ workerId }) => workerId)
    .filter((workerId) => workerId !== config.workerId);
  const command = { kind: 'disconnect', clientId, ...(streamId === undefined ? {} : { streamId }) } as const;
  await Promise.all([...new Set(elsewhere)].map((workerId) => registry.send(command, workerId)));
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
