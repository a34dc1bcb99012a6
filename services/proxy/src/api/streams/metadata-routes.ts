/** Streams found by their metadata: list, count, delete. */

import { z } from 'zod';
import type { StreamRecord } from '../../../../registry/types.ts';
import type { Services } from '../../worker/services.ts';
import { clientId, emptyIsNone, isoTime, queryFlag } from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';
import { takeSnapshot } from '../views/snapshot.ts';
import { disclosureFor, streamType } from '../views/stream-views.ts';
import { disconnectClient } from './client-routes.ts';
import { deleteStream } from './stream-routes.ts';

const filter = {
  field: z.string().min(1).describe('Name of the metadata field.'),
  value: z.string().describe('Value that the field must have.'),
};
const activeOnly = {
  active_only: queryFlag
    .default(true)
    .describe('Only streams that have a viewer now, or are recorded: each has a connection to the provider.'),
};
const excludeChannel = {
  exclude_channel_id: z.string().optional().describe('Leaves the streams alone whose metadata field `id` is this.'),
};

const match = z.object({
  stream_id: z.string(),
  client_count: z.int(),
  metadata: z.record(z.string(), z.string()),
  last_access: z.string(),
  is_active: z.boolean(),
  url: z.string(),
  stream_type: z.string(),
});

const skipped = z.object({
  stream_id: z.string(),
  reason: z.enum(['excluded_by_channel_id', 'has_active_clients', 'is_recorded']),
  active_clients: z.int().optional(),
});

