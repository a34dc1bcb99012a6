/** Numbers about streams, viewers and processes, as the status and statistics routes show them. */

import { z } from 'zod';
import type { Services } from '../worker.ts';
import type { Snapshot } from './snapshot.ts';
import { bytesServed, segmentsServed } from './views.ts';

export const proxyStats = z.object({
  total_streams: z.int(),
  active_streams: z.int().describe('Those that somebody watches.'),
  total_clients: z.int(),
  active_clients: z.int(),
  total_bytes_served: z.int().describe('To the viewers of the streams that exist.'),
  total_segments_served: z.int(),
  uptime_seconds: z.int(),
});

export type ProxyStats = z.infer<typeof proxyStats>;

export const poolingStats = z.object({
  enabled: z.boolean(),
  strategy: z.string(),
  max_clients_per_process: z.int().describe('0: no cap.'),
  clients: z.int().describe('Viewers of transcoded streams.'),
  processes: z.int().describe('FFmpeg processes of this worker.'),
  clients_per_process: z.number(),
  processes_saved: z.int().describe('Processes there would be more if no viewer shared one.'),
  skips: z.int().describe('Times a viewer was too slow and went on at a newer keyframe.'),
  stalls: z.int().describe('Viewers dropped because they took nothing.'),
  feeds: z.array(
    z.object({
      stream_id: z.string(),
      slot: z.int(),
      pid: z.int().nullable(),
      clients: z.int(),
      restarts: z.int(),
      buffered_bytes: z.int(),
    }),
  ),
});

export type PoolingStats = z.infer<typeof poolingStats>;

export function uptimeSeconds({ startedAtMs }: Pick<Services, 'startedAtMs'>): number {
  return Math.floor((Date.now() - startedAtMs) / 1000);
}

export function proxyStatsOf(services: Pick<Services, 'startedAtMs'>, snapshot: Snapshot): ProxyStats {
  const { streams, clients, clientsOf } = snapshot;
  const sum = (value: typeof bytesServed): number =>
    streams.reduce((total, stream) => total + value(stream, clientsOf(stream.id)), 0);
  return {
    total_streams: streams.length,
    active_streams: streams.filter((stream) => clientsOf(stream.id).length > 0).length,
    total_clients: clients.length,
    active_clients: clients.length,
    total_bytes_served: sum(bytesServed),
    total_segments_served: sum(segmentsServed),
    uptime_seconds: uptimeSeconds(services),
  };
}

export function poolingStatsOf(
  { config, pool, playback }: Pick<Services, 'config' | 'pool' | 'playback'>,
  snapshot: Snapshot,
): PoolingStats {
  const transcoded = snapshot.streams.filter((stream) => stream.profile !== undefined);
  const clients = transcoded.reduce((sum, stream) => sum + snapshot.clientsOf(stream.id).length, 0);
  const processes = pool.processCount;
  return {
    enabled: config.poolingEnabled && config.sharingStrategy !== 'disabled',
    strategy: config.sharingStrategy,
    max_clients_per_process: config.maxClientsPerSharedStream,
    clients,
    processes,
    clients_per_process: processes === 0 ? 0 : Math.round((clients / processes) * 100) / 100,
    processes_saved: Math.max(0, clients - processes),
    ...playback.losses,
    feeds: pool.status().map(({ streamId, slot, pid, readers, restarts, ringBytes }) => ({
      stream_id: streamId,
      slot,
      pid: pid ?? null,
      clients: readers,
      restarts,
      buffered_bytes: ringBytes,
    })),
  };
}
