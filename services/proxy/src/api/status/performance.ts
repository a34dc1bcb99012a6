/** Load, failovers and errors of the cluster, and memory, CPU and event loop of the worker that answers. */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { z } from 'zod';
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
    event_loop_delay_p50_ms: z.number(),
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

/** Measures from its construction until it is closed. */
export class PerformanceMonitor {
  readonly #services: Services;
  readonly #delay: IntervalHistogram;

  constructor(services: Services) {
    this.#services = services;
    this.#delay = monitorEventLoopDelay({ resolution: 20 });
    this.#delay.enable();
  }

  close(): void {
    this.#delay.disable();
  }

  report({ streams, workers }: ClusterSnapshot): PerformanceReport {
    const { config } = this.#services;
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
        event_loop_delay_p50_ms: milliseconds(this.#delay.percentile(50)),
        event_loop_delay_p99_ms: milliseconds(this.#delay.percentile(99)),
        event_loop_delay_max_ms: milliseconds(this.#delay.max),
      },
      failover_stats: {
        total_failovers: streams.reduce((sum, { failover }) => sum + failover.attempts, 0),
        streams_with_failover: streams.filter(hasFailover).length,
        streams_on_failover: streams.filter(({ failover }) => failover.index >= 0).length,
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
}

function milliseconds(nanoseconds: number): number {
  return rounded(nanoseconds / 1e6);
}

function rounded(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 100) / 100 : 0;
}
