/** The groups of a worker's streams, as the worker makes them, and the source of a stream that stands alone. */

import { FailoverGroup, type FailoverGroupDeps } from '../../services/proxy/src/streams/failover-group.ts';
import type { GroupSource, SourceAddress } from '../../services/proxy/src/upstream/provider/source-address.ts';
import { sourceKey } from '../../services/registry/groups.ts';
import type { StreamRecord } from '../../services/registry/types.ts';
import { systemClock } from '../../services/shared/clock.ts';

/** One object for all streams of a group. */
export function failoverGroups(
  deps: Pick<FailoverGroupDeps, 'registry'> & Partial<FailoverGroupDeps>,
): (stream: StreamRecord) => FailoverGroup {
  const groups = new Map<string, FailoverGroup>();
  return (stream) => {
    const name = sourceKey(stream);
    const group =
      groups.get(name) ??
      new FailoverGroup(stream.failover, {
        clock: systemClock,
        askResolver: async () => undefined,
        askPage: async () => {
          throw new Error('no stream of this test has a page');
        },
        maxFailoverAttempts: 0,
        onMoved: () => undefined,
        tell: async () => undefined,
        log: { info: () => undefined, warn: () => undefined },
        ...deps,
      });
    groups.set(name, group);
    return group;
  };
}

/** The source of a stream that has only this one. */
export function groupSource(address: SourceAddress): GroupSource {
  const source: GroupSource = {
    address,
    group: {},
    index: -1,
    canFailOver: false,
    following: undefined,
    mayMoveOn: () => false,
    advance: async () => false,
    goBack: async () => undefined,
    refresh: async () => undefined,
    get ofGroup() {
      return source;
    },
  };
  return source;
}
