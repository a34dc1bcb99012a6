/** How this worker is doing: memory, processor, event loop, failovers and errors. */

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { z } from 'zod';
import type { Services } from '../worker.ts';
import type { Snapshot } from './snapshot.ts';
import { hasFailover } from './views.ts';

export const performanceReport = z.object({
  connection_pool: z.object({
    feeds: z.int(),
    ffmpeg_processes: z.int(),
    max_processes: z.int().describe('0: no limit.'),
    clients: z.int().describe('Viewers of this worker.'),
    max_clients: z.int().describe('0: no limit.'),
    buffered_bytes: z.int(),
  }),
  performance_metrics: z.object({
    memory_rss_bytes: z.int(),
    memory_heap_bytes: z.int(),
    memory_buffers_bytes: z.int(),
    cpu_seconds: z.number().describe('Of the worker itself since its start, without its FFmpegs.'),
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
    ffmpeg_restarts: z.int().describe('Of the feeds that run now.'),
    client_skips: z.int(),
    client_stalls: z.int(),
  }),
});

export type PerformanceReport = z.infer<typeof performanceReport>;

/** Measures from its making until it is closed. */
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

  report({ streams }: Snapshot): PerformanceReport {
    const { config, pool, playback } = this.#services;
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      connection_pool: {
        feeds: pool.feedCount,
        ffmpeg_processes: pool.processCount,
        max_processes: config.maxProcesses,
        clients: playback.clientCount,
        max_clients: config.maxClients,
        buffered_bytes: pool.heldBytes,
      },
      performance_metrics: {
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
        ffmpeg_restarts: pool.status().reduce((sum, { restarts }) => sum + restarts, 0),
        client_skips: playback.losses.skips,
        client_stalls: playback.losses.stalls,
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
