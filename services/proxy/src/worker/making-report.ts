/** What this worker tells of one stream when somebody looks at it. */

import { processFeedKey } from '../../../registry/feed-keys.ts';
import type { MakingReport } from '../../../registry/types.ts';
import type { JoinedCluster } from '../cluster/cluster.ts';
import type { StreamHistory } from '../metrics/stream-history.ts';
import type { Seating } from '../viewers/seating.ts';

export interface ToldParts {
  readonly seating: Seating;
  readonly history: StreamHistory;
  readonly followersOf: JoinedCluster['relays']['followersOf'];
}

/** Undefined: this worker does not have the stream, or has just begun with it. */
export function makingReport(streamId: string, { seating, history, followersOf }: ToldParts): MakingReport | undefined {
  const lines = seating.linesOf(streamId);
  const samples = history.of(streamId);
  const own = seating.feeds.status().filter((feed) => feed.streamId === streamId && feed.place.kind === 'own');
  if (lines === undefined && samples === undefined && own.length === 0) return undefined;
  const relays = own.map(({ slot }) => {
    const names = followersOf(processFeedKey(streamId, slot)).map(({ workerId }) => workerId);
    return [slot, [...new Set(names)].sort()] as const;
  });
  return { lines, samples, relays: Object.fromEntries(relays) };
}
