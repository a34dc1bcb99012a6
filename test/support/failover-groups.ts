/** The groups of a worker's streams, as the worker makes them: one object for all streams of a group. */

import { FailoverGroup, type FailoverGroupDeps } from '../../services/proxy/src/streams/failover-group.ts';
import { sourceKey } from '../../services/registry/groups.ts';
import type { StreamRecord } from '../../services/registry/types.ts';

export function failoverGroups(
  deps: Pick<FailoverGroupDeps, 'registry'> & Partial<FailoverGroupDeps>,
): (stream: StreamRecord) => FailoverGroup {
  const groups = new Map<string, FailoverGroup>();
  return (stream) => {
    const name = sourceKey(stream);
    const group =
      groups.get(name) ??
      new FailoverGroup(stream.failover, {
        askResolver: async () => undefined,
        maxFailoverAttempts: 0,
        onMoved: () => undefined,
        tell: async () => undefined,
        log: { warn: () => undefined },
        ...deps,
      });
    groups.set(name, group);
    return group;
  };
}
