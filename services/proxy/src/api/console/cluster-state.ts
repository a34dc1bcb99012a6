/** What the page Cluster shows of the workers, made of what the registry knows. Pure. */

import type { RecordedEvent } from '../../../../registry/events/event.ts';
import type { GoneWorker } from '../../../../registry/registry.ts';
import type { WorkerRecord } from '../../../../registry/types.ts';
import {
  type About,
  type ClusterState,
  MAX_ROWS,
  type ShownFlow,
  type ShownWorker,
} from '../../../../shared/console/live.ts';
import { LEASE_MS } from '../../timing.ts';

/** A worker renews its lease once a second. Two renewals in a row are rarely late. */
const SILENT_MS = 2_000;
/** A worker that has ended is shown for so long. */
export const GONE_MS = 5 * 60_000;
/** Times change each second: whole seconds are enough for who looks on. */
const SECOND_MS = 1_000;

export interface ClusterFacts {
  readonly about: About;
  readonly workers: readonly WorkerRecord[];
  /** Incarnation → how long its lease still lasts, in ms. */
  readonly leases: ReadonlyMap<string, number>;
  /** Dead, and not ended yet. */
  readonly gone: readonly GoneWorker[];
  /** Events of the types `worker_joined` and `worker_left`, the newest first. */
  readonly turnover: readonly RecordedEvent[];
  readonly nowMs: number;
}

export function clusterState({ about, workers, leases, gone: dead, turnover, nowMs }: ClusterFacts): ClusterState {
  const living = workers
    .toSorted((a, b) => b.clients - a.clients || (a.workerId < b.workerId ? -1 : 1))
    .map((worker): [string, ShownWorker] => [worker.workerId, livingWorker(worker, leases.get(worker.incarnation))]);
  const gone = [
    ...dead.map(({ worker, forMs }): [string, ShownWorker] => [worker.workerId, deadFor(worker, forMs)]),
    ...turnover
      // What has happened to a worker last counts. One that is back may be missing here while Redis is away.
      .filter(({ data }, at, all) => all.findIndex((other) => other.data.worker_id === data.worker_id) === at)
      .filter(({ type, atMs }) => type === 'worker_left' && nowMs - atMs < GONE_MS)
      .map(({ atMs, data }): [string, ShownWorker] => [String(data.worker_id ?? ''), goneSince(atMs, data, nowMs)]),
  ]
    .filter(([name], at, all) => all.findIndex(([other]) => other === name) === at)
    .filter(([name]) => name !== '' && !workers.some(({ workerId }) => workerId === name));
  const shown = [...living, ...gone].slice(0, MAX_ROWS);
  return {
    about,
    workers: Object.fromEntries(shown),
    order: shown.map(([name]) => name),
    total: living.length + gone.length,
  };
}

function livingWorker(worker: WorkerRecord, leaseLeftMs: number | undefined): ShownWorker {
  const { draining, drainReason, clients, processes, cpu, bufferedBytes, connections, revision, zone } = worker;
  const { version, cores, bytesPerSecond, relays = {} } = worker;
  const silentMs = leaseLeftMs === undefined ? 0 : LEASE_MS - leaseLeftMs;
  const isSilent = silentMs >= SILENT_MS;
  return {
    state: isSilent ? 'silent' : draining ? 'draining' : 'serving',
    reason: draining ? drainReason : undefined,
    forMs: isSilent ? wholeSeconds(silentMs) : undefined,
    viewers: clients,
    ffmpegs: processes,
    cpu: Math.round(cpu * 10) / 10,
    bufferedBytes: Math.round(bufferedBytes / 1_000_000) * 1_000_000,
    connections: sum(Object.values(connections?.held ?? {})),
    bitsPerSecond: bytesPerSecond === undefined ? undefined : rounded(bytesPerSecond * 8),
    sources: sourcesOf(worker),
    relays: Object.fromEntries(
      Object.entries(relays).map(([from, { feeds, bitsPerSecond }]) => [from, flow(feeds, bitsPerSecond)]),
    ),
    version,
    cores,
    revision,
    zone,
    startedAtMs: worker.startedAtMs,
  };
}

/** What all connections to providers bring, in bit/s; undefined while no worker says. */
export function incoming(workers: readonly WorkerRecord[]): number | undefined {
  const flows = workers.flatMap((worker) => Object.values(sourcesOf(worker)));
  const rates = flows.flatMap(({ bitsPerSecond }) => bitsPerSecond ?? []);
  return rates.length === 0 ? undefined : sum(rates);
}

/** What comes from each provider, whatever account it uses. */
function sourcesOf(worker: WorkerRecord): Record<string, ShownFlow> {
  const flows = new Map<string, ShownFlow>();
  for (const { host, held } of Object.values(worker.accounts ?? {})) {
    for (const [holder, count] of Object.entries(held)) {
      const before = flows.get(host);
      const rates = [before?.bitsPerSecond, rateOf(worker, holder)].filter((rate) => rate !== undefined);
      flows.set(host, flow((before?.count ?? 0) + count, rates.length === 0 ? undefined : sum(rates)));
    }
  }
  return Object.fromEntries(flows);
}

/** What a connection brings, if a stream that this worker makes of it says so. @param holder as in `HeldConnections` */
function rateOf({ making = {}, connections }: WorkerRecord, holder: string): number | undefined {
  const readers = Object.entries(connections?.reads ?? {}).flatMap(([id, names]) =>
    names.includes(holder) ? [id] : [],
  );
  const rates = [holder, ...readers].flatMap((id) => making[id]?.input?.bitsPerSecond ?? []);
  return rates.length === 0 ? undefined : Math.max(...rates);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function flow(count: number, bitsPerSecond: number | undefined): ShownFlow {
  return { count, bitsPerSecond: bitsPerSecond === undefined ? undefined : rounded(bitsPerSecond) };
}

/** A tenth of a Mbit/s is enough for who looks on. */
function rounded(bitsPerSecond: number): number {
  return Math.round(bitsPerSecond / 100_000) * 100_000;
}

/** Its viewers may come back with it: nobody has counted them out yet. */
function deadFor({ startedAtMs, version, revision, zone }: WorkerRecord, forMs: number): ShownWorker {
  return { state: 'gone', reason: 'died', forMs: wholeSeconds(forMs), startedAtMs, version, revision, zone };
}

function goneSince(atMs: number, data: RecordedEvent['data'], nowMs: number): ShownWorker {
  const { reason, clients_lost: lost } = data;
  return {
    state: 'gone',
    reason: typeof reason === 'string' ? reason : undefined,
    forMs: wholeSeconds(Math.max(0, nowMs - atMs)),
    lost: typeof lost === 'number' ? lost : undefined,
  };
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / SECOND_MS) * SECOND_MS;
}
