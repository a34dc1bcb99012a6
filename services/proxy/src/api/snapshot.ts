/** The whole cluster at one moment: streams, clients and workers, a page at a time. */

import type { Registry } from '../../../registry/registry.ts';
import { Turns } from '../../../registry/turns.ts';
import type { ClientRecord, StreamRecord, WorkerRecord } from '../../../registry/types.ts';
import type { Services } from '../worker.ts';

export interface Snapshot {
  readonly streams: readonly StreamRecord[];
  readonly clients: readonly ClientRecord[];
  /** Those of one stream. */
  clientsOf(streamId: string): readonly ClientRecord[];
}

export interface ClusterSnapshot extends Snapshot {
  readonly workers: readonly WorkerRecord[];
}

type Answering = Pick<Services, 'registry' | 'config' | 'numbers'>;

export async function takeSnapshot(registry: Registry): Promise<Snapshot> {
  // One after the other: both at once would take twice as long a turn.
  const streams = await registry.streams();
  const clients = await registry.clients();
  const byStream = new Map<string, ClientRecord[]>();
  const turns = new Turns();
  for (const client of clients) {
    if (turns.isOver) await turns.next();
    const known = byStream.get(client.streamId);
    if (known === undefined) byStream.set(client.streamId, [client]);
    else known.push(client);
  }
  await turns.next();
  return { streams, clients, clientsOf: (streamId) => byStream.get(streamId) ?? [] };
}

/** The same with the workers. */
export async function takeClusterSnapshot(services: Answering): Promise<ClusterSnapshot> {
  const [snapshot, workers] = await Promise.all([takeSnapshot(services.registry), workersNow(services)]);
  return { ...snapshot, workers };
}

/** The workers by name; others' numbers are as old as their last renewal, those of the one that answers are of now. */
export async function workersNow({ registry, config, numbers }: Answering): Promise<WorkerRecord[]> {
  const records = await registry.workers();
  return records
    .map((record) => (record.workerId === config.workerId ? { ...record, ...numbers() } : record))
    .sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
}
