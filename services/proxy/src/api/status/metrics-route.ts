/**
 * The worker's metrics, for Prometheus and collectors. They ask with the API token like everybody else: what is open to
 * private addresses only is open to the world behind somebody's reverse proxy, and the numbers say how much is watched.
 */

import { METRICS_PATH } from '../../../../shared/metric-names.ts';
import type { Services } from '../../worker/worker.ts';
import type { Api } from '../http/typed-server.ts';

export function metricsRoute(app: Api, { metrics }: Services): void {
  app.get(
    METRICS_PATH,
    { schema: { tags: ['Statistics'], summary: 'What this worker counts and measures, as Prometheus reads it.' } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()),
  );
}
