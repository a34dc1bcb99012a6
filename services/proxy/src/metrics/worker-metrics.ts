/** The worker's metrics: each read from its owner when somebody asks, so that nothing is counted twice. */

import { Counter, Gauge, Registry } from 'prom-client';
import type { WorkerNumbers } from '../../../registry/types.ts';
import { METRICS } from '../../../shared/metric-names.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Lease } from '../ownership/lease.ts';
import type { ProcessFeeds } from '../processes/process-feeds.ts';
import type { Playback } from '../viewers/playback.ts';
import { cpuSeconds } from './cpu.ts';

export type MetricsRegistry = Registry;

export interface MetricsSources {
  readonly numbers: () => WorkerNumbers;
  readonly processFeeds: Pick<ProcessFeeds, 'restartCount'>;
  readonly playback: Pick<Playback, 'egressBytes' | 'failures'>;
  readonly lease: Pick<Lease, 'state'>;
  readonly relays: Cluster['relays'];
}

/** @example const text = await workerMetrics(sources).metrics(); // '# HELP streampool_clients …' */
export function workerMetrics({ numbers, processFeeds, playback, lease, relays }: MetricsSources): MetricsRegistry {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers,
      // Its owner has counted already.
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  gauge(METRICS.clients, 'Viewers connected now.', () => numbers().clients);
  gauge(METRICS.processes, 'FFmpeg processes running now.', () => numbers().processes);
  gauge(METRICS.processFeeds, 'Outputs of FFmpegs, made here or followed.', () => numbers().processFeeds);
  gauge(METRICS.sourceFeeds, 'Sources, read here or followed.', () => numbers().sourceFeeds);
  gauge(METRICS.relays, 'Other workers that follow a feed of this one.', () => relays().open);
  counter(METRICS.egressBytes, 'Bytes sent to viewers.', () => playback.egressBytes);
  counter(METRICS.relayBytes, 'Bytes sent to other workers.', () => relays().sentBytes);
  counter(METRICS.cpuSeconds, 'CPU seconds of the worker and its FFmpegs.', cpuSeconds);
  gauge(METRICS.ringBytes, 'Bytes of media held for viewers.', () => numbers().bufferedBytes);
  gauge(METRICS.residentBytes, 'Bytes of memory of the worker itself.', () => process.memoryUsage.rss());
  counter(METRICS.ffmpegRestarts, 'FFmpegs started in place of one that had ended.', () => processFeeds.restartCount);
  counter(METRICS.skips, 'Times a viewer was too slow and skipped.', () => numbers().skips);
  counter(METRICS.stalls, 'Viewers dropped because they took nothing.', () => numbers().stalls);
  counter(METRICS.errors, 'Viewers whose stream could not be given, or failed.', () => playback.failures);
  gauge(METRICS.draining, '1 while the worker takes nothing new.', () => Number(numbers().draining));
  gauge(METRICS.leaseHeld, '1 while what the worker owns is surely its own.', () => Number(lease.state === 'held'));
  return registry;
}
