/** Load, failovers and errors of the cluster, and memory, CPU and event loop of the worker that answers. */

import { z } from 'zod';
import { playedSource } from '../../../../registry/groups.ts';
import type { WorkerNumbers } from '../../../../registry/types.ts';
import type { Services } from '../../worker/services.ts';
import type { ClusterSnapshot } from '../views/snapshot.ts';
import { hasFailover } from '../views/stream-views.ts';

export const performanceReport = z.object({
  connection_pool: z.object({
    workers: z.int(),
    feeds: z.int().describe('Of processes.'),
    source_feeds: z.int(),
    ffmpeg_processes: z.int(),
    max_processes: z.int().describe('Limit per worker; 0: no limit.'),
    clients: z.int(),
    max_clients: z.int().describe('Limit per worker; 0: no limit.'),
    buffered_bytes: z.int(),
  }),
  performance_metrics: z.object({
    worker_id: z.string().describe('The worker that answers; the fields below are its own.'),
    memory_rss_bytes: z.int(),
    memory_heap_bytes: z.int(),
    memory_buffers_bytes: z.int(),
    cpu_seconds: z.number().describe('CPU time of the worker process since its start, without its FFmpegs.'),
    event_loop_delay_p50_ms: z
      .number()
      .describe('By how much the event loop was late in the last 10 s, as the next two.'),
    event_loop_delay_p99_ms: z.number(),
    event_loop_delay_max_ms: z.number(),
  }),
  failover_stats: z.object({
    total_failovers: z.int(),
    streams_with_failover: z.int(),
    streams_on_failover: z.int(),
  }),
  error_stats: z.object({
    total_errors: z.int(),
    streams_with_errors: z.int(),
    ffmpeg_restarts: z.int().describe('Of the feeds that are running now.'),
    client_skips: z.int(),
    client_stalls: z.int(),
  }),
});

export type PerformanceReport = z.infer<typeof performanceReport>;

/** @param snapshot of the cluster */
export function performanceOf(services: Services, { streams, workers }: ClusterSnapshot): PerformanceReport {
  const { config, eventLoop } = services;
  const { p50, p99, max } = eventLoop.lateness;
  const total = (value: (worker: WorkerNumbers) => number): number =>
    workers.reduce((sum, worker) => sum + value(worker), 0);
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    connection_pool: {
      workers: workers.length,
      feeds: total(({ processFeeds }) => processFeeds),
      source_feeds: total(({ sourceFeeds }) => sourceFeeds),
      ffmpeg_processes: total(({ processes }) => processes),
      max_processes: config.maxProcesses,
      clients: total(({ clients }) => clients),
      max_clients: config.maxClients,
      buffered_bytes: total(({ bufferedBytes }) => bufferedBytes),
    },
    performance_metrics: {
      worker_id: config.workerId,
      memory_rss_bytes: rss,
      memory_heap_bytes: heapUsed,
      memory_buffers_bytes: arrayBuffers,
      cpu_seconds: rounded((user + system) / 1e6),
      event_loop_delay_p50_ms: milliseconds(p50),
      event_loop_delay_p99_ms: milliseconds(p99),
      event_loop_delay_max_ms: milliseconds(max),
    },
    failover_stats: {
      total_failovers: streams.reduce((sum, { failover }) => sum + failover.attempts, 0),
      streams_with_failover: streams.filter(hasFailover).length,
      streams_on_failover: streams.filter((stream) => playedSource(stream) >= 0).length,
    },
    error_stats: {
      total_errors: streams.reduce((sum, { errorCount }) => sum + errorCount, 0),
      streams_with_errors: streams.filter(({ errorCount }) => errorCount > 0).length,
      ffmpeg_restarts: total(({ restarts }) => restarts),
      client_skips: total(({ skips }) => skips),
      client_stalls: total(({ stalls }) => stalls),
    },
  };
}

function milliseconds(seconds: number): number {
  return rounded(seconds * 1000);
}

function rounded(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : 0;
}
