/** The cluster of workers that share a Redis. */

import { randomUUID } from 'node:crypto';
import { RedisRegistry } from '../../../registry/redis/redis-registry.ts';
import { ResilientRegistry } from '../../../registry/resilient/resilient-registry.ts';
import type { StreamSpec, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import type { Config } from '../config/config.ts';
import { type EcsTask, ecsTask } from '../ecs/task-metadata.ts';
import { otherWorkers } from '../relay/other-workers.ts';
import { RelayServer } from '../relay/relay-server.ts';
import { LEASE_MS, YOUNG_MS } from '../timing.ts';
import type { Cluster, JoinedCluster, RelayedFeeds } from './cluster.ts';
import { Introduction } from './introduction.ts';
import { connected, redisConnection } from './redis-connection.ts';
import { RedisTally } from './redis-tally.ts';
import { SharedSecrets } from './shared-secrets.ts';

/** How long the start waits for Redis. After that the worker serves alone until Redis answers. */
const START_MS = 3_000;

/** How many lost records a log line names: enough to show of what kind they are. */
const SHOWN_LOSSES = 5;

export function redisCluster(
  config: Config,
  log: Logger,
  metadataUri = process.env.ECS_CONTAINER_METADATA_URI_V4,
): Cluster {
  const { workerId, sharedStreamGraceMs: graceMs, eventsKeepMs } = config;
  const identity: WorkerIdentity = { workerId, incarnation: randomUUID(), address: '', zone: undefined };
  const secrets = new SharedSecrets(config);
  const secret = () => secrets.cluster;
  const redisTally = new RedisTally();
  const redis = redisConnection(config, log, redisTally);
  const times = { leaseMs: LEASE_MS, youngMs: YOUNG_MS, graceMs, eventsKeepMs };
  const shared = new RedisRegistry(redis, identity, { ...times, show });
  const introduction = new Introduction({ redis, shared, identity, secrets, log });
  const registry = new ResilientRegistry(shared, identity, {
    introduce: () => introduction.introduce(),
    others: otherWorkers(shared, identity, secret),
    youngMs: YOUNG_MS,
    graceMs,
    onOutage: (error) => log.warn({ err: error }, 'Redis does not answer'),
    onBug: (error) => log.error({ err: error }, 'a fault of this program, not of Redis; please report it'),
    onBadRecord: (error) => log.warn({ err: error }, 'could not read a record in Redis'),
    onLoss: (lost) =>
      log.warn(
        { lost: lost.slice(0, SHOWN_LOSSES), count: lost.length },
        'the records in Redis differ from what this worker holds; writing them anew',
      ),
  });
  redis.on('close', () => registry.interrupted(new Error('the connection to Redis is closed')));

  const join = async (feeds: RelayedFeeds): Promise<JoinedCluster> => {
    const streamReport = (streamId: string) => registry.streamReport(streamId);
    const relays = new RelayServer({ incarnation: identity.incarnation, secret, ...feeds, streamReport, log });
    const port = await relays.listen(config.host, config.relayPort);
    const task = await taskOf(metadataUri, log);
    identity.zone = task?.zone;
    identity.revision = task?.revision;
    await introduction.listensAt(config.workerAddress ?? task?.address, port);
    const close = async (): Promise<void> => {
      redis.disconnect();
      await relays.close();
    };
    try {
      const why = await connected(redis, START_MS);
      if (why === undefined) await introduction.introduce();
      else {
        secrets.beginAlone();
        registry.beginAlone(why);
        log.warn({ err: why }, 'Redis does not answer; starting without it, and joining the cluster when it answers');
      }
    } catch (error) {
      await close();
      throw error;
    }
    return {
      relays,
      onReturn: (listener) => void redis.on('ready', listener),
      leave: async () => {
        await registry
          .leaveCluster()
          .catch((error: unknown) => log.warn({ err: error }, 'could not leave the cluster'));
        await close();
      },
    };
  };
  const isKnown = () => introduction.isDone;
  const learnSecrets = () => introduction.learnSecrets();
  return {
    ...{ identity, registry, redisTally, isKnown, secret, learnSecrets, join },
    evictionWarning: () => introduction.eviction,
    playbackSecrets: () => secrets.playbackSoFar,
    mayLackSecret: () => secrets.isDoubtful,
  };
}

async function taskOf(metadataUri: string | undefined, log: Logger): Promise<EcsTask | undefined> {
  if (metadataUri === undefined || metadataUri === '') return undefined;
  try {
    return await ecsTask(metadataUri);
  } catch (error) {
    log.warn({ err: error }, "ECS does not say what this task's address is");
    return undefined;
  }
}

function show({ url, profile }: StreamSpec): { url: string; profile: string } {
  return { url: maskUrl(url), profile: profile?.name ?? 'direct' };
}
