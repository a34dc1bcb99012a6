/** Numbers about streams, viewers and processes, as the status and statistics routes show them. */

import { z } from 'zod';
import { totalsOf } from '../../../../registry/broadcasts/totals.ts';
import { isOutage } from '../../../../registry/outage.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import type { KnownPlace } from '../../ownership/known-place.ts';
import type { HlsStatus } from '../../segments/feed-hls.ts';
import type { Services } from '../../worker/services.ts';
import type { ClusterSnapshot } from '../views/snapshot.ts';
import { bytesServed, segmentsServed } from '../views/stream-views.ts';

export const proxyStats = z.object({
  total_streams: z.int(),
  active_streams: z.int().describe('Streams with at least one client.'),
  total_clients: z.int(),
  active_clients: z.int(),
  total_connections: z.int().describe('Connections to providers, of all streams.'),
  total_bytes_served: z.int().describe('To the viewers of all streams that still exist.'),
  total_segments_served: z.int(),
  uptime_seconds: z.int(),
});

const kindTotals = z.object({
  total: z.int(),
  running: z.int().describe('Those that are not over.'),
  failed: z.int(),
  bytes: z.int().describe('What their segments take.'),
});

/** Recordings and network channels. null: Redis does not answer. */
export const broadcastStats = {
  recordings: kindTotals.nullable(),
  channels: kindTotals.nullable().describe('Network channels. null: Redis does not answer.'),
};

/** How many there are of each kind. */
export async function broadcastStatsOf({ broadcasts }: Pick<Services, 'broadcasts'>) {
  try {
    return totalsOf(await broadcasts.list());
  } catch (error) {
    if (!isOutage(error)) throw error;
    return { recordings: null, channels: null };
  }
}

export type ProxyStats = z.infer<typeof proxyStats>;

const sharing = {
  clients: z.int().describe('Viewers of transcoded streams.'),
  processes: z.int().describe('FFmpeg processes.'),
  buffered_bytes: z.int().describe('Media in memory, of source feeds and process feeds.'),
  skips: z.int().describe('How often a slow viewer skipped to a newer keyframe.'),
  stalls: z.int().describe('Viewers dropped because they stopped reading.'),
};

const origin = {
  owner: z.string().nullable().describe('The worker that this feed is relayed from; null: it is made here.'),
  epoch: z.int().describe('Fencing number of the ownership; it only grows.'),
};

const feedView = z.object({
  stream_id: z.string(),
  slot: z.int(),
  input: z.enum(['ffmpeg', 'source', 'relay']).describe('source: a shared direct stream.'),
  ...origin,
  pid: z.int().nullable(),
  clients: z.int().describe('Readers: viewers on this worker, and relays to other workers.'),
  restarts: z.int(),
  buffered_bytes: z.int().describe('Of its ring, and of its HLS segments.'),
  hls: z
    .object({ head: z.int().nullable(), segments: z.int(), containers: z.array(z.string()).readonly() })
    .nullable()
    .describe('Number of the newest segment, and how many a playlist has; null: nobody plays it by HLS.'),
});

const sourceView = z.object({
  url: z.string().describe('Credentials are hidden.'),
  input: z.enum(['upstream', 'relay']),
  ...origin,
  clients: z.int().describe('Readers: FFmpegs and viewers on this worker, and relays to other workers.'),
  buffered_bytes: z.int(),
});

export const poolingStats = z.object({
  enabled: z.boolean(),
  strategy: z.string(),
  max_clients_per_process: z.int().describe('0: no cap.'),
  ...sharing,
  clients_per_process: z.number(),
  processes_saved: z.int().describe('Additional processes that would run if no viewers shared one.'),
  workers: z.array(z.object({ worker_id: z.string(), ...sharing })).describe('The same numbers for each worker.'),
  worker_id: z.string().describe('The worker that answers; the feeds below are its own.'),
  feeds: z.array(feedView),
  source_feeds: z.array(sourceView),
});

export type PoolingStats = z.infer<typeof poolingStats>;

