/** The cluster as its registry in Redis shows it; uses the same records and functions as the workers. */

import type { Redis } from 'ioredis';
import { kindOfOrder, type ShownBroadcast, shownState } from '../../../registry/broadcasts/broadcast.ts';
import { type BroadcastTotals, totalsOf } from '../../../registry/broadcasts/totals.ts';
import { isIdle } from '../../../registry/idle.ts';
import { leases } from '../../../registry/redis/inspection.ts';
import { RedisRegistry } from '../../../registry/redis/redis-registry.ts';
import type { SlotSummary, StreamSummary } from '../../../registry/registry.ts';
import type {
  ClientRecord,
  Deployment,
  DrainAnswer,
  DrainOrder,
  StreamRecord,
  UndrainAnswer,
  WorkerRecord,
} from '../../../registry/types.ts';
import { maskText, maskUrl } from '../../../shared/masking/mask.ts';
import type { RegistrySettings } from '../environment.ts';
import { type PageRequest, pageOf } from '../paging.ts';
import type {
  BroadcastPage,
  BroadcastRow,
  BroadcastsRequest,
  CleanupAnswer,
  ClusterAdmin,
  ClusterNumbers,
  DisconnectAnswer,
  FailoverAnswer,
  FoundViewers,
  ProcessState,
  StreamDetails,
  StreamPage,
  StreamState,
  StreamsRequest,
  ViewerSearch,
  ViewerState,
  WorkerState,
} from './cluster-admin.ts';
import type { RedisLink } from './redis-link.ts';

/** The admin API as a registry member: it joins nothing, owns nothing and holds no lease. */
const NOBODY = { workerId: 'admin', incarnation: 'admin', address: '', zone: undefined };

export class DirectCluster implements ClusterAdmin {
  readonly #link: RedisLink;
  readonly #settings: Pick<RegistrySettings, 'streamIdleTtlMs' | 'sharedStreamGraceMs'>;

  /** @param settings the same as the workers': when a stream is idle, and when a cleanup removes it */
  constructor(link: RedisLink, settings: Pick<RegistrySettings, 'streamIdleTtlMs' | 'sharedStreamGraceMs'>) {
    this.#link = link;
    this.#settings = settings;
  }

