/** The worker's metrics. Each is read from its owner on request, so nothing is counted twice. */

import { Registry } from 'prom-client';
import type { Totals } from '../../../registry/registry.ts';
import type { WorkerIdentity, WorkerNumbers } from '../../../registry/types.ts';
import { VERSION } from '../../../shared/version.ts';
import type { BroadcastNews } from '../broadcasts/broadcast-news.ts';
import type { Broadcasts } from '../broadcasts/broadcasts.ts';
import type { JoinedCluster } from '../cluster/cluster.ts';
import type { RedisTally } from '../cluster/redis-tally.ts';
import type { FfmpegTally } from '../ffmpeg/process/tally.ts';
import type { FilmFeeds } from '../films/film-feeds.ts';
import type { Lease } from '../ownership/lease.ts';
import type { ProcessFeeds } from '../processes/process-feeds.ts';
import type { HlsFeeds } from '../sources/hls/hls-feeds.ts';
import type { SourceMemories } from '../upstream/http/source-memory.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { Playback } from '../viewers/playback.ts';
import type { Seating } from '../viewers/seating.ts';
import type { Sessions } from '../viewers/sessions/sessions.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import { Collectors, type Labelled } from './collectors.ts';
import { cpuSeconds } from './cpu.ts';
import type { EventLoopDelay } from './event-loop.ts';
import type { StreamSeries } from './stream-series.ts';

export type MetricsRegistry = Registry;

export interface MetricsSources {
  readonly me: WorkerIdentity;
  readonly numbers: () => WorkerNumbers;
  /** Viewers, each HLS session once over all workers: see clientShare. */
  readonly clients: () => Promise<number>;
  readonly seating: Pick<Seating, 'failovers'>;
  readonly processFeeds: Pick<ProcessFeeds, 'restartCount' | 'hlsCounts'>;
  readonly films: Pick<FilmFeeds, 'waiting' | 'fetched'>;
  readonly ffmpegs: FfmpegTally;
  readonly playback: Pick<Playback, 'egressBytes' | 'failures' | 'skippedMs' | 'joins'>;
  readonly sessions: Pick<Sessions, 'size' | 'segmentCount'>;
  readonly memories: Pick<SourceMemories, 'receivedBytes'>;
  readonly connections: Pick<ProviderConnections, 'tally' | 'max'>;
  readonly hlsFeeds: Pick<HlsFeeds, 'requestCount' | 'cacheHits' | 'fetchedCount'>;
  readonly hls: { readonly blockedRequests: number };
  readonly lease: Pick<Lease, 'state' | 'losses'>;
  readonly broadcasts: Pick<Broadcasts, 'counts'>;
  readonly broadcastNews: Pick<BroadcastNews, 'ends' | 'writtenBytes'>;
  /** Of network channels. */
  readonly windows: { readonly heldBytes: number };
  readonly relays: Pick<JoinedCluster['relays'], 'connections' | 'sentBytes'>;
  readonly registry: Pick<Totals, 'eventCounts'>;
  readonly webhooks: Pick<Webhooks, 'deliveries'>;
  readonly redis: Pick<RedisTally, 'errors'>;
  readonly eventLoop: Pick<EventLoopDelay, 'p99Seconds'>;
  /** Of the console. */
  readonly pages: { readonly count: number };
  /** Undefined: METRICS_PER_STREAM is off. */
  readonly streams: StreamSeries | undefined;
}

/** @example const text = await workerMetrics(sources).metrics(); // '# HELP streampool_clients …' */
export function workerMetrics(sources: MetricsSources): MetricsRegistry {
  const registry = new Registry();
  const add = new Collectors(registry);
  addViewers(add, sources);
  addMedia(add, sources);
  addSources(add, sources);
  addBroadcasts(add, sources);
  addWorker(add, sources);
  return registry;
}

