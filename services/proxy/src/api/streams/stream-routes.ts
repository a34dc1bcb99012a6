/** Streams by id: list, show, delete, move to the next source. */

import { z } from 'zod';
import { countConnections } from '../../../../registry/connections.ts';
import { playedSource } from '../../../../registry/groups.ts';
import type { KnownStreams, StreamRecords } from '../../../../registry/registry.ts';
import type { DeletionReason, StreamRecord, StreamSample } from '../../../../registry/types.ts';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import { isoTime, optionalBody, queryFlag } from '../http/fields.ts';
import { notFound } from '../http/not-found.ts';
import type { Api } from '../http/typed-server.ts';
import type { StreamIndex } from '../lists/stream-index.ts';
import { streamListQuery, streamPageView, streamQuestion } from '../lists/stream-list-query.ts';
import { makersOf } from '../views/media-views.ts';
import { takeClusterSnapshot, workersNow } from '../views/snapshot.ts';
import {
  clientView,
  disclosureFor,
  hasFailover,
  streamType,
  streamView,
  viewOfClient,
  viewOfStream,
  viewOfStreamIn,
} from '../views/stream-views.ts';

export const streamParams = z.object({ stream_id: z.string() });

/** @throws {StreampoolError} 404; 503 when the registry, which may know the stream, does not answer */
export async function findStream(registry: StreamRecords & KnownStreams, id: string): Promise<StreamRecord> {
  const stream = await registry.stream(id);
  if (stream === undefined) throw notFound(registry, 'Stream not found');
  return stream;
}

/**
 * Deletes a stream everywhere: first its record, so that nobody joins, then its responses and processes. That happens here at
 * once, and on other workers with their next renewal. False when there was none.
 *
 * @param reason as `stream_stopped` says it
 */
export async function deleteStream(
  { registry, playback, seating }: Services,
  id: string,
  reason: DeletionReason,
): Promise<boolean> {
  const existed = await registry.deleteStream(id, reason);
  playback.disconnectStream(id);
  await Promise.all([seating.drop(id), registry.send({ kind: 'delete', streamId: id })]);
  return existed;
}

const failoverOrder = optionalBody(
  z.object({
    index: z.int().min(-1).nullish().describe('Of a source: -1 is the primary URL, 0 the first of `failover_urls`.'),
    url: z.string().nullish().describe('The same by its URL: one that the stream has.'),
  }),
);

/**
 * Which source somebody has chosen; undefined: the next one.
 *
 * @throws {StreampoolError} 400 when the stream has no such source
 */
function chosenSource({ url, failoverUrls }: StreamRecord, order: { index?: number | null; url?: string | null }) {
  const byUrl = order.url == null ? undefined : [url, ...failoverUrls].indexOf(order.url) - 1;
  const index = order.index ?? byUrl;
  if (index === undefined) return undefined;
  if (index >= -1 && index < failoverUrls.length) return index;
  throw new StreampoolError(400, `The stream has no such source; it has ${failoverUrls.length} in failover_urls.`);
}

