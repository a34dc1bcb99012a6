/** The numbers that a worker counts about itself: shown in its record, and summed up in the statistics. */

import type { WorkerNumbers } from '../../../registry/types.ts';
import type { SourceFeeds } from '../sources/source-feeds.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { Playback } from '../viewers/playback.ts';
import type { Seating } from '../viewers/seating.ts';

export interface NumberedParts {
  readonly seating: Seating;
  readonly sources: SourceFeeds;
  readonly playback: Playback;
  readonly connections: ProviderConnections;
  readonly draining: boolean;
}

export function workerNumbers({ seating, sources, playback, connections, draining }: NumberedParts): WorkerNumbers {
  return {
    processes: seating.processCount,
    clients: playback.clientCount,
    processFeeds: seating.feeds.size,
    sourceFeeds: sources.size,
    bufferedBytes: seating.feeds.heldBytes + sources.heldBytes,
    restarts: seating.feeds.status().reduce((sum, { restarts }) => sum + restarts, 0),
    ...playback.losses,
    draining,
    connections: { held: connections.held, reads: seating.feeds.sourcesRead() },
  };
}