function addViewers(
  add: Collectors,
  { clients, sessions, hls, processFeeds, films, playback, numbers, streams }: MetricsSources,
): void {
  add.gauge('clients', clients);
  add.gauge('hlsSessions', () => sessions.size);
  add.counter('hlsSegments', () => sessions.segmentCount);
  const waiting = () => hls.blockedRequests + processFeeds.hlsCounts.waiting + films.waiting;
  add.gauge('hlsBlockedRequests', waiting);
  add.counter('egressBytes', () => playback.egressBytes);
  add.counter('skips', () => numbers().skips);
  add.counter('skippedSeconds', () => playback.skippedMs / 1000);
  add.counter('stalls', () => numbers().stalls);
  add.counter('errors', () => playback.failures);
  add.labelled('joins', () => byName(playback.joins.counts));
  if (streams === undefined) return;
  add.labelled('streamClients', () => streams.clients());
  add.labelled('streamBytes', () => streams.bytes());
  add.labelled('streamSpeed', () => streams.speed());
}

function addMedia(add: Collectors, { numbers, relays, processFeeds, ffmpegs }: MetricsSources): void {
  add.gauge('processes', () => numbers().processes);
  add.gauge('processFeeds', () => numbers().processFeeds);
  add.gauge('sourceFeeds', () => numbers().sourceFeeds);
  add.gauge('ringBytes', () => numbers().bufferedBytes);
  add.gauge('relays', () => relays.connections);
  add.counter('relayBytes', () => relays.sentBytes);
  add.counter('ffmpegRestarts', () => processFeeds.restartCount);
  add.counter('ffmpegStarts', () => ffmpegs.starts);
  add.labelled('ffmpegExits', () => byName(ffmpegs.exits));
}

function addSources(
  add: Collectors,
  { hlsFeeds, processFeeds, films, memories, seating, connections }: MetricsSources,
): void {
  add.counter('hlsUpstreamRequests', () => hlsFeeds.requestCount);
  const fetched = () => hlsFeeds.fetchedCount + processFeeds.hlsCounts.fetched + films.fetched;
  add.counter('hlsSegmentsFetched', fetched);
  add.counter('hlsCacheHits', () => hlsFeeds.cacheHits);
  add.counter('sourceBytes', () => memories.receivedBytes);
  add.labelled('sourceFailovers', () => byName(seating.failovers));
  const each = (value: (counts: (typeof connections.tally.all)[number]) => number): Labelled =>
    connections.tally.all.map((counts) => [[counts.provider], value(counts)]);
  add.labelled('providerConnections', () => each((counts) => counts.connections));
  const limit = () => (connections.max === 0 ? [] : each(({ accounts }) => connections.max * Math.max(1, accounts)));
  add.labelled('providerLimit', limit);
  add.labelled('providerRefusals', () => each(({ refusals }) => refusals));
}

function addBroadcasts(add: Collectors, { broadcasts, broadcastNews, windows }: MetricsSources): void {
  add.labelled('broadcasts', () => byName(broadcasts.counts));
  add.counter('broadcastBytes', () => broadcastNews.writtenBytes);
  add.labelled('broadcastEnds', () => byName(broadcastNews.ends));
  add.gauge('broadcastWindowBytes', () => windows.heldBytes);
}

function addWorker(
  add: Collectors,
  { me, numbers, lease, redis, registry, webhooks, eventLoop, pages }: MetricsSources,
): void {
  add.labelled('info', () => [[[VERSION, me.workerId, String(me.revision ?? '')], 1]]);
  add.counter('cpuSeconds', cpuSeconds);
  add.gauge('residentBytes', () => process.memoryUsage.rss());
  add.gauge('eventLoopP99Seconds', () => eventLoop.p99Seconds);
  add.gauge('draining', () => Number(numbers().draining));
  add.gauge('leaseHeld', () => Number(lease.state === 'held'));
  add.counter('leaseLosses', () => lease.losses);
  add.counter('redisErrors', () => redis.errors);
  add.labelled('events', async () => byName(new Map(Object.entries(await registry.eventCounts()))));
  add.labelled('webhookDeliveries', () => byName(webhooks.deliveries));
  add.gauge('consolePages', () => pages.count);
}

function byName(counts: ReadonlyMap<string, number>): Labelled {
  return [...counts].map(([name, count]) => [[name], count] as const);
}
