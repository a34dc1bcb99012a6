/** DELETE /hls/{stream}/clients/{client}: ends one client's session. */

import { z } from 'zod';
import type { Services } from '../worker.ts';
import type { Api } from './app.ts';

export function clientRoutes(app: Api, { playback, registry }: Services): void {
  app.delete(
    '/hls/:stream_id/clients/:client_id',
    {
      schema: {
        tags: ['Streams'],
        summary: 'Disconnect a client, of whatever stream; no error when there is none.',
        params: z.object({ stream_id: z.string(), client_id: z.string() }),
        response: { 200: z.object({ message: z.string() }) },
      },
    },
    async ({ params }) => {
      if (!playback.disconnect(params.client_id)) {
        await registry.send({ kind: 'disconnect', clientId: params.client_id });
      }
      return { message: `Client ${params.client_id} disconnected` };
    },
  );
}