export function metadataRoutes(app: Api, services: Services): void {
  const { config } = services;
  const tags = ['Streams by metadata'];
  const disclosure = disclosureFor(config.apiToken);

  app.get(
    '/streams/by-metadata',
    {
      schema: {
        tags,
        summary: 'List the streams whose metadata has a value.',
        querystring: z.object({ ...filter, ...activeOnly }),
        response: {
          200: z.object({
            filter: z.object({ field: z.string(), value: z.string() }),
            active_only: z.boolean(),
            matching_streams: z.array(match),
            total_matching: z.int(),
            total_clients: z.int(),
          }),
        },
      },
    },
    async ({ query: { field, value, active_only } }) => {
      const { streams, clientsOf, isActive } = await takeSnapshot(services);
      const matching = streams
        .filter(has(field, value))
        .map((stream) => ({ stream, clients: clientsOf(stream.id).length }))
        .filter(({ stream }) => isActive(stream.id) || !active_only);
      return {
        filter: { field, value },
        active_only,
        matching_streams: matching.map(({ stream, clients }) => ({
          stream_id: stream.id,
          client_count: clients,
          metadata: disclosure.metadata(stream.metadata),
          last_access: isoTime(stream.lastAccessMs),
          is_active: isActive(stream.id),
          url: disclosure.url(stream.url),
          stream_type: streamType(stream),
        })),
        total_matching: matching.length,
        total_clients: matching.reduce((sum, { clients }) => sum + clients, 0),
      };
    },
  );

  app.get(
    '/streams/counts-by-metadata',
    {
      schema: {
        tags,
        summary: 'Count the streams for each of several metadata values.',
        querystring: z.object({
          field: filter.field,
          values: z.string().describe('Separated by commas.'),
          ...activeOnly,
        }),
        response: { 200: z.object({ field: z.string(), counts: z.record(z.string(), z.int()) }) },
      },
    },
    async ({ query: { field, values, active_only } }) => {
      const { streams, isActive } = await takeSnapshot(services);
      const counts = new Map<string, number>();
      for (const value of values.split(',')) if (value.trim() !== '') counts.set(value.trim(), 0);
      for (const { id, metadata } of streams) {
        const value = metadata[field];
        const count = value === undefined ? undefined : counts.get(value);
        if (value === undefined || count === undefined || (active_only && !isActive(id))) continue;
        counts.set(value, count + 1);
      }
      return { field, counts: Object.fromEntries(counts) };
    },
  );

  app.delete(
    '/streams/by-metadata',
    {
      schema: {
        tags,
        summary: 'Delete the streams whose metadata has a value.',
        querystring: z.object({
          ...filter,
          ...excludeChannel,
          force: queryFlag.default(true).describe('Also delete streams with viewers, and those that are recorded.'),
          client_id: emptyIsNone(clientId).describe(
            'With force=false: this client does not count as a viewer, and is disconnected.',
          ),
        }),
        response: {
          200: z.object({
            message: z.string(),
            deleted_streams: z.array(z.string()),
            skipped_streams: z.array(skipped),
            deleted_count: z.int(),
          }),
        },
      },
    },
    async ({ query }) => {
      const [{ streams, idle, clientsOf }, recorded] = await Promise.all([
        takeSnapshot(services),
        services.registry.broadcasts.recorded(),
      ]);
      const deletions: string[] = [];
      const farewells: string[] = [];
      const kept: z.infer<typeof skipped>[] = [];
      for (const { id, metadata } of [...streams, ...idle].filter(has(query.field, query.value))) {
        if (query.exclude_channel_id !== undefined && metadata.id === query.exclude_channel_id) {
          kept.push({ stream_id: id, reason: 'excluded_by_channel_id' });
          continue;
        }
        const others = clientsOf(id).filter((client) => client.id !== query.client_id);
        // A viewer who leaves what is recorded does not end the recording.
        if (query.force || (others.length === 0 && !recorded.has(id))) {
          deletions.push(id);
          continue;
        }
        if (others.length < clientsOf(id).length) farewells.push(id);
        const reason = others.length > 0 ? 'has_active_clients' : 'is_recorded';
        kept.push({ stream_id: id, reason, active_clients: others.length });
      }
      const { client_id = '' } = query;
      await Promise.all(farewells.map((id) => disconnectClient(services, client_id, id)));
      const existed = await Promise.all(deletions.map((id) => deleteStream(services, id, 'metadata_filter_deletion')));
      const deleted = deletions.filter((_, at) => existed[at]);
      return {
        message: `${deleted.length} of ${deleted.length + kept.length} matching streams deleted`,
        deleted_streams: deleted,
        skipped_streams: kept,
        deleted_count: deleted.length,
      };
    },
  );

  app.delete(
    '/streams/oldest-by-metadata',
    {
      schema: {
        tags,
        summary: 'Delete the oldest stream with viewers whose metadata has a value.',
        querystring: z.object({ ...filter, ...excludeChannel }),
        response: {
          200: z.object({
            message: z.string(),
            deleted_stream: z.string().nullable(),
            stream_age_seconds: z.number().optional(),
            was_recorded: z.boolean().optional().describe('A recording has ended with it: there was no other stream.'),
            deleted_count: z.int(),
          }),
        },
      },
    },
    async ({ query: { field, value, exclude_channel_id } }) => {
      const [{ streams, clientsOf }, recorded] = await Promise.all([
        takeSnapshot(services),
        services.registry.broadcasts.recorded(),
      ]);
      // Deleting a stream without viewers frees no connection. A recording is the last to go: nobody can make it again.
      const rank = ({ id }: StreamRecord): number => {
        if (recorded.has(id)) return 0;
        return clientsOf(id).length > 0 ? 2 : 1;
      };
      const [oldest] = streams
        .filter(has(field, value))
        .filter(({ metadata }) => exclude_channel_id === undefined || metadata.id !== exclude_channel_id)
        .sort((a, b) => rank(b) - rank(a) || a.createdAtMs - b.createdAtMs);
      if (oldest === undefined || !(await deleteStream(services, oldest.id, 'oldest_stream_deletion'))) {
        return { message: 'No stream matches', deleted_stream: null, deleted_count: 0 };
      }
      return {
        message: `Stream ${oldest.id} deleted`,
        deleted_stream: oldest.id,
        stream_age_seconds: (Date.now() - oldest.createdAtMs) / 1000,
        ...(recorded.has(oldest.id) && { was_recorded: true }),
        deleted_count: 1,
      };
    },
  );
}

function has(field: string, value: string): (stream: StreamRecord) => boolean {
  return ({ metadata }) => Object.hasOwn(metadata, field) && metadata[field] === value;
}
