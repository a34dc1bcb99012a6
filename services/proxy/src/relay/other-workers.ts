/** Asks the other workers of the cluster directly while the registry does not answer. */

import type { Peers } from '../../../registry/registry.ts';
import type { OtherWorkers } from '../../../registry/resilient/peer-reports.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import { peerPlaceOf, streamReportsOf } from './peers.ts';
import { systemWire, type Wire } from './wire.ts';

/** How long other workers may take to report what they know of a stream. After that the stream counts as unknown. */
const ASK_STREAM_MS = 1_000;
/** The same for a feed. A feed is asked for twice before it starts here. */
const ASK_PLACE_MS = 500;

/** The workers that this one knew when Redis last answered. */
export function otherWorkers(
  registry: Peers,
  me: WorkerIdentity,
  secret: () => string,
  wire: Wire = systemWire,
): OtherWorkers {
  return {
    get exist() {
      return registry.peers().length > 0;
    },
    streamReports: (streamId) => streamReportsOf(streamId, registry.peers(), secret(), ASK_STREAM_MS, wire),
    place: async (feed) => {
      const place = await peerPlaceOf(feed, registry.peers(), secret(), ASK_PLACE_MS, wire, me.incarnation);
      return place && { kind: 'relay', ...place };
    },
  };
}
