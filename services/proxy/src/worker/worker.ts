/** Puts the parts of a worker together, each after those that it uses, and ends them. */

import { streamName } from '../../../registry/events/stream-facts.ts';
import type { Command } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { BROADCAST_USER_AGENT, BroadcastCallback } from '../broadcasts/broadcast-callback.ts';
import { openFeed } from '../broadcasts/broadcast-feed.ts';
import { BroadcastNews } from '../broadcasts/broadcast-news.ts';
import { Broadcasts } from '../broadcasts/broadcasts.ts';
import { openFilm } from '../broadcasts/film-broadcast.ts';
import { askForBroadcast } from '../broadcasts/remote-broadcast.ts';
import { MemoryStore } from '../broadcasts/store/memory-store.ts';
import { openStore } from '../broadcasts/store/open-store.ts';
import { loadCues } from '../broadcasts/subtitles/load-cues.ts';
import type { JoinedCluster } from '../cluster/cluster.ts';
import { Heartbeat } from '../cluster/heartbeat.ts';
import { redisCluster } from '../cluster/redis-cluster.ts';
import { soloCluster } from '../cluster/solo-cluster.ts';
import type { Config, Environment } from '../config/config.ts';
import { DrainEnd } from '../ecs/drain-end.ts';
import { EcsMembership } from '../ecs/membership.ts';
import { isOnEcs } from '../ecs/task-metadata.ts';
import { EventFeed } from '../events/event-feed.ts';
import { FfmpegTally } from '../ffmpeg/process/tally.ts';
import { levelDefaults } from '../levels/level-settings.ts';
import { LevelMeters } from '../levels/level-watch.ts';
import { clientShare } from '../metrics/client-share.ts';
import { CpuLoad } from '../metrics/cpu-load.ts';
import { EventLoopDelay } from '../metrics/event-loop.ts';
import { addMeasures } from '../metrics/measures.ts';
import { MetricsLog } from '../metrics/metrics-log.ts';
import { Sampler } from '../metrics/sampler.ts';
import { StreamHistory } from '../metrics/stream-history.ts';
import { StreamSeries } from '../metrics/stream-series.ts';
import { workerMetrics } from '../metrics/worker-metrics.ts';
import { FeedPlace, type PlaceOf } from '../ownership/feed-place.ts';
import { Handover } from '../ownership/handover.ts';
import { Lease } from '../ownership/lease.ts';
import { LeaseRenewal } from '../ownership/lease-renewal.ts';
import { SilentWorkers } from '../ownership/silent-workers.ts';
import { PageResolvers } from '../page-resolvers/page-resolvers.ts';
import { makingReportOf } from '../relay/peers.ts';
import { systemWire } from '../relay/wire.ts';
import { Sealer } from '../sealer.ts';
import { HlsFeeds } from '../sources/hls/hls-feeds.ts';
import { SourceFeeds } from '../sources/source-feeds.ts';
import { StreamCatalogue } from '../streams/stream-catalogue.ts';
import { clientCap } from '../streams/stream-key.ts';
import { LEASE_MS } from '../timing.ts';
import { DashSources } from '../upstream/dash/dash-sources.ts';
import { EgressGuard } from '../upstream/egress/egress-guard.ts';
import { HopMarker } from '../upstream/egress/hop-marker.ts';
import { askFailoverResolver } from '../upstream/failover/failover-resolver.ts';
import { Gateway } from '../upstream/gateway/gateway.ts';
import { HlsCache } from '../upstream/hls/hls-cache.ts';
import { HlsRequests } from '../upstream/hls/hls-requests.ts';
import { HlsSources } from '../upstream/hls/hls-sources.ts';
import type { OpenHls } from '../upstream/hls/hls-upstream.ts';
import { SourceMemories } from '../upstream/http/source-memory.ts';
import type { OpenPipe } from '../upstream/http/upstream-request.ts';
import { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import { Playback } from '../viewers/playback.ts';
import { Seating } from '../viewers/seating.ts';
import { Sessions } from '../viewers/sessions/sessions.ts';
import { WebhookSender } from '../webhooks/webhook-sender.ts';
import { Webhooks } from '../webhooks/webhooks.ts';
import { startCleanup } from './cleanup.ts';
import { carryOut } from './commands.ts';
import { Drain } from './drain.ts';
import { FeedsHere } from './feeds-here.ts';
import { LimitNews } from './limit-news.ts';
import { makingReport } from './making-report.ts';
import { OpenPages } from './open-pages.ts';
import { ownFfmpeg } from './own-ffmpeg.ts';
import { relayedFeeds } from './relayed-feeds.ts';
import { ringLimits } from './ring-budget.ts';
import type { Services } from './services.ts';
import { startWaitsFor } from './start.ts';
import { streamRates, workerNumbers } from './worker-numbers.ts';

/** How long somebody who looks at a stream waits for what the worker that makes it tells. */
const LOOK_TIMEOUT_MS = 1_000;

export interface Worker {
  readonly services: Services;
  /**
   * Hands over the feeds that other workers read, waits up to `drainMs` for the viewers to leave, then ends everything.
   * @param handoversMs feeds are handed over for so long, even when viewers here have less time
   * @param signal what asked for it, for the log
   */
  drain(drainMs: number, handoversMs?: number, signal?: string): Promise<void>;
  /** Calls back when the worker was told to drain, nobody needs it any more, and ECS starts another one if it wants one. */
  onDrained(listener: () => void): void;
  /** What the log says of a stream beside its id; undefined when this worker does not know it. */
  aboutStream(id: string): { readonly name: string; readonly profile: string | undefined } | undefined;
}

/**
 * @param environment that `config` was read from: people see where each setting has come from
 * @param findFfmpeg `ownFfmpeg`, or what has its answer already
 * @throws {StreampoolError} when there is no usable FFmpeg, with the command that installs one; and as `Cluster.join`
 */
export async function createWorker(
  config: Config,
  log: Logger,
  environment: Environment = process.env,
  findFfmpeg: typeof ownFfmpeg = ownFfmpeg,
): Promise<Worker> {
  const { ffmpeg, reading, sandbox, hardware } = await findFfmpeg(config, log);
  const cluster = config.redisEnabled ? redisCluster(config, log) : soloCluster(config);
  const { registry, identity: me } = cluster;
  const wire = systemWire;
  const { clock } = wire;
  const drain = new Drain(log, clock);
  const feeds = new FeedsHere();
  const lease = new Lease(clock);
  const silentWorkers = new SilentWorkers();
  const placeOf: PlaceOf = (feed, first, isFull) =>
    new FeedPlace(feed, first, {
      registry,
      lease,
      leaseMs: LEASE_MS,
      me,
      secret: cluster.secret,
      silentWorkers,
      wire,
      isFull,
      log,
    });
  const cpu = new CpuLoad(config.maxCpuPercent);
  const guard = new EgressGuard(config.allowPrivateSources, undefined, new HopMarker(cluster.secret));
  const reclaim = (account: string) => feeds.endIdle(account);
  const connections = new ProviderConnections({ max: config.sourceMaxConnections, registry, reclaim });
  const memories = new SourceMemories();
  const sealer = new Sealer(cluster.playbackSecrets, cluster.mayLackSecret);
  const windows = new MemoryStore();
  const limits = () => ringLimits(config, feeds.size, windows.heldBytes);
  const hlsFeeds = new HlsFeeds({
    requests: new HlsRequests({ guard, memories, settings: config }),
    cache: new HlsCache(config.hlsCacheBytes),
    connections,
    registry,
    placeOf,
    clock,
    clientTimeoutMs: config.clientTimeoutMs,
  });
  const openHls: OpenHls = (address) => hlsFeeds.of(address);
  const gateway = new Gateway({
    guard,
    memories,
    connections,
    connectTimeoutMs: config.connectTimeoutMs,
    headersTimeoutMs: config.readTimeoutMs,
    stallTimeoutMs: config.liveChunkTimeoutMs,
    clientStallTimeoutMs: config.clientStallTimeoutMs,
    openHls,
    openPipe: (...pipe) => openPipe(...pipe),
  });

  const pageResolvers = new PageResolvers({
    settings: {
      streamlink: { enabled: config.streamlinkEnabled, path: config.streamlinkPath },
      ytdlp: { enabled: config.ytdlpEnabled, path: config.ytdlpPath },
      cookiesDir: config.cookiesDir,
    },
    ...{ sandbox, gateway, guard },
  });
  const openPipe: OpenPipe = (pipe, signal) => pageResolvers.openPipe(pipe, signal);

  const sources = new SourceFeeds(
    {
      guard,
      memories,
      clock,
      log,
      registry,
      placeOf,
      openHls,
      openPipe,
      ringLimits: limits,
      settings: {
        connectTimeoutMs: config.connectTimeoutMs,
        readTimeoutMs: config.readTimeoutMs,
        liveChunkTimeoutMs: config.liveChunkTimeoutMs,
        streamTimeoutMs: config.streamTimeoutMs,
        retry: config,
        bitrate: config,
        slowDetection: config.slowDetection,
        segmentMs: config.hlsSegmentTimeMs,
      },
    },
    connections,
  );
  const ffmpegs = new FfmpegTally();
  const seating = new Seating({
    registry,
    tally: ffmpegs,
    sources,
    connections,
    placeOf,
    gateway,
    log,
    ringLimits: limits,
    sandbox,
    reading,
    segmentMs: config.hlsSegmentTimeMs,
    preferredAudioLanguages: config.preferredAudioLanguages,
    firstPictureTimeoutMs: config.streamTotalTimeoutMs || config.readTimeoutMs,
    levels: {
      meters: new LevelMeters({
        ...{ sandbox, tally: ffmpegs, clock, log },
        preferredAudioLanguages: config.preferredAudioLanguages,
      }),
      defaults: levelDefaults(config),
    },
    streamTimeoutMs: config.streamTimeoutMs,
    streamTotalTimeoutMs: config.streamTotalTimeoutMs,
    retryAttempts: config.retryAttempts,
    retryDelayMs: config.retryDelayMs,
    cap: clientCap(config.sharingStrategy, config.poolingEnabled, config.maxClientsPerSharedStream),
    shareDirectStreams: config.shareDirectStreams,
    maxProcesses: config.maxProcesses,
    isDraining: () => drain.isBegun,
    isBusy: () => cpu.isBusy,
    me,
    secret: cluster.secret,
    sharedStreamGraceMs: config.sharedStreamGraceMs,
    segments: {
      segmentMs: config.hlsSegmentTimeMs,
      listSize: config.hlsListSize,
      startSegments: config.hlsStartSegments,
      waitMs: config.hlsWaitMs,
      partMs: config.hlsPartTimeMs,
      maxClients: config.maxClients,
    },
    failover: {
      maxFailoverAttempts: config.maxFailoverAttempts,
      askResolver: (question) =>
        askFailoverResolver(question, { guard, userAgent: config.defaultUserAgent, clock, log }),
      askPage: (page, url) => pageResolvers.sourceOf({ ...page, url }),
    },
  });
  feeds.add(seating.feeds, seating.films, sources, hlsFeeds);
  const playback = new Playback({
    seating,
    registry,
    workerId: config.workerId,
    clientStallTimeoutMs: config.clientStallTimeoutMs,
    clientTimeoutMs: config.clientTimeoutMs,
    maxClients: config.maxClients,
    log,
  });
  const readsOf = (streamId: string) => [...hls.readsOf(streamId), ...dash.readsOf(streamId)];
  const isElsewhere = (streamId: string) =>
    readsOf(streamId).every((key) => hlsFeeds.placeOf(key)?.isOriginal !== true);
  const sessions = new Sessions({
    registry,
    seating,
    playback,
    sealer,
    ticketTtlMs: config.playbackUrlTtlMs,
    clientTimeoutMs: config.clientTimeoutMs,
    isDraining: () => drain.isBegun,
    hasOthers: () => registry.peers().length > 0,
    isElsewhere,
    startOf: (streamId) => {
      if (readsOf(streamId).length === 0) return 'cold';
      return isElsewhere(streamId) ? 'relay' : 'warm';
    },
    log,
  });
  const hls: HlsSources = new HlsSources({
    open: openHls,
    registry,
    settings: config,
    clientTimeoutMs: config.clientTimeoutMs,
    sealer,
    log,
  });
  const dash: DashSources = new DashSources({
    open: openHls,
    settings: config,
    clientTimeoutMs: config.clientTimeoutMs,
    sealer,
    log,
  });
  const catalogue = new StreamCatalogue({
    registry,
    guard,
    hardware,
    reading,
    strategy: config.sharingStrategy,
    defaultUserAgent: config.defaultUserAgent,
    stickySession: config.useStickySession,
    maxStreams: config.maxStreams,
  });

  const numbers = () =>
    workerNumbers({ seating, sources, playback, hls, dash, hlsFeeds, connections, drainReason: drain.reason });
  const totals = (ids: readonly string[]) => registry.streamTotals(ids);
  const history = new StreamHistory({ totals, streams: () => streamRates(seating), log });
  const broadcastNews = new BroadcastNews({ registry, workerId: config.workerId });
  const broadcasts = new Broadcasts({
    ...{ registry, catalogue, clock, log, news: broadcastNews },
    open: async (stream, signal) => {
      await seating.sourceOf(stream).findMedia();
      return openFeed({ registry, feeds: seating.feeds, clock }, stream, signal);
    },
    loadCues: (subtitles, signal) => loadCues({ guard, userAgent: config.defaultUserAgent, clock }, subtitles, signal),
    openFilm: (stream, index) => openFilm({ films: seating.films, clock }, stream, index),
    stores: { kept: await openStore(config.recordings, config.recordingsShared, environment), window: windows },
    callback: new BroadcastCallback({ guard, userAgent: BROADCAST_USER_AGENT, clock, log }),
    ask: (peer, id, what) => askForBroadcast(wire, peer, cluster.secret(), id, what),
    limits: { max: config.recordingsMax, maxBytes: config.recordingsMaxBytes, maxAgeMs: config.recordingsMaxAgeMs },
    isDraining: () => drain.isBegun,
    isInDoubt: () => lease.state === 'in_doubt',
  });
  let followersOf: JoinedCluster['relays']['followersOf'] = () => [];
  const told = (streamId: string) =>
    makingReport(streamId, { seating, history, followersOf: (feed) => followersOf(feed) });
  const { relays, onReturn, leave } = await cluster.join(
    relayedFeeds({
      ...{ here: feeds, sources, hlsFeeds, processes: seating.feeds, films: seating.films, drain },
      makingReport: told,
      broadcastFile: async (id, what) => broadcasts.reading.answer(id, what),
    }),
  );
  followersOf = (feed) => relays.followersOf(feed);
  await gateway.listen();
  const eventFeed = new EventFeed(registry, clock);
  const pages = new OpenPages();
  const sender = new WebhookSender({ guard, clock });
  const webhooks = new Webhooks({ registry, eventFeed, sender, guard, clock, log });
  const playing = () => [...new Set(seating.feeds.status().map(({ streamId }) => streamId))];
  const limitNews = new LimitNews({ registry, workerId: config.workerId, playing, clock });
  const doIt = (command: Command) =>
    carryOut(command, {
      registry,
      seating,
      playback,
      sessions,
      drain,
      reclaim,
      learnSecrets: () => cluster.learnSecrets(),
      refreshWebhooks: () => webhooks.refresh(),
      lookAtBroadcast: ({ id, removed }) => (removed === true ? broadcasts.clear(id) : broadcasts.lookAt(id)),
    });
  const renewal = new LeaseRenewal({
    lease,
    registry,
    leaseMs: LEASE_MS,
    load: () => ({ capacity: seating.capacity, ...numbers() }),
    onCommand: (command) =>
      void doIt(command).catch((error: unknown) => log.warn({ err: error, command }, 'could not carry out a command')),
    onMoved: ({ feed, place }) => feeds.placeOf(feed)?.set(place),
    clock,
    log,
  });
  const heartbeat = new Heartbeat(registry, numbers, clock);
  drain.onChange(() => {
    void heartbeat.beat();
    renewal.renewSoon();
  });
  const handover = new Handover({
    processes: () => seating.feeds.owned,
    sources: () => [...sources.owned, ...hlsFeeds.owned],
    followersOf: (feed) => [...relays.followersOf(feed), ...hlsFeeds.followersOf(feed)],
    isUnwanted: (workerId) => ecs.isUnwanted(workerId),
    registry,
    secret: cluster.secret,
    wire,
    log,
  });
  drain.onChange((isBegun) => (isBegun ? handover.start() : void handover.stop()));
  // A film cannot go to another worker.
  const isUnused = () => playback.clientCount === 0 && seating.films.size === 0 && !handover.isPending;
  const { ECS_AGENT_URI: agentUri, ECS_CONTAINER_METADATA_URI_V4: metadataUri } = process.env;
  const ecs: EcsMembership = new EcsMembership({
    agentUri,
    metadataUri,
    registry,
    me,
    numbers,
    drain,
    deployDrainMs: config.deployDrainMs,
    log,
  });

  let onDrained = (): void => undefined;
  const drainEnd = new DrainEnd({
    reason: () => drain.reason,
    isUnused,
    close: () => drain.close(() => renewal.renewNow()),
    onOver: () => {
      log.info('drained, and nobody has been here for a while: this worker ends');
      onDrained();
    },
  });
  const stopCleanup = startCleanup({
    registry,
    intervalMs: config.cleanupIntervalMs,
    idleTtlMs: config.streamIdleTtlMs,
    drop: (streamId) => seating.drop(streamId),
    log,
  });
  const clients = async () => {
    const [total, workers] = await Promise.all([registry.sessionCount(), registry.workers()]);
    const here = { clients: playback.clientCount, sessions: sessions.size, isDraining: drain.isBegun };
    return clientShare(here, { sessions: total, workers: workers.filter(({ draining }) => !draining).length });
  };
  const eventLoop = new EventLoopDelay();
  const streams = new StreamSeries({
    feeds: () => seating.feeds.status(),
    unfed: () => playback.unfedStreams,
    totals,
    remembered: (streamId) => registry.remembered(streamId),
  });
  const metrics = workerMetrics({
    me,
    numbers,
    clients,
    seating,
    processFeeds: seating.feeds,
    ffmpegs,
    films: seating.films,
    playback,
    sessions,
    hlsFeeds,
    hls,
    lease,
    ...{ broadcasts, broadcastNews, windows },
    relays,
    memories,
    connections,
    registry,
    webhooks,
    redis: cluster.redisTally,
    eventLoop,
    pages,
    streams: config.metricsPerStream ? streams : undefined,
  });
  addMeasures(metrics, { registry, joins: playback.joins, redis: cluster.redisTally });
  const sampler = new Sampler({
    samples: registry.samples,
    ...{ playback, processFeeds: seating.feeds, relays, memories, eventLoop },
    processes: () => seating.processCount,
    onSample: (atMs) => void history.take(atMs),
  });
  const stage = config.metricsStage;
  const metricsLog = stage === undefined ? undefined : new MetricsLog({ stage, metrics, log });
  await heartbeat.start(config.heartbeatIntervalMs);
  await renewal.start();
  ecs.start();
  webhooks.start();
  broadcasts.start();
  sampler.start();
  await metricsLog?.start();
  if (isOnEcs()) drainEnd.start();
  onReturn(() => renewal.renewSoon());
  return {
    services: {
      config,
      log,
      eventLoop,
      registry,
      eventFeed,
      pages,
      limitNews,
      webhooks,
      broadcasts,
      catalogue,
      seating,
      sources,
      playback,
      sessions,
      guard,
      pageResolvers,
      memories,
      connections,
      hls,
      dash,
      hardware,
      ffmpeg,
      sandbox: sandbox.report,
      startedAtMs: heartbeat.startedAtMs,
      playbackSecrets: cluster.playbackSecrets,
      environment,
      evictionWarning: cluster.evictionWarning,
      sealer,
      metrics,
      startWaitsFor: () => startWaitsFor({ isOnEcs: isOnEcs(), isKnown: cluster.isKnown() }),
      isDraining: () => drain.isBegun,
      numbers,
      makingReport: async ({ incarnation, address }, streamId) =>
        incarnation === me.incarnation
          ? told(streamId)
          : makingReportOf(streamId, { address }, cluster.secret(), LOOK_TIMEOUT_MS),
      carryOut: doIt,
      fetchCommands: () => renewal.renewNow(),
    },
    onDrained: (listener) => {
      onDrained = listener;
    },
    aboutStream: (id) => {
      const stream = registry.remembered(id);
      return stream && { name: streamName(stream), profile: stream.profile?.name };
    },
    async drain(drainMs, handoversMs = 0, signal) {
      drainEnd.stop();
      await drain.until(isUnused, drainMs, { signal, clients: playback.clientCount });
      if (handover.isPending) {
        await playback.close();
        await drain.until(() => !handover.isPending, handoversMs - drainMs);
      }
      stopCleanup();
      sampler.stop();
      await webhooks.stop();
      await broadcasts.stop();
      await ecs.stop();
      heartbeat.stop();
      await handover.stop();
      renewal.stop();
      sessions.close();
      await playback.close();
      hls.close();
      dash.close();
      await hlsFeeds.close();
      await metricsLog?.stop();
      await seating.close();
      await sources.close();
      await gateway.close();
      cpu.stop();
      eventLoop.stop();
      await leave();
    },
  };
}
