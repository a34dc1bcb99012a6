/** What this worker counts of itself: its record shows it to the others, and the statistics add it up. */

import type { WorkerNumbers } from '../../../registry/types.ts';
import type { SourceFeeds } from '../sources/source-feeds.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { Playback } from '../viewers/playback.ts';
import type { Pool } from '../viewers/seating.ts';

export interface NumberedParts {
  readonly pool: Pool;
  readonly sources: SourceFeeds;
  readonly playback: Playback;
  readonly connections: ProviderConnections;
  readonly draining: boolean;
}

export function workerNumbers({ pool, sources, playback, connections, draining }: NumberedParts): WorkerNumbers {
  return {
    processes: pool.processCount,
    clients: playback.clientCount,
    processFeeds: pool.feeds.size,
    sourceFeeds: sources.size,
    bufferedBytes: pool.feeds.heldBytes + sources.heldBytes,
    restarts: pool.feeds.status().reduce((sum, { restarts }) => sum + restarts, 0),
    ...playback.losses,
    draining,
    connections: { held: connections.held, reads: pool.feeds.sourcesRead() },
  };
}
