/** GET /stats, the routes below it, and the list of clients. */

import { z } from 'zod';
import { Turns } from '../../../../registry/turns.ts';
import type { Services } from '../../worker/services.ts';
import { isoTime } from '../http/fields.ts';
import { each, sendLong } from '../http/long-answer.ts';
import type { Api } from '../http/typed-server.ts';
import { ClientIndex } from '../lists/client-index.ts';
import { clientListQuery, clientPageView, clientQuestion } from '../lists/client-list-query.ts';
import type { StreamIndex } from '../lists/stream-index.ts';
import { takeClusterSnapshot } from '../views/snapshot.ts';
import { clientView, disclosureFor, streamView, viewOfClient, viewOfStreamIn } from '../views/stream-views.ts';
import { performanceOf, performanceReport } from './performance.ts';
import { broadcastStats, broadcastStatsOf, poolingStats, poolingStatsOf, proxyStats, proxyStatsOf } from './stats.ts';

const clientList = z.object({ total_clients: z.int(), clients: z.array(clientView) });

export function statsRoutes(app: Api, services: Services, streams: StreamIndex): void {
  const { config, registry } = services;
  const tags = ['Statistics'];
  const disclosure = disclosureFor(config.apiToken);

  app.get(
    '/stats',
    {
      schema: {
        tags,
        summary: 'Get everything at once: totals, pooling, streams, clients.',
        response: {
          200: proxyStats.extend({
            ...broadcastStats,
            pooling: poolingStats,
            streams: z.array(streamView),
            clients: z.array(clientView),
          }),
        },
      },
    },
    async (_request, reply) => {
      const snapshot = await takeClusterSnapshot(services);
      const totals = proxyStatsOf(services, snapshot);
      await new Turns().next();
      const head = { ...totals, ...(await broadcastStatsOf(services)), pooling: poolingStatsOf(services, snapshot) };
      return sendLong(reply, head, {
        streams: each(snapshot.streams, (stream) => viewOfStreamIn(snapshot, stream, disclosure)),
        clients: each(snapshot.clients, viewOfClient),
      });
    },
  );

  app.get(
    '/stats/detailed',
    {
      schema: {
        tags,
        summary: 'Get totals, and the performance of the cluster and of this worker.',
        response: {
          200: z.object({
            proxy_stats: proxyStats,
            connection_pool_stats: performanceReport.shape.connection_pool,
            failover_stats: performanceReport.shape.failover_stats,
            performance_metrics: performanceReport.shape.performance_metrics,
            error_stats: performanceReport.shape.error_stats,
            stream_count: z.int(),
            client_count: z.int(),
          }),
        },
      },
    },
    async () => {
      const snapshot = await takeClusterSnapshot(services);
      const { connection_pool, ...report } = performanceOf(services, snapshot);
      return {
        proxy_stats: proxyStatsOf(services, snapshot),
        connection_pool_stats: connection_pool,
        ...report,
        stream_count: snapshot.streams.length,
        client_count: snapshot.clients.length,
      };
    },
  );

  app.get(
    '/stats/performance',
    {
      schema: {
        tags,
        summary: 'Get load, failovers and errors of the cluster, and memory and event loop of this worker.',
        response: { 200: performanceReport.extend({ timestamp: z.string() }) },
      },
    },
    async () => ({ ...performanceOf(services, await takeClusterSnapshot(services)), timestamp: isoTime(Date.now()) }),
  );

  app.get(
    '/stats/streams',
    {
      schema: {
        tags,
        summary: 'All streams.',
        response: { 200: z.object({ total_streams: z.int(), streams: z.array(streamView) }) },
      },
    },
    async (_request, reply) => {
      const snapshot = await takeClusterSnapshot(services);
      const { streams } = snapshot;
      return sendLong(
        reply,
        { total_streams: streams.length },
        { streams: each(streams, (stream) => viewOfStreamIn(snapshot, stream, disclosure)) },
      );
    },
  );

  const index = new ClientIndex(services, streams);
  for (const url of ['/clients', '/stats/clients']) {
    app.get(
      url,
      {
        schema: {
          tags,
          summary: 'All clients, or a page of those searched for.',
          querystring: z.object(clientListQuery),
          response: { 200: z.union([clientList, clientPageView]) },
        },
      },
      async ({ query }, reply) => {
        const question = clientQuestion(query);
        if (question !== undefined) return index.page(question);
        const clients = await registry.clients();
        return sendLong(reply, { total_clients: clients.length }, { clients: each(clients, viewOfClient) });
      },
    );
  }
}
