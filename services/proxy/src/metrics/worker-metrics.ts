/** The worker's metrics. Each is read from its owner on request, so nothing is counted twice. */

import { Counter, Gauge, Registry } from 'prom-client';
import type { WorkerNumbers } from '../../../registry/types.ts';
import { METRICS } from '../../../shared/metric-names.ts';
import type { JoinedCluster } from '../cluster/cluster.ts';
import type { FilmFeeds } from '../films/film-feeds.ts';
import type { Lease } from '../ownership/lease.ts';
import type { ProcessFeeds } from '../processes/process-feeds.ts';
import type { HlsFeeds } from '../sources/hls/hls-feeds.ts';
import type { Playback } from '../viewers/playback.ts';
import type { Sessions } from '../viewers/sessions/sessions.ts';
import { cpuSeconds } from './cpu.ts';

export type MetricsRegistry = Registry;

export interface MetricsSources {
  readonly numbers: () => WorkerNumbers;
  /** Viewers, each HLS session once over all workers: see clientShare. */
  readonly clients: () => Promise<number>;
  readonly processFeeds: Pick<ProcessFeeds, 'restartCount' | 'hlsCounts'>;
  readonly films: Pick<FilmFeeds, 'waiting' | 'fetched'>;
  readonly playback: Pick<Playback, 'egressBytes' | 'failures'>;
  readonly sessions: Pick<Sessions, 'size' | 'segmentCount'>;
  readonly hlsFeeds: Pick<HlsFeeds, 'requestCount' | 'cacheHits' | 'fetchedCount'>;
  readonly hls: { readonly blockedRequests: number };
  readonly lease: Pick<Lease, 'state'>;
  readonly relays: Pick<JoinedCluster['relays'], 'connections' | 'sentBytes'>;
}

/** @example const text = await workerMetrics(sources).metrics(); // '# HELP streampool_clients …' */
export function workerMetrics({
  numbers,
  clients,
  processFeeds,
  films,
  playback,
  sessions,
  hlsFeeds,
  hls,
  lease,
  relays,
}: MetricsSources): MetricsRegistry {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  gauge(METRICS.clients, 'Viewers connected now, with an even part of the HLS sessions of the cluster.', clients);
  gauge(METRICS.hlsSessions, 'HLS sessions that this worker serves now.', () => sessions.size);
  counter(METRICS.hlsSegments, 'Segments sent to HLS viewers.', () => sessions.segmentCount);
  gauge(
    METRICS.hlsBlockedRequests,
    'HLS requests that wait for what comes next.',
    () => hls.blockedRequests + processFeeds.hlsCounts.waiting + films.waiting,
  );
  counter(METRICS.hlsUpstreamRequests, 'Requests to providers of HLS.', () => hlsFeeds.requestCount);
  counter(
    METRICS.hlsSegmentsFetched,
    'Media of HLS from another worker.',
    () => hlsFeeds.fetchedCount + processFeeds.hlsCounts.fetched + films.fetched,
  );
  counter(METRICS.hlsCacheHits, 'Media of HLS sources that needed no request.', () => hlsFeeds.cacheHits);
  gauge(METRICS.processes, 'FFmpeg processes running now.', () => numbers().processes);
  gauge(METRICS.processFeeds, 'Process feeds that this worker makes or follows.', () => numbers().processFeeds);
  gauge(METRICS.sourceFeeds, 'Source feeds that this worker reads or follows.', () => numbers().sourceFeeds);
  gauge(METRICS.relays, 'Relays to other workers that are open now.', () => relays.connections);
  counter(METRICS.egressBytes, 'Bytes sent to viewers.', () => playback.egressBytes);
  counter(METRICS.relayBytes, 'Bytes sent to other workers.', () => relays.sentBytes);
  counter(METRICS.cpuSeconds, 'CPU seconds of the worker and its FFmpegs.', cpuSeconds);
  gauge(METRICS.ringBytes, 'Bytes of media held for viewers.', () => numbers().bufferedBytes);
  gauge(METRICS.residentBytes, 'Bytes of memory of the worker itself.', () => process.memoryUsage.rss());
  counter(
    METRICS.ffmpegRestarts,
    'FFmpeg processes started to replace one that ended.',
    () => processFeeds.restartCount,
  );
  counter(METRICS.skips, 'Times a slow viewer skipped media.', () => numbers().skips);
  counter(METRICS.stalls, 'Viewers dropped because they took nothing.', () => numbers().stalls);
  counter(METRICS.errors, 'Viewers whose stream could not start or failed.', () => playback.failures);
  gauge(METRICS.draining, '1 while the worker drains and takes nothing new, else 0.', () => Number(numbers().draining));
  gauge(METRICS.leaseHeld, '1 while the lease is held, else 0.', () => Number(lease.state === 'held'));
  return registry;
}
