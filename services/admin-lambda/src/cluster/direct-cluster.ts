/** The cluster as its registry in Redis shows it; uses the same records and functions as the workers. */

import type { Redis } from 'ioredis';
import { isIdle } from '../../../registry/idle.ts';
import { feedOwners, leases } from '../../../registry/redis/inspection.ts';
import { RedisRegistry } from '../../../registry/redis/redis-registry.ts';
import type { ClientRecord, StreamRecord, WorkerRecord } from '../../../registry/types.ts';
import { maskText, maskUrl } from '../../../shared/masking/mask.ts';
import type { RegistrySettings } from '../environment.ts';
import { pageOf } from '../paging.ts';
import type {
  CleanupAnswer,
  ClusterAdmin,
  ClusterNumbers,
  DrainAnswer,
  ProcessState,
  StreamDetails,
  StreamPage,
  StreamState,
  StreamsRequest,
  WorkerState,
} from './cluster-admin.ts';
import type { RedisLink } from './redis-link.ts';

/** The admin API as a registry member: it joins nothing, owns nothing and holds no lease. */
const NOBODY = { workerId: 'admin', incarnation: 'admin', address: '', zone: undefined };

/** A viewer's first seconds are a burst, so that its player starts. A rate over less time than this would mislead. */
const RATE_OVER_AT_LEAST_MS = 10_000;

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
      const [workers, streams, clients, alive] = await Promise.all([
        registry.knownWorkers(),
        registry.streams(),
        registry.clients(),
        leases(redis),
      ]);
      return numbersOf(workers, alive, streams, clients, Date.now());
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
        clients: worker.clients,
        processes: worker.processes,
        cpuCores: worker.cpu,
      }));
    });
  }

  streams({ idle = false, ...request }: StreamsRequest): Promise<StreamPage> {
    return this.#ask(async (registry) => {
      const [known, clients] = await Promise.all([registry.streams(), registry.clients()]);
      const watched = new Set(clients.map(({ streamId }) => streamId));
      const { sharedStreamGraceMs } = this.#settings;
      const nowMs = Date.now();
      const streams = known.filter(
        (stream) => isIdle(stream, watched.has(stream.id) ? 1 : 0, nowMs, sharedStreamGraceMs) === idle,
      );
      const { items, total, nextCursor } = pageOf(streams, ({ id }) => id, request);
      const ofStream = new Map<string, ClientRecord[]>(items.map(({ id }) => [id, []]));
      for (const client of clients) ofStream.get(client.streamId)?.push(client);
      return { streams: items.map((stream) => stateOf(stream, ofStream.get(stream.id) ?? [])), total, nextCursor };
    });
  }

  stream(id: string): Promise<StreamDetails | null> {
    return this.#ask(async (registry, redis) => {
      const [stream, clients] = await Promise.all([registry.stream(id), registry.clients(id)]);
      if (stream === undefined) return null;
      const slots = slotsOf(clients);
      const owners = await feedOwners(redis, id, [...slots.keys()]);
      const sharedBy: ProcessState[] = [...slots].map(([slot, viewers]) => {
        const owner = owners.get(slot);
        return {
          slot,
          clients: viewers,
          owner: owner === undefined ? null : { workerId: owner.workerId, epoch: owner.epoch },
        };
      });
      const viewers = clients.map((client) => ({
        clientId: client.id,
        workerId: client.workerId,
        slot: client.slot ?? null,
        ipAddress: client.ipAddress,
        userAgent: client.userAgent,
        connectedAtMs: client.connectedAtMs,
        bytesServed: client.bytesServed,
      }));
      return { ...stateOf(stream, clients), sharedBy: sharedBy.sort((a, b) => a.slot - b.slot), viewers };
    });
  }

  deleteStream(id: string): Promise<number | null> {
    return this.#ask(async (registry) => {
      const clients = await registry.clients(id);
      // Deletes the record first, so that nobody joins any more.
      if (!(await registry.deleteStream(id))) return null;
      await registry.send({ kind: 'delete', streamId: id });
      return clients.length;
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

  drain(workerId: string): Promise<DrainAnswer> {
    return this.#ask(async (registry, redis) => {
      const worker = (await registry.knownWorkers()).find((record) => record.workerId === workerId);
      if (worker === undefined) return 'unknown';
      if (!(await leases(redis)).has(worker.incarnation)) return 'gone';
      await registry.send({ kind: 'drain' }, workerId);
      return 'sent';
    });
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
  streams: readonly StreamRecord[],
  clients: readonly ClientRecord[],
  nowMs: number,
): ClusterNumbers {
  const living = workers.filter(({ incarnation }) => alive.has(incarnation));
  const transcoded = clients.filter(({ slot }) => slot !== undefined);
  return {
    workers: living.length,
    deadWorkers: workers.length - living.length,
    drainingWorkers: living.filter(({ draining }) => draining).length,
    streams: streams.length,
    activeStreams: new Set(clients.map(({ streamId }) => streamId)).size,
    clients: clients.length,
    transcodedClients: transcoded.length,
    processes: new Set(transcoded.map(({ streamId, slot }) => `${streamId} ${slot}`)).size,
    bytesServed: sum([...streams, ...clients].map(({ bytesServed }) => bytesServed)),
    bytesPerSecond: Math.round(
      sum(
        clients.map(
          ({ bytesServed, connectedAtMs }) =>
            (bytesServed * 1000) / Math.max(RATE_OVER_AT_LEAST_MS, nowMs - connectedAtMs),
        ),
      ),
    ),
  };
}

function stateOf(stream: StreamRecord, clients: readonly ClientRecord[]): StreamState {
  return {
    streamId: stream.id,
    url: maskUrl(stream.url),
    currentUrl: maskUrl(stream.failover.currentUrl),
    profile: stream.profile?.name ?? null,
    metadata: Object.fromEntries(Object.entries(stream.metadata).map(([name, value]) => [name, maskText(value)])),
    createdAtMs: stream.createdAtMs,
    lastAccessMs: Math.max(stream.lastAccessMs, ...clients.map(({ lastAccessMs }) => lastAccessMs)),
    clients: clients.length,
    processes: slotsOf(clients).size,
    bytesServed: stream.bytesServed + sum(clients.map(({ bytesServed }) => bytesServed)),
    errors: stream.errorCount,
  };
}

/** Viewers of each shared process of a stream. */
function slotsOf(clients: readonly ClientRecord[]): Map<number, number> {
  const slots = new Map<number, number>();
  for (const { slot } of clients) if (slot !== undefined) slots.set(slot, (slots.get(slot) ?? 0) + 1);
  return slots;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