  ping(): Promise<number> {
    return this.#link.use(async (redis) => {
      const startedMs = performance.now();
      await redis.ping();
      return Math.round((performance.now() - startedMs) * 10) / 10;
    });
  }

  numbers(): Promise<ClusterNumbers> {
    return this.#ask(async (registry, redis) => {
      const [workers, alive, summaries, broadcasts] = await Promise.all([
        registry.knownWorkers(),
        leases(redis),
        registry.summaries(),
        registry.broadcasts.list(),
      ]);
      return numbersOf(workers, alive, [...summaries.values()], totalsOf(broadcasts));
    });
  }

  workers(): Promise<WorkerState[]> {
    return this.#ask(async (registry, redis) => {
      const [workers, alive] = await Promise.all([registry.knownWorkers(), leases(redis)]);
      return workers.map((worker) => ({
        workerId: worker.workerId,
        incarnation: worker.incarnation,
        address: worker.address,
        zone: worker.zone ?? null,
        startedAtMs: worker.startedAtMs,
        lastSeenMs: worker.lastSeenMs,
        alive: alive.has(worker.incarnation),
        draining: worker.draining,
        drainReason: worker.drainReason ?? null,
        clients: worker.clients,
        processes: worker.processes,
        cpuCores: worker.cpu,
      }));
    });
  }

  streams({ idle = false, ...request }: StreamsRequest): Promise<StreamPage> {
    return this.#ask(async (registry) => {
      const [summaries, workers] = await Promise.all([registry.summaries(), registry.workers()]);
      const { sharedStreamGraceMs } = this.#settings;
      const nowMs = Date.now();
      const wanted = [...summaries].filter(
        ([, summary]) => isIdle(summary, summary.viewers, nowMs, sharedStreamGraceMs) === idle,
      );
      const { items, total, nextCursor } = pageOf(wanted, ([id]) => id, request);
      const records = await registry.streamsOf(items.map(([id]) => id));
      const stateOf = this.#states(summaries, workers);
      return { streams: records.map(stateOf), total, nextCursor };
    });
  }

  stream(id: string, page: PageRequest): Promise<StreamDetails | null> {
    return this.#ask(async (registry) => {
      const [stream, summaries, workers, sharedBy, { clients, nextCursor = null }] = await Promise.all([
        registry.stream(id),
        registry.summaries([id]),
        registry.workers(),
        processesOf(registry, id),
        registry.clientPage(id, page),
      ]);
      if (stream === undefined) return null;
      return {
        ...this.#states(summaries, workers)(stream),
        ...{ sharedBy, viewers: clients.map(viewerOf), nextCursor },
      };
    });
  }

  deleteStream(id: string): Promise<number | null> {
    return this.#ask(async (registry) => {
      const summaries = await registry.summaries([id]);
      // Deletes the record first, so that nobody joins any more.
      if (!(await registry.deleteStream(id))) return null;
      await registry.send({ kind: 'delete', streamId: id });
      return summaries.get(id)?.viewers ?? 0;
    });
  }

  cleanup(dryRun: boolean): Promise<CleanupAnswer> {
    return this.#ask(async (registry) => {
      const workers = await registry.knownWorkers();
      const { expiredStreams, deadIncarnations } = await registry.cleanup(this.#settings.streamIdleTtlMs, dryRun);
      const nameOf = (wanted: string) => workers.find(({ incarnation }) => incarnation === wanted)?.workerId ?? null;
      return {
        expiredStreams,
        deadWorkers: deadIncarnations.map((incarnation) => ({ workerId: nameOf(incarnation), incarnation })),
      };
    });
  }

  drain(order: DrainOrder): Promise<DrainAnswer> {
    return this.#ask((registry) => registry.drain(order));
  }

  undrain(workerId: string): Promise<UndrainAnswer> {
    return this.#ask((registry) => registry.undrain(workerId));
  }

  noteDeployment(deployment: Deployment, askedAtMs: number): Promise<null> {
    return this.#ask(async (registry) => {
      await registry.noteDeployment(deployment, Math.max(0, Date.now() - askedAtMs));
      return null;
    });
  }

  failover(streamId: string): Promise<FailoverAnswer> {
    return this.#ask(async (registry, redis) => {
      const stream = await registry.stream(streamId);
      if (stream === undefined) return { kind: 'unknown' };
      const { failoverUrls, failoverResolverUrl, failover } = stream;
      if (failoverUrls.length === 0 && failoverResolverUrl === undefined) return { kind: 'no sources' };
      const [workers, alive, owners] = await Promise.all([
        registry.knownWorkers(),
        leases(redis),
        registry.owners(streamId, [0]),
      ]);
      const living = workers.filter(({ incarnation }) => alive.has(incarnation));
      // Any worker can do it. The owner sees no other failover later than the others do.
      const owner = owners.get(0)?.incarnation;
      const worker = living.find(({ incarnation }) => incarnation === owner) ?? living[0];
      if (worker === undefined) return { kind: 'no worker' };
      await registry.send({ kind: 'advance', streamId, fromIndex: failover.index }, worker.workerId);
      return { kind: 'sent', workerId: worker.workerId };
    });
  }

  disconnect(streamId: string, clientId: string): Promise<DisconnectAnswer> {
    return this.#ask(async (registry, redis) => {
      const client = await registry.client(streamId, clientId);
      if (client === undefined) return { kind: 'unknown' };
      const { workerId, incarnation } = client;
      if (!(await leases(redis)).has(incarnation)) return { kind: 'gone', workerId };
      const command = { kind: 'disconnect', clientId, streamId, atMs: Date.now() } as const;
      if (client.session === undefined) {
        await registry.send(command, workerId);
      } else {
        // Its next request may reach any worker.
        await registry.send(command);
        await registry.leave({ ...client, clientId, bytesServed: 0, segmentsServed: 0 });
      }
      return { kind: 'sent', workerId };
    });
  }

  viewers(search: ViewerSearch): Promise<FoundViewers> {
    return this.#ask(async (registry) => {
      const { clients, nextCursor = null } = await registry.findClients(search);
      const viewers = clients.map((client) => ({
        ...viewerOf(client),
        streamId: client.streamId,
        username: client.username ?? null,
      }));
      return { viewers, nextCursor };
    });
  }

  broadcasts({ kind, status, streamId, ...request }: BroadcastsRequest): Promise<BroadcastPage> {
    return this.#ask(async (registry) => {
      const all = await registry.broadcasts.list();
      const wanted = all.filter(
        (each) =>
          (kind === undefined || kindOfOrder(each.order) === kind) &&
          (status === undefined || shownState(each) === status) &&
          (streamId === undefined || each.order.streamId === streamId),
      );
      const { items, total, nextCursor } = pageOf(wanted, ({ id }) => id, request);
      return { broadcasts: items.map(rowOf), total, nextCursor, totals: totalsOf(all) };
    });
  }

  /** Says what is known of a stream. */
  #states(
    summaries: ReadonlyMap<string, StreamSummary>,
    workers: readonly WorkerRecord[],
  ): (stream: StreamRecord) => StreamState {
    const { sharedStreamGraceMs } = this.#settings;
    const nowMs = Date.now();
    const byName = new Map(workers.map((worker) => [worker.workerId, worker]));
    return (stream) => {
      const summary = summaries.get(stream.id);
      const viewers = summary?.viewers ?? 0;
      const owner = byName.get(summary?.owner ?? '');
      const made = owner?.making?.[stream.id];
      const unwatched = isIdle(summary ?? stream, viewers, nowMs, sharedStreamGraceMs) ? 'idle' : 'waiting';
      return {
        ...stateOf(stream, summary),
        state: viewers > 0 ? 'active' : unwatched,
        owner: owner?.workerId ?? null,
        bitsPerSecond: made?.bitsPerSecond ?? null,
        speed: made?.speed ?? null,
        failures: made?.failures ?? null,
      };
    };
  }

  #ask<T>(question: (registry: RedisRegistry, redis: Redis) => Promise<T>): Promise<T> {
    return this.#link.use((redis) => question(registryOn(redis), redis));
  }
}

