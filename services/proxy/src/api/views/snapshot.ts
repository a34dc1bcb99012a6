/** The whole cluster at one moment: streams, clients and workers. Read a page at a time. */

import { type ConnectionCounts, countConnections } from '../../../../registry/connections.ts';
import { isIdle } from '../../../../registry/idle.ts';
import { Turns } from '../../../../registry/turns.ts';
import type { ClientRecord, StreamRecord, WorkerRecord } from '../../../../registry/types.ts';
import type { Services } from '../../worker/services.ts';
import { type Maker, makersOf } from './media-views.ts';

export interface Snapshot {
  /** Streams in use: with clients, with one that is joining, or recorded. */
  readonly streams: readonly StreamRecord[];
  /** The other streams, which keep their address. */
  readonly idle: readonly StreamRecord[];
  readonly clients: readonly ClientRecord[];
  /** The clients of one stream. */
  clientsOf(streamId: string): readonly ClientRecord[];
  /** It has a client, or is recorded: it has a connection to its provider. */
  isActive(streamId: string): boolean;
}

export interface ClusterSnapshot extends Snapshot {
  readonly workers: readonly WorkerRecord[];
  /** Connections to providers. */
  readonly connections: ConnectionCounts;
  /** Which worker makes a stream, by stream. */
  readonly makers: ReadonlyMap<string, Maker>;
}

type Answering = Pick<Services, 'registry' | 'config' | 'numbers'>;

export async function takeSnapshot({ registry, config }: Pick<Services, 'registry' | 'config'>): Promise<Snapshot> {
  // One after the other: both at once would block the event loop twice as long.
  const known = await registry.streams();
  const clients = await registry.clients();
  const byStream = new Map<string, ClientRecord[]>();
  const turns = new Turns();
  for (const client of clients) {
    if (turns.isOver) await turns.next();
    const others = byStream.get(client.streamId);
    if (others === undefined) byStream.set(client.streamId, [client]);
    else others.push(client);
  }
  await turns.next();
  const clientsOf = (streamId: string) => byStream.get(streamId) ?? [];
  const recorded = await registry.broadcasts.recorded();
  const isActive = (streamId: string) => byStream.has(streamId) || recorded.has(streamId);
  const nowMs = Date.now();
  const streams: StreamRecord[] = [];
  const idle: StreamRecord[] = [];
  for (const stream of known) {
    const isUnused = !isActive(stream.id) && isIdle(stream, 0, nowMs, config.sharedStreamGraceMs);
    (isUnused ? idle : streams).push(stream);
  }
  return { streams, idle, clients, clientsOf, isActive };
}

/** The same, with the workers. */
export async function takeClusterSnapshot(services: Answering): Promise<ClusterSnapshot> {
  const [snapshot, workers] = await Promise.all([takeSnapshot(services), workersNow(services)]);
  return { ...snapshot, workers, connections: countConnections(workers), makers: makersOf(workers) };
}

/** The workers by name. The answering worker's numbers are current; others' numbers are as old as their last renewal. */
export async function workersNow(services: Answering): Promise<WorkerRecord[]> {
  return withOwnNumbers(services, await services.registry.workers());
}

/** The same of records that have been read. */
export function withOwnNumbers(
  { config, numbers }: Pick<Answering, 'config' | 'numbers'>,
  records: readonly WorkerRecord[],
): WorkerRecord[] {
  return records
    .map((record) => (record.workerId === config.workerId ? { ...record, ...numbers() } : record))
    .sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
}
