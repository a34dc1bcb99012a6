/** How this worker takes part in a cluster: its identity, the shared registry, and the relay port. */

import { randomBytes, randomUUID } from 'node:crypto';
import { MemoryRegistry } from '../../../registry/memory/memory-registry.ts';
import { RedisRegistry } from '../../../registry/redis/redis-registry.ts';
import type { Registry } from '../../../registry/registry.ts';
import { ResilientRegistry } from '../../../registry/resilient/resilient-registry.ts';
import type { StreamSpec, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import type { Config } from '../config/config.ts';
import { type EcsTask, ecsTask } from '../ecs/task-metadata.ts';
import { StreampoolError } from '../errors.ts';
import { otherWorkers } from '../relay/other-workers.ts';
import { incarnationAt } from '../relay/peers.ts';
import { RelayServer, type RelayServerDeps } from '../relay/relay-server.ts';
import { LEASE_MS, YOUNG_MS } from '../timing.ts';
import { addressTowards, hostPort } from './own-address.ts';
import { connected, evictionOf, redisConnection } from './redis-connection.ts';

/** How long the start waits for Redis. After that the worker serves alone until Redis answers. */
const START_MS = 3_000;
const PING_TIMEOUT_MS = 2_000;

/** How many lost records a log line names: enough to show of what kind they are. */
const SHOWN_LOSSES = 5;

export interface Cluster {
  readonly identity: WorkerIdentity;
  readonly registry: Registry;
  /** The secret that workers authenticate with. A worker alone generates one, unless it was given one. */
  secret(): string;
  /** The secret for signed playback URLs. */
  playbackSecret(): string;
  /** The workers that follow a feed of this worker. */
  followersOf(feed: string): readonly WorkerIdentity[];
  /** Calls back whenever the registry answers again, so that the worker renews at once. */
  onReturn(listener: () => void): void;
  /** The relays to other workers that are open now, and the bytes that all relays have sent since the start. */
  relays(): { readonly open: number; readonly sentBytes: number };
  close(): Promise<void>;
}

/** What the relay server needs of this worker's feeds. */
export type RelayedFeeds = Pick<RelayServerDeps, 'find' | 'placeAnswer' | 'prepare'>;

/** The same interface for a worker alone. */
export function soloCluster(config: Config): Cluster {
  const identity = { workerId: config.workerId, incarnation: randomUUID(), address: '', zone: undefined };
  const secret = config.clusterSecret ?? newSecret();
  const playbackSecret = config.playbackSecret ?? newSecret();
  return {
    identity,
    registry: new MemoryRegistry(identity, config.sharedStreamGraceMs),
    secret: () => secret,
    playbackSecret: () => playbackSecret,
    followersOf: () => [],
    onReturn: () => undefined,
    relays: () => ({ open: 0, sentBytes: 0 }),
    close: async () => undefined,
  };
}

/**
 * Opens the relay port, connects to Redis and takes this worker's name. If Redis does not answer, the worker joins later.
 *
 * @throws {StreampoolError} 503 when another process runs under the same WORKER_ID, or Redis refuses the password
 */
export async function joinCluster(
  config: Config,
  feeds: RelayedFeeds,
  log: Logger,
  metadataUri = process.env.ECS_CONTAINER_METADATA_URI_V4,
): Promise<Cluster> {
  const incarnation = randomUUID();
  const given = { cluster: config.clusterSecret, playback: config.playbackSecret };
  const secrets = { cluster: given.cluster ?? newSecret(), playback: given.playback ?? newSecret() };
  const secret = () => secrets.cluster;
  let registry: ResilientRegistry | undefined;
  const streamReport = (streamId: string) => registry?.streamReport(streamId) ?? {};
  const relay = new RelayServer({ incarnation, secret, ...feeds, streamReport, log });
  const port = await relay.listen(config.host, config.relayPort);
  const redis = redisConnection(config, log);
  const task = await taskOf(metadataUri, log);
  const fixedHost = config.workerAddress ?? task?.address;
  const identity: WorkerIdentity = {
    workerId: config.workerId,
    incarnation,
    address: hostPort(fixedHost ?? (await addressTowards(redis.options.host ?? config.redisHost)), port),
    zone: task?.zone,
    revision: task?.revision,
  };
  const graceMs = config.sharedStreamGraceMs;
  const shared = new RedisRegistry(redis, identity, { leaseMs: LEASE_MS, youngMs: YOUNG_MS, graceMs, show });

  let named = false;
  const introduce = async (): Promise<void> => {
    identity.address = hostPort(fixedHost ?? redis.stream.localAddress ?? '127.0.0.1', port);
    for (const name of ['cluster', 'playback'] as const) {
      if (given[name] === undefined) secrets[name] = await shared.agreeOnSecret(name, secrets[name]);
    }
    if (named) return;
    const eviction = await evictionOf(redis);
    if (eviction !== undefined) log.warn(eviction);
    await takeName(shared, identity, secret());
    named = true;
    log.info({ relay: identity.address, zone: identity.zone }, 'joined the cluster');
  };
  const resilient = new ResilientRegistry(shared, identity, {
    introduce,
    others: otherWorkers(shared, identity, secret),
    youngMs: YOUNG_MS,
    graceMs,
    onOutage: (error) => log.warn({ err: error }, 'Redis does not answer'),
    onBug: (error) => log.error({ err: error }, 'a fault of this program, not of Redis; please report it'),
    onBadRecord: (error) => log.warn({ err: error }, 'could not read a record in Redis'),
    onLoss: (lost) =>
      log.warn({ lost: lost.slice(0, SHOWN_LOSSES), count: lost.length }, 'Redis has lost records; writing them back'),
  });
  registry = resilient;
  redis.on('close', () => resilient.interrupted(new Error('the connection to Redis is closed')));

  const close = async (): Promise<void> => {
    redis.disconnect();
    await relay.close();
  };
  try {
    const why = await connected(redis, START_MS);
    if (why === undefined) await introduce();
    else log.warn({ err: why }, 'Redis does not answer; starting without it, and joining the cluster when it answers');
  } catch (error) {
    await close();
    throw error;
  }
  return {
    identity,
    registry: resilient,
    secret,
    playbackSecret: () => secrets.playback,
    followersOf: (feed) => relay.followersOf(feed),
    onReturn: (listener) => void redis.on('ready', listener),
    relays: () => ({ open: relay.connections, sentBytes: relay.sentBytes }),
    close: async () => {
      await resilient.leaveCluster().catch((error: unknown) => log.warn({ err: error }, 'could not leave the cluster'));
      await close();
    },
  };
}

/** Begins with the time, so that the oldest of several secrets is the smallest. */
function newSecret(): string {
  return Date.now().toString(16).padStart(12, '0') + randomBytes(24).toString('hex');
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

/** Ends the previous incarnation under this name if it is dead; throws if it is alive. */
async function takeName(registry: RedisRegistry, me: WorkerIdentity, secret: string): Promise<void> {
  const before = (await registry.knownWorkers()).find((worker) => worker.workerId === me.workerId);
  if (before === undefined || before.incarnation === me.incarnation) return;
  const answer =
    before.address === me.address ? undefined : await incarnationAt(before.address, secret, PING_TIMEOUT_MS);
  if (answer === before.incarnation || answer === 'stranger') {
    const message = `Another process runs as ${me.workerId} at ${before.address}. Give every worker its own WORKER_ID.`;
    throw new StreampoolError(503, message);
  }
  await registry.endIncarnation(before.incarnation);
}

function show({ url, profile }: StreamSpec): { url: string; profile: string } {
  return { url: maskUrl(url), profile: profile?.name ?? 'direct' };
}
