/** The whole cluster at one moment: streams, clients and workers, in two round trips to the registry. */

import type { Registry } from '../../../registry/registry.ts';
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
  const [streams, clients] = await Promise.all([registry.streams(), registry.clients()]);
  const byStream = new Map<string, ClientRecord[]>();
  for (const client of clients) {
    const known = byStream.get(client.streamId);
    if (known === undefined) byStream.set(client.streamId, [client]);
    else known.push(client);
  }
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
