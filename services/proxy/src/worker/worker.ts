/** Puts the parts of a worker together: everything the API serves, and how it all ends. */

import { parseFeedKey, streamOfFeed } from '../../../registry/feed-keys.ts';
import type { Registry } from '../../../registry/registry.ts';
import type { Command, WorkerNumbers } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { pause } from '../async.ts';
import { joinCluster, type RelayedFeeds, soloCluster } from '../cluster/cluster.ts';
import { Heartbeat } from '../cluster/heartbeat.ts';
import type { Config } from '../config/config.ts';
import { EcsMembership } from '../ecs/membership.ts';
import type { RingLimits } from '../feed/ring.ts';
import { readOwnOptions } from '../ffmpeg/arguments/own-reading.ts';
import type { HardwareAcceleration } from '../ffmpeg/host/hardware.ts';
import { type LocatedFfmpeg, locateFfmpeg } from '../ffmpeg/host/locate.ts';
import { prepareFfmpeg } from '../ffmpeg/host/prepare.ts';
import type { SandboxReport } from '../ffmpeg/host/sandbox.ts';
import { CpuLoad } from '../metrics/cpu-load.ts';
import { type MetricsRegistry, workerMetrics } from '../metrics/worker-metrics.ts';
import { FeedPlace, type KnownPlace } from '../ownership/feed-place.ts';
import { Handover } from '../ownership/handover.ts';
import { Lease } from '../ownership/lease.ts';
import { SilentWorkers } from '../ownership/silent-workers.ts';
import { SourceFeeds } from '../sources/source-feeds.ts';
import { StreamCatalogue } from '../streams/stream-catalogue.ts';
import { clientCap } from '../streams/stream-key.ts';
import { LEASE_MS, RETAIN_MS } from '../timing.ts';
import { EgressGuard } from '../upstream/egress/egress-guard.ts';
import { HopMarker } from '../upstream/egress/hop-marker.ts';
import { askFailoverResolver } from '../upstream/failover/failover-resolver.ts';
import { Gateway } from '../upstream/gateway/gateway.ts';
import { SourceMemories } from '../upstream/http/source-memory.ts';
import { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import { Playback } from '../viewers/playback.ts';
import { Seating } from '../viewers/seating.ts';
import { carryOut } from './commands.ts';
import { workerNumbers } from './worker-numbers.ts';

/** All rings together take at most this share of the memory limit. */
const RING_MEMORY_SHARE = 0.4;
/** A smaller ring does not work. */
const RING_MIN_BYTES = 2 * 1024 * 1024;

/** What the routes use. */
export interface Services {
  readonly config: Config;
  readonly log: Logger;
  readonly registry: Registry;
  readonly catalogue: StreamCatalogue;
  readonly seating: Seating;
  readonly sources: SourceFeeds;
  readonly playback: Playback;
  readonly guard: EgressGuard;
  readonly memories: SourceMemories;
  readonly connections: ProviderConnections;
  readonly hardware: HardwareAcceleration;
  readonly ffmpeg: LocatedFfmpeg;
  /** How FFmpeg is restricted on this machine. */
  readonly sandbox: SandboxReport;
  readonly startedAtMs: number;
  /** The secret for signed playback URLs, the same on all workers of the cluster. */
  readonly playbackSecret: () => string;
  /** The metrics of this worker, for Prometheus. */
  readonly metrics: MetricsRegistry;
  /** Whether the worker takes no new streams; `/readyz` shows it. */
  isDraining(): boolean;
  /** The current numbers of this worker. */
  numbers(): WorkerNumbers;
  /** Carries out a command from another worker or from the API here. */
  carryOut(command: Command): Promise<void>;
}

export interface Worker {
  readonly services: Services;
  /** Hands over the feeds that other workers read, waits up to `drainMs` for the viewers to leave, then ends everything. */
  drain(drainMs: number): Promise<void>;
}

const DRAIN_POLL_MS = 200;

/**
 * @throws {StreampoolError} when there is no usable FFmpeg, with the command that installs one
 */
export async function createWorker(config: Config, log: Logger): Promise<Worker> {
  let draining = false;
  const ffmpeg = await locateFfmpeg(config.ffmpegPath);
  const [reading, { sandbox, hardware }] = await Promise.all([
    readOwnOptions(ffmpeg.path, ffmpeg.version),
    prepareFfmpeg(ffmpeg.path, {
      available: config.hwAccelType !== 'cpu',
      type: config.hwAccelType,
      device: config.hwAccelDevice,
    }),
  ]);
  for (const layer of sandbox.report.missing) log.warn(layer);
  if (hardware.reason !== undefined) {
    log.warn(
      { type: config.hwAccelType, reason: hardware.reason },
      'hardware encoding does not work; encoding on the CPU instead',
    );
  }
  let ready = false;
  const feeds: RelayedFeeds = {
    find: async (key, via) => {
      const name = parseFeedKey(key);
      if (!ready || name === undefined) return undefined;
      if (name.kind === 'source') return sources.relay(name.source, via);
      return seating.feeds.relay(name.streamId, name.slot, via);
    },
    placeAnswer: (key) => placeAt(key)?.placeAnswer,
    prepare: async (key) => {
      const name = parseFeedKey(key);
      if (!ready || draining || name === undefined) return false;
      return name.kind === 'source' ? sources.prepare(name.source) : seating.feeds.prepare(name.streamId, name.slot);
    },
  };
  const placeAt = (key: string) => (ready ? (seating.feeds.placeOf(key) ?? sources.placeOf(key)) : undefined);
  const cluster = config.redisEnabled ? await joinCluster(config, feeds, log) : soloCluster(config);
  const { registry, identity: me } = cluster;
  const lease = new Lease({
    registry,
    leaseMs: LEASE_MS,
    load: () => ({ capacity: seating.capacity, ...numbers() }),
    onCommand: (command) =>
      void doIt(command).catch((error: unknown) => log.warn({ err: error, command }, 'could not carry out a command')),
    onMoved: ({ feed, place }) => placeAt(feed)?.set(place),
    log,
  });
  const silentWorkers = new SilentWorkers();
  const placeOf = (feed: string, first: KnownPlace) =>
    new FeedPlace(feed, first, {
      registry,
      lease,
      leaseMs: LEASE_MS,
      me,
      secret: cluster.secret,
      silentWorkers,
      isFull: () => streamOfFeed(feed) !== undefined && seating.capacity === 'full',
      log,
    });
  const cpu = new CpuLoad(config.maxCpuPercent);
  const guard = new EgressGuard(config.allowPrivateSources, undefined, new HopMarker(cluster.secret));
  const reclaim = async (account: string) => {
    await seating.feeds.endIdle(account);
    sources.closeIdle(account);
    await sources.settle();
  };
  const connections = new ProviderConnections({ max: config.sourceMaxConnections, registry, reclaim });
  const memories = new SourceMemories();
  const gateway = new Gateway({
    guard,
    memories,
    connections,
    connectTimeoutMs: config.connectTimeoutMs,
    headersTimeoutMs: config.readTimeoutMs,
    stallTimeoutMs: config.liveChunkTimeoutMs,
    clientStallTimeoutMs: config.clientStallTimeoutMs,
  });
  await gateway.listen();

  const ringLimits = (): RingLimits => {
    const feeds = Math.max(1, sources.size + seating.feeds.size);
    const share = Math.max(RING_MIN_BYTES, (config.memoryLimitBytes * RING_MEMORY_SHARE) / feeds);
    return { retainMs: RETAIN_MS, joinBufferMs: config.joinBufferMs, maxBytes: Math.min(config.ringMaxBytes, share) };
  };
  const sources: SourceFeeds = new SourceFeeds(
    {
      guard,
      memories,
      log,
      registry,
      placeOf,
      ringLimits,
      settings: {
        connectTimeoutMs: config.connectTimeoutMs,
        readTimeoutMs: config.readTimeoutMs,
        liveChunkTimeoutMs: config.liveChunkTimeoutMs,
        streamTimeoutMs: config.streamTimeoutMs,
        retry: config,
        bitrate: config,
      },
    },
    connections,
  );
  const seating: Seating = new Seating({
    registry,
    sources,
    connections,
    placeOf,
    gateway,
    log,
    ringLimits,
    sandbox,
    reading,
    keyframeIntervalMs: config.keyframeIntervalMs,
    preferredAudioLanguages: config.preferredAudioLanguages,
    firstPictureTimeoutMs: config.streamTotalTimeoutMs || config.readTimeoutMs,
    streamTimeoutMs: config.streamTimeoutMs,
    streamTotalTimeoutMs: config.streamTotalTimeoutMs,
    retryAttempts: config.retryAttempts,
    retryDelayMs: config.retryDelayMs,
    cap: clientCap(config.sharingStrategy, config.poolingEnabled, config.maxClientsPerSharedStream),
    shareDirectStreams: config.shareDirectStreams,
    maxProcesses: config.maxProcesses,
    isDraining: () => draining,
    isBusy: () => cpu.isBusy,
    sharedStreamGraceMs: config.sharedStreamGraceMs,
    source: {
      maxFailoverAttempts: config.maxFailoverAttempts,
      askResolver: (question) => askFailoverResolver(question, { guard, userAgent: config.defaultUserAgent, log }),
    },
  });
  const playback = new Playback({
    seating,
    registry,
    workerId: config.workerId,
    clientStallTimeoutMs: config.clientStallTimeoutMs,
    clientTimeoutMs: config.clientTimeoutMs,
    maxClients: config.maxClients,
    log,
  });
  const catalogue = new StreamCatalogue({
    registry,
    guard,
    hardware,
    reading,
    strategy: config.sharingStrategy,
    defaultUserAgent: config.defaultUserAgent,
    maxStreams: config.maxStreams,
  });

  const cleanup = setInterval(() => {
    const cleaned = registry.cleanup(config.streamIdleTtlMs).then(({ expiredStreams }) => {
      for (const id of expiredStreams) void seating.drop(id);
      if (expiredStreams.length > 0)
        log.info({ streams: expiredStreams }, 'removed streams that were idle for STREAM_IDLE_TTL');
    });
    cleaned.catch((error: unknown) => log.warn({ err: error }, 'could not clean up the registry'));
  }, config.cleanupIntervalMs);

  const numbers = () => workerNumbers({ seating, sources, playback, connections, draining });
  const heartbeat = new Heartbeat(registry, numbers);
  const handover = new Handover({
    processes: () => seating.feeds.owned,
    sources: () => sources.owned,
    followersOf: cluster.followersOf,
    secret: cluster.secret,
    log,
  });
  const startDraining = () => {
    if (draining) return;
    draining = true;
    log.info('draining: the worker takes nothing new, and hands over the feeds that other workers read');
    void heartbeat.beat();
    handover.start();
  };
  const doIt = (command: Command) => carryOut(command, { registry, seating, playback, startDraining, reclaim });
  const ecs = new EcsMembership({
    agentUri: process.env.ECS_AGENT_URI,
    metadataUri: process.env.ECS_CONTAINER_METADATA_URI_V4,
    registry,
    me,
    numbers,
    startDraining,
    deployDrainMs: config.deployDrainMs,
    log,
  });
  ready = true;
  await heartbeat.start(config.heartbeatIntervalMs);
  await lease.start();
  ecs.start();
  cluster.onReturn(() => lease.renewSoon());
  return {
    services: {
      config,
      log,
      registry,
      catalogue,
      seating,
      sources,
      playback,
      guard,
      memories,
      connections,
      hardware,
      ffmpeg,
      sandbox: sandbox.report,
      startedAtMs: heartbeat.startedAtMs,
      playbackSecret: cluster.playbackSecret,
      metrics: workerMetrics({ numbers, processFeeds: seating.feeds, playback, lease, relays: cluster.relays }),
      isDraining: () => draining,
      numbers,
      carryOut: doIt,
    },
    async drain(drainMs) {
      startDraining();
      const untilMs = performance.now() + drainMs;
      while ((playback.clientCount > 0 || handover.isPending) && performance.now() < untilMs) {
        await pause(DRAIN_POLL_MS);
      }
      clearInterval(cleanup);
      await ecs.stop();
      heartbeat.stop();
      await handover.stop();
      lease.stop();
      await playback.close();
      await seating.close();
      await sources.close();
      await gateway.close();
      cpu.stop();
      await cluster.close();
    },
  };
}
