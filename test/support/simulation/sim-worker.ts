/**
 * A worker of a simulated cluster: the real lease, ownership, relays, registry, process feeds and seats, put together as
 * `worker/worker.ts` does it, on a model of its machine.
 */

import { takeName } from '../../../services/proxy/src/cluster/introduction.ts';
import { FeedPlace, type PlaceOf } from '../../../services/proxy/src/ownership/feed-place.ts';
import { Handover } from '../../../services/proxy/src/ownership/handover.ts';
import { Lease } from '../../../services/proxy/src/ownership/lease.ts';
import { LeaseRenewal } from '../../../services/proxy/src/ownership/lease-renewal.ts';
import { SilentWorkers } from '../../../services/proxy/src/ownership/silent-workers.ts';
import { otherWorkers } from '../../../services/proxy/src/relay/other-workers.ts';
import { RelayServer } from '../../../services/proxy/src/relay/relay-server.ts';
import { Sealer } from '../../../services/proxy/src/sealer.ts';
import { SourceFeeds } from '../../../services/proxy/src/sources/source-feeds.ts';
import { LEASE_MS, YOUNG_MS } from '../../../services/proxy/src/timing.ts';
import { askFailoverResolver } from '../../../services/proxy/src/upstream/failover/failover-resolver.ts';
import { SourceMemories } from '../../../services/proxy/src/upstream/http/source-memory.ts';
import { ProviderConnections } from '../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { Playback } from '../../../services/proxy/src/viewers/playback.ts';
import { Seating, type SeatingDeps } from '../../../services/proxy/src/viewers/seating.ts';
import { Sessions } from '../../../services/proxy/src/viewers/sessions/sessions.ts';
import { carryOut } from '../../../services/proxy/src/worker/commands.ts';
import { Drain } from '../../../services/proxy/src/worker/drain.ts';
import { FeedsHere } from '../../../services/proxy/src/worker/feeds-here.ts';
import { relayedFeeds } from '../../../services/proxy/src/worker/relayed-feeds.ts';
import { madeHere } from '../../../services/proxy/src/worker/worker-numbers.ts';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import { ResilientRegistry } from '../../../services/registry/resilient/resilient-registry.ts';
import type { StreamRecord, WorkerIdentity, WorkerNumbers } from '../../../services/registry/types.ts';
import type { Logger } from '../../../services/shared/log.ts';
import { SEGMENT_SETTINGS } from '../segment-settings.ts';
import { type Servers, SimulatedHttp } from './http-model.ts';
import type { Rule } from './invariants.ts';
import type { Machine } from './machine.ts';
import { Process } from './machine.ts';
import { copyProduction } from './providers/copy-production.ts';
import type { Provider } from './providers/provider.ts';
import { hopTo } from './providers/provider-http.ts';
import { GUARD, SOURCE_SETTINGS } from './providers/source-settings.ts';
import { RedisLink, type RedisServer } from './redis-model.ts';
import { type RunWorld, type SimulatedRun, simulatedProduction } from './run-model.ts';
import type { MediaWatch } from './unit-media.ts';

const SECRET = 'the secret of this cluster';
export const GRACE_MS = 1_000;
const RING = { retainMs: 5_000, joinBufferMs: 0, maxBytes: 1_000_000 };
const PORT = 9_000;
/** How often a worker writes its record. */
const BEAT_MS = 5_000;
/** Connections that the provider allows to an account. */
export const MAX_CONNECTIONS = 2;
/** Viewers of one process: more of them take a second slot. */
const CAP = 3;

export interface WorkerWorld {
  readonly redis: RedisServer;
  readonly servers: Servers;
  readonly provider: Provider;
  readonly log: Logger;
  readonly nextMaker: () => number;
  readonly watchOf: (worker: SimulatedWorker, place: FeedPlace) => MediaWatch;
  readonly broken: (rule: Rule, what: string) => void;
}