const registries = new WeakMap<Redis, RedisRegistry>();

/** The registry on a connection; each connection loads the scripts once. */
function registryOn(redis: Redis): RedisRegistry {
  let registry = registries.get(redis);
  if (registry === undefined) {
    // The admin API creates and owns nothing, so leases and the display of new streams do not matter.
    const options = { leaseMs: 0, youngMs: 0, graceMs: 0, show: () => ({ url: '', profile: '' }) };
    registry = new RedisRegistry(redis, NOBODY, options);
    registries.set(redis, registry);
  }
  return registry;
}

function numbersOf(
  workers: readonly WorkerRecord[],
  alive: ReadonlySet<string>,
  streams: readonly StreamSummary[],
  broadcasts: BroadcastTotals,
): ClusterNumbers {
  const living = workers.filter(({ incarnation }) => alive.has(incarnation));
  const watched = streams.filter(({ viewers }) => viewers > 0);
  const viewersOf = (some: readonly StreamSummary[]) => sum(some.map(({ viewers }) => viewers));
  return {
    workers: living.length,
    deadWorkers: workers.length - living.length,
    drainingWorkers: living.filter(({ draining }) => draining).length,
    streams: streams.length,
    activeStreams: watched.length,
    clients: viewersOf(watched),
    transcodedClients: viewersOf(watched.filter(({ processes }) => processes > 0)),
    processes: sum(watched.map(({ processes }) => processes)),
    bytesServed: sum(streams.map(({ bytesServed }) => bytesServed)),
    bytesPerSecond: sum(living.map(({ bytesPerSecond = 0 }) => bytesPerSecond)),
    broadcasts,
  };
}

/** @param summary absent: the stream has just been created or deleted */
function stateOf(
  stream: StreamRecord,
  summary: StreamSummary | undefined,
): Omit<StreamState, 'state' | 'owner' | 'bitsPerSecond' | 'speed' | 'failures'> {
  return {
    streamId: stream.id,
    url: maskUrl(stream.url),
    currentUrl: maskUrl(stream.failover.currentUrl),
    profile: stream.profile?.name ?? null,
    metadata: Object.fromEntries(Object.entries(stream.metadata).map(([name, value]) => [name, maskText(value)])),
    createdAtMs: stream.createdAtMs,
    lastAccessMs: Math.max(stream.lastAccessMs, summary?.lastAccessMs ?? 0),
    clients: summary?.viewers ?? 0,
    processes: summary?.processes ?? 0,
    bytesServed: summary?.bytesServed ?? stream.bytesServed,
    errors: stream.errorCount,
  };
}

function rowOf(broadcast: ShownBroadcast): BroadcastRow {
  const { id, order, progress } = broadcast;
  const { title } = order.metadata;
  return {
    broadcastId: id,
    kind: kindOfOrder(order),
    name: title === undefined ? null : maskText(title),
    streamId: order.streamId,
    status: shownState(broadcast),
    error: progress?.error === undefined ? null : maskText(progress.error),
    worker: progress?.worker ?? null,
    startedAtMs: progress?.startedAtMs ?? null,
    endedAtMs: progress?.endedAtMs ?? null,
    seconds: progress?.seconds ?? 0,
    bytes: progress?.bytes ?? 0,
    segments: progress?.segments ?? null,
  };
}

function viewerOf(client: ClientRecord): ViewerState {
  return {
    clientId: client.id,
    workerId: client.workerId,
    slot: client.slot ?? null,
    ipAddress: client.ipAddress,
    userAgent: client.userAgent,
    connectedAtMs: client.connectedAtMs,
    bytesServed: client.bytesServed,
  };
}

/** The processes of a stream that viewers share, by slot. */
async function processesOf(registry: RedisRegistry, id: string): Promise<ProcessState[]> {
  const slots = await registry.slots(id);
  return slots.map(({ slot, viewers, owner }) => ({ slot, clients: viewers, owner: ownerOf(owner) }));
}

function ownerOf(owner: SlotSummary['owner']): ProcessState['owner'] {
  if (owner?.epoch === undefined) return null;
  return { workerId: owner.workerId, epoch: owner.epoch };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