export function streamRoutes(app: Api, services: Services, index: StreamIndex): void {
  const { config, registry, seating } = services;
  const tags = ['Streams'];
  const disclosure = disclosureFor(config.apiToken);

  app.get(
    '/streams',
    {
      schema: {
        tags,
        summary:
          'All streams in use, or with `idle=true` those only kept for their address; or a page of those searched for.',
        querystring: z.object({
          idle: queryFlag
            .default(false)
            .describe('List the idle streams instead; the cluster forgets them after STREAM_IDLE_TTL.'),
          ...streamListQuery,
        }),
        response: { 200: z.union([z.object({ streams: z.array(streamView), total: z.int() }), streamPageView]) },
      },
    },
    async ({ query }) => {
      const question = streamQuestion(query);
      if (question !== undefined) return index.page(question);
      const snapshot = await takeClusterSnapshot(services);
      const streams = query.idle ? snapshot.idle : snapshot.streams;
      return {
        streams: streams.map((stream) => viewOfStreamIn(snapshot, stream, disclosure)),
        total: streams.length,
      };
    },
  );

  app.get(
    '/streams/:stream_id',
    {
      schema: {
        tags,
        summary: 'Show one stream, its clients, and what its FFmpeg has said.',
        params: streamParams,
        response: {
          200: z.object({
            stream: streamView,
            clients: z.array(clientView),
            client_count: z.int(),
            worker_id: z.string().nullable().describe('The worker that makes its first process feed; null: none does.'),
            ffmpeg_lines: z
              .array(z.string())
              .nullable()
              .describe(
                'The last 20 lines of its FFmpeg, oldest first. Credentials are hidden. Null: it has none, or its worker does not answer.',
              ),
            history: z
              .array(
                z.object({
                  at: z.string(),
                  viewers: z.int().describe('On all workers.'),
                  bitrate_kbps: z.number().nullable(),
                }),
              )
              .nullable()
              .describe(
                'Its last ten minutes, every 10 s, oldest first, as the worker that makes it knows them. Null: as above.',
              ),
          }),
        },
      },
    },
    async ({ params }) => {
      const [stream, clients, workers, recorded] = await Promise.all([
        findStream(registry, params.stream_id),
        registry.clients(params.stream_id),
        workersNow(services),
        registry.broadcasts.recorded(),
      ]);
      const maker = makersOf(workers).get(stream.id);
      const report = maker && (await services.makingReport(maker.worker, stream.id));
      const isActive = clients.length > 0 || recorded.has(stream.id);
      const at = { connections: countConnections(workers).of(stream.id), maker, isActive };
      return {
        stream: viewOfStream(stream, clients, at, disclosure),
        clients: clients.map(viewOfClient),
        client_count: clients.length,
        worker_id: maker?.worker.workerId ?? null,
        ffmpeg_lines: report?.lines === undefined ? null : [...report.lines],
        history: report?.samples?.map(viewOfSample) ?? null,
      };
    },
  );

  app.delete(
    '/streams/:stream_id',
    {
      schema: {
        tags,
        summary: 'Delete a stream, its viewers and its processes.',
        params: streamParams,
        response: { 200: z.object({ message: z.string() }) },
      },
    },
    async ({ params }) => {
      const existed = await deleteStream(services, params.stream_id, 'manual_deletion');
      if (!existed) throw notFound(services.registry, 'Stream not found');
      return { message: `Stream ${params.stream_id} deleted` };
    },
  );

  app.post(
    '/streams/:stream_id/failover',
    {
      schema: {
        tags,
        summary:
          'Move a stream, and all others of the same sources, to the next source or a chosen one; viewers stay connected.',
        body: failoverOrder,
        params: streamParams,
        response: {
          200: z.object({
            message: z.string(),
            new_url: z.string(),
            failover_index: z.int(),
            failover_attempts: z.int(),
            active_clients: z.int(),
            moved_streams: z
              .array(z.string())
              .describe('All streams that have moved: those with the same URL, failovers and headers.'),
            stream_type: z.enum(['Transcoded', 'HLS', 'DASH', 'VOD', 'Live Continuous']),
          }),
        },
      },
    },
    async ({ params, body }) => {
      const before = await findStream(registry, params.stream_id);
      const chosen = chosenSource(before, body ?? {});
      if (!hasFailover(before)) {
        const how = 'create it with failover_urls or failover_resolver_url';
        throw new StreampoolError(400, `No failover is configured for this stream; ${how}.`);
      }
      const moved = await seating.failover(before, chosen);
      if (moved === undefined) {
        throw new StreampoolError(500, 'Failover failed - no working failover URLs available');
      }
      const where =
        chosen === undefined ? 'its next source' : chosen < 0 ? 'its primary source' : `backup ${chosen + 1}`;
      const [after, clients] = await Promise.all([
        findStream(registry, params.stream_id),
        registry.clients(params.stream_id),
      ]);
      const type = streamType(before);
      return {
        message:
          moved.length > 1
            ? `The stream and ${moved.length - 1} more of the same sources have moved to ${where.replace('its', 'the')}; their viewers stay connected.`
            : moved.length === 0
              ? `The stream plays ${where} already.`
              : `The stream has moved to ${where}; its viewers stay connected.`,
        new_url: disclosure.url(after.failover.currentUrl),
        failover_index: playedSource(after),
        failover_attempts: after.failover.attempts,
        active_clients: clients.length,
        moved_streams: [...moved],
        stream_type: type === 'Transcoding' ? ('Transcoded' as const) : type,
      };
    },
  );
}

function viewOfSample({ atMs, viewers, bitsPerSecond }: StreamSample) {
  const kbps = bitsPerSecond === undefined ? null : Math.round(bitsPerSecond / 1000);
  return { at: isoTime(atMs), viewers: Math.round(viewers), bitrate_kbps: kbps };
}