export class SimulatedWorker {
  readonly process: Process;
  readonly identity: WorkerIdentity;
  readonly lease: Lease;
  readonly link: RedisLink;
  readonly registry: ResilientRegistry;
  readonly shared: RedisRegistry;
  readonly seating: Seating;
  readonly sources: SourceFeeds;
  readonly here: FeedsHere;
  readonly drain: Drain;
  readonly playback: Playback;
  readonly relays: RelayServer;
  /** Runs of a process that have not ended. */
  readonly running = new Set<SimulatedRun>();
  readonly #renewal: LeaseRenewal;
  readonly #log: Logger;
  readonly #startedAtMs: number;
  hasStarted = false;

  constructor(machine: Machine, world: WorkerWorld) {
    const process = new Process(machine);
    this.process = process;
    this.#startedAtMs = process.wallMs();
    this.#log = world.log;
    const log = this.#log;
    const address = `${machine.name}:${PORT}`;
    this.identity = {
      workerId: machine.name,
      incarnation: `${machine.name}-${process.id()}`,
      address,
      zone: undefined,
    };
    const { identity: me } = this;
    const wire = new SimulatedHttp(process, world.redis.network, world.servers);
    const secret = () => SECRET;
    this.link = new RedisLink(process, world.redis);
    const shared = new RedisRegistry(this.link.redis, me, {
      leaseMs: LEASE_MS,
      youngMs: YOUNG_MS,
      graceMs: GRACE_MS,
      show: ({ url }) => ({ url, profile: 'simulated' }),
      clock: process,
    });
    this.shared = shared;
    this.registry = new ResilientRegistry(shared, me, {
      introduce: () => this.#introduce(wire),
      others: otherWorkers(shared, me, secret, wire),
      youngMs: YOUNG_MS,
      graceMs: GRACE_MS,
      clock: process,
      onOutage: (error) => log.warn({ err: error }, 'Redis does not answer'),
      onBug: (error) => {
        throw error;
      },
      onBadRecord: (error) => log.warn({ err: error }, 'a record in Redis cannot be read'),
      onLoss: (lost) => log.warn({ lost }, 'the records in Redis differ'),
    });
    const { registry, link } = this;
    this.lease = new Lease(process);
    this.drain = new Drain(log, process);
    const { lease, drain } = this;
    const here = new FeedsHere();
    const silentWorkers = new SilentWorkers();
    const placeOf: PlaceOf = (feed, first, isFull) =>
      new FeedPlace(feed, first, { registry, lease, leaseMs: LEASE_MS, me, secret, silentWorkers, wire, isFull, log });
    const reclaim = (account: string) => here.endIdle(account);
    const connections = new ProviderConnections({ max: MAX_CONNECTIONS, registry, reclaim, clock: process });
    const { provider, nextMaker } = world;
    const { running } = this;
    let opened: FeedPlace;
    const runs: RunWorld = {
      ...{ process, provider, connections, nextMaker, running },
      watchOf: () => world.watchOf(this, opened),
      sources: () => this.sources,
      broken: world.broken,
    };
    const production = (stream: StreamRecord) =>
      stream.profile === undefined ? copyProduction(stream, runs) : simulatedProduction(runs);
    const hop = hopTo(provider, process);
    this.sources = new SourceFeeds(
      {
        ...{ registry, placeOf, log, clock: process, ringLimits: () => RING, settings: SOURCE_SETTINGS },
        guard: GUARD,
        memories: new SourceMemories(() => process.monotonicMs()),
        hop,
      },
      connections,
    );
    const { sources } = this;
    const deps: Partial<SeatingDeps> = {
      registry,
      connections,
      sources,
      placeOf: (feed, first, isFull) => {
        opened = placeOf(feed, first, isFull);
        return opened;
      },
      productionOf: production,
      log,
      clock: process,
      ringLimits: () => RING,
      segments: SEGMENT_SETTINGS,
      streamTimeoutMs: 10_000,
      streamTotalTimeoutMs: 30_000,
      retryAttempts: 3,
      retryDelayMs: 1_000,
      cap: CAP,
      shareDirectStreams: false,
      maxProcesses: 0,
      isDraining: () => drain.isBegun,
      isBusy: () => false,
      ...{ me, secret },
      sharedStreamGraceMs: GRACE_MS,
      failover: {
        maxFailoverAttempts: 0,
        askResolver: (question) =>
          askFailoverResolver(question, { guard: GUARD, userAgent: 'simulated', clock: process, hop, log }),
        askPage: async () => {
          throw new Error('no simulated stream has a page');
        },
      },
    };
    // What reads sources and starts FFmpeg is in the model of a production.
    this.seating = new Seating(deps as SeatingDeps);
    const { seating } = this;
    here.add(seating.feeds, sources);
    this.here = here;
    const hlsFeeds = { find: async () => undefined, prepare: async () => false };
    const makingReport = (streamId: string) => ({ lines: seating.linesOf(streamId) });
    const parts = { here, sources, hlsFeeds, processes: seating.feeds, films: seating.films };
    const served = relayedFeeds({ ...parts, makingReport, broadcastFile: async () => undefined, drain });
    const streamReport = (id: string) => registry.streamReport(id);
    this.relays = new RelayServer({ incarnation: me.incarnation, secret, ...served, streamReport, wire, log });
    const { relays } = this;
    this.playback = new Playback({
      seating,
      registry,
      workerId: me.workerId,
      clientStallTimeoutMs: 10_000,
      clientTimeoutMs: 3_000,
      maxClients: 0,
      clock: process,
      log,
    });
    const { playback } = this;
    const sessions = new Sessions({
      ...{ registry, seating, playback, sealer: new Sealer(() => ['secret']) },
      ...{ ticketTtlMs: 60_000, clientTimeoutMs: 3_000, isDraining: () => drain.isBegun },
      ...{ isElsewhere: () => false, startOf: () => 'cold', hasOthers: () => true },
      ...{ clock: process, log },
    });
    const handover = new Handover({
      processes: () => seating.feeds.owned,
      sources: () => sources.owned,
      followersOf: (feed) => relays.followersOf(feed),
      isUnwanted: () => false,
      registry,
      secret,
      wire,
      log,
    });
    drain.onChange((isBegun) => {
      this.#renewal.renewSoon();
      if (isBegun) handover.start();
      else void handover.stop();
    });
    this.#renewal = new LeaseRenewal({
      lease,
      registry,
      leaseMs: LEASE_MS,
      load: () => ({ capacity: seating.capacity, ...this.#numbers(connections.held) }),
      onCommand: (command) => {
        const done = carryOut(command, {
          registry,
          seating,
          playback,
          sessions,
          drain,
          reclaim,
          learnSecrets: async () => undefined,
          refreshWebhooks: async () => undefined,
          lookAtBroadcast: async () => undefined,
        });
        done.catch((error: unknown) => log.warn({ err: error, command }, 'could not carry out a command'));
      },
      onMoved: ({ feed, place }) => here.placeOf(feed)?.set(place),
      clock: process,
      log,
    });
    link.onClose = () => registry.interrupted(new Error('the connection to Redis is closed'));
    link.onReady = () => this.#renewal.renewSoon();
  }

