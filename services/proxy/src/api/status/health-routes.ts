/** Whether this worker runs and takes viewers: for load balancers and container runtimes, without a token. */

import { z } from 'zod';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import type { Api } from '../http/typed-server.ts';

const answer = z.object({ status: z.string() });

export function healthRoutes(app: Api, services: Services): void {
  const tags = ['Health'];

  app.get(
    '/livez',
    { schema: { tags, summary: 'Check that the worker runs.', response: { 200: answer } } },
    async () => ({
      status: 'alive',
    }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags,
        summary: 'Check that the worker takes viewers; 503 while it drains, and on ECS until Redis has answered once.',
        response: { 200: answer },
      },
    },
    async () => {
      const missing = services.startWaitsFor();
      if (missing !== undefined) throw new StreampoolError(503, missing, { retryAfterSeconds: 5 });
      if (!services.isDraining()) return { status: 'ready' };
      throw new StreampoolError(503, 'This worker is draining and takes no new viewers.', { retryAfterSeconds: 5 });
    },
  );
}
