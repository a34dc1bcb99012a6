/**
 * The worker's metrics, for Prometheus and other collectors. The route needs the API token like any other. An exception for
 * private addresses would open it to everybody behind a reverse proxy, and the numbers show how much people watch.
 */

import { METRICS_PATH } from '../../../../shared/metric-names.ts';
import type { Services } from '../../worker/services.ts';
import type { Api } from '../http/typed-server.ts';

export function metricsRoute(app: Api, { metrics }: Services): void {
  app.get(
    METRICS_PATH,
    { schema: { tags: ['Statistics'], summary: 'Get the metrics of this worker in Prometheus format.' } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()),
  );
}