export function uptimeSeconds({ startedAtMs }: Pick<Services, 'startedAtMs'>): number {
  return Math.floor((Date.now() - startedAtMs) / 1000);
}

export function proxyStatsOf(services: Pick<Services, 'startedAtMs'>, snapshot: ClusterSnapshot): ProxyStats {
  const { streams, clients, clientsOf, connections } = snapshot;
  const sum = (value: typeof bytesServed): number =>
    streams.reduce((total, stream) => total + value(stream, clientsOf(stream.id)), 0);
  return {
    total_streams: streams.length,
    active_streams: streams.filter((stream) => clientsOf(stream.id).length > 0).length,
    total_clients: clients.length,
    active_clients: clients.length,
    total_connections: connections.total,
    total_bytes_served: sum(bytesServed),
    total_segments_served: sum(segmentsServed),
    uptime_seconds: uptimeSeconds(services),
  };
}

export function poolingStatsOf(
  { config, seating, sources }: Pick<Services, 'config' | 'seating' | 'sources'>,
  { streams, clients, workers }: ClusterSnapshot,
): PoolingStats {
  const transcoded = new Set(streams.filter(({ profile }) => profile !== undefined).map(({ id }) => id));
  const viewers = clients.filter(({ streamId }) => transcoded.has(streamId));
  const viewersAt = new Map<string, number>();
  for (const { workerId } of viewers) viewersAt.set(workerId, (viewersAt.get(workerId) ?? 0) + 1);
  const each = workers.map(({ workerId, processes, bufferedBytes, skips, stalls }) => ({
    worker_id: workerId,
    clients: viewersAt.get(workerId) ?? 0,
    processes,
    buffered_bytes: bufferedBytes,
    skips,
    stalls,
  }));
  const total = (field: keyof typeof sharing): number => each.reduce((sum, numbers) => sum + numbers[field], 0);
  const processes = total('processes');
  return {
    enabled: config.poolingEnabled && config.sharingStrategy !== 'disabled',
    strategy: config.sharingStrategy,
    max_clients_per_process: config.maxClientsPerSharedStream,
    clients: viewers.length,
    processes,
    buffered_bytes: total('buffered_bytes'),
    skips: total('skips'),
    stalls: total('stalls'),
    clients_per_process: processes === 0 ? 0 : Math.round((viewers.length / processes) * 100) / 100,
    processes_saved: Math.max(0, viewers.length - processes),
    workers: each,
    worker_id: config.workerId,
    feeds: [
      ...seating.feeds.status().map(({ streamId, slot, place, needsProcess, pid, readers, hls, ...feed }) => ({
        stream_id: streamId,
        slot,
        input: place.kind === 'relay' ? ('relay' as const) : needsProcess ? ('ffmpeg' as const) : ('source' as const),
        ...originOf(place),
        pid: pid ?? null,
        clients: readers,
        restarts: feed.restarts,
        buffered_bytes: feed.ringBytes,
        hls: hlsOf(hls),
      })),
      ...seating.films.status().map(({ streamId, slot, epoch, users, pid, ringBytes, hls }) => ({
        stream_id: streamId,
        slot,
        input: 'ffmpeg' as const,
        ...originOf({ kind: 'own', epoch }),
        pid: pid ?? null,
        clients: users,
        restarts: 0,
        buffered_bytes: ringBytes,
        hls: hlsOf(hls),
      })),
    ],
    source_feeds: sources.status().map(({ url, place, readers, ringBytes }) => ({
      url: maskUrl(url),
      input: place.kind === 'relay' ? 'relay' : 'upstream',
      ...originOf(place),
      clients: readers,
      buffered_bytes: ringBytes,
    })),
  };
}

function hlsOf(hls: HlsStatus | undefined): PoolingStats['feeds'][number]['hls'] {
  return hls === undefined ? null : { head: hls.head ?? null, segments: hls.segments, containers: hls.containers };
}

function originOf(place: KnownPlace): { owner: string | null; epoch: number } {
  if (place.kind === 'own') return { owner: null, epoch: place.epoch };
  return { owner: place.owner.workerId, epoch: place.owner.epoch };
}