  get name(): string {
    return this.process.machine.name;
  }

  async start(): Promise<void> {
    await this.relays.listen(this.name, PORT);
    this.link.connect();
    await this.#beat();
    this.process.setInterval(() => void this.#beat(), BEAT_MS);
    await this.#renewal.start();
    this.hasStarted = true;
  }

  /** As `Heartbeat` does it. */
  #beat(): Promise<void> {
    const nowMs = this.process.wallMs();
    return this.registry.heartbeat({ ...this.#numbers({}), startedAtMs: this.#startedAtMs, lastSeenMs: nowMs, cpu: 0 });
  }

  #numbers(held: Record<string, number>): WorkerNumbers {
    const feeds = this.seating.feeds.status();
    return {
      processes: this.seating.processCount,
      clients: this.playback.clientCount,
      processFeeds: this.seating.feeds.size,
      sourceFeeds: this.sources.size,
      bufferedBytes: 0,
      restarts: this.seating.feeds.restartCount,
      skips: 0,
      stalls: 0,
      draining: this.drain.reason !== undefined,
      drainReason: this.drain.reason,
      connections: { held, reads: this.seating.feeds.sourcesRead() },
      making: madeHere(feeds),
    };
  }

  #named = false;

  async #introduce(wire: SimulatedHttp): Promise<void> {
    await this.shared.agreeOnSecret('cluster', SECRET);
    if (this.#named) return;
    await takeName(this.shared, this.identity, SECRET, wire);
    this.#named = true;
  }
}
