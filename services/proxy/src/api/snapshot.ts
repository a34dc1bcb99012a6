/** The streams and clients of the whole cluster at one moment, in two requests to the registry. */

import type { Registry } from '../../../registry/registry.ts';
import type { ClientRecord, StreamRecord } from '../../../registry/types.ts';

export interface Snapshot {
  readonly streams: readonly StreamRecord[];
  readonly clients: readonly ClientRecord[];
  /** Those of one stream. */
  clientsOf(streamId: string): readonly ClientRecord[];
}

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
