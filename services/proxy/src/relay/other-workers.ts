/** The other workers of the cluster, asked directly while the registry does not answer. */

import type { Registry } from '../../../registry/registry.ts';
import type { OtherWorkers } from '../../../registry/resilient/peer-reports.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import { offerOf, streamReportsOf } from './peers.ts';

/** How long other workers may take to say what they know of a stream; without it there is none. */
const ASK_STREAM_MS = 1_000;
/** The same of a feed, which is asked twice before it begins here. */
const ASK_PLACE_MS = 500;

/** The workers that this one has met in Redis, for when that is away. */
export function otherWorkers(
  registry: Pick<Registry, 'peers'>,
  me: WorkerIdentity,
  secret: () => string,
): OtherWorkers {
  return {
    get exist() {
      return registry.peers().length > 0;
    },
    streamReports: (streamId) => streamReportsOf(streamId, registry.peers(), secret(), ASK_STREAM_MS),
    place: async (feed) => {
      const offer = await offerOf(feed, registry.peers(), secret(), ASK_PLACE_MS);
      // A relay from here that has just ended leads nowhere.
      return offer === undefined || offer.owner.incarnation === me.incarnation
        ? undefined
        : { kind: 'relay', ...offer };
    },
  };
}
