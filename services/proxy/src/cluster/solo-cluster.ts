/** The cluster of a worker alone: nobody follows its feeds, and the registry is in its memory. */

import { randomUUID } from 'node:crypto';
import { EventLog } from '../../../registry/events/event-log.ts';
import { MemoryRegistry } from '../../../registry/memory/memory-registry.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { Config } from '../config/config.ts';
import type { Cluster } from './cluster.ts';
import { RedisTally } from './redis-tally.ts';
import { SharedSecrets } from './shared-secrets.ts';

export function soloCluster(config: Config): Cluster {
  const identity = { workerId: config.workerId, incarnation: randomUUID(), address: '', zone: undefined };
  const secrets = new SharedSecrets(config);
  return {
    identity,
    registry: new MemoryRegistry(
      identity,
      config.sharedStreamGraceMs,
      systemClock,
      new EventLog(systemClock, config.eventsKeepMs),
    ),
    redisTally: new RedisTally(),
    isKnown: () => true,
    evictionWarning: () => undefined,
    secret: () => secrets.cluster,
    playbackSecrets: () => secrets.playbackSoFar,
    mayLackSecret: () => false,
    learnSecrets: async () => undefined,
    join: async () => ({
      relays: { followersOf: () => [], connections: 0, sentBytes: 0 },
      onReturn: () => undefined,
      leave: async () => undefined,
    }),
  };
}
