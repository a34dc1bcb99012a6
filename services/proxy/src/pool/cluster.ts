/** This worker's part in a cluster: who it is, the registry it shares, its lease, and the relay port. */

import { randomBytes, randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { Redis, type RedisOptions } from 'ioredis';
import { MemoryRegistry } from '../../../registry/memory/memory-registry.ts';
import { keys } from '../../../registry/redis/keys.ts';
import { RedisRegistry } from '../../../registry/redis/redis-registry.ts';
import type { Registry } from '../../../registry/registry.ts';
import { ResilientRegistry } from '../../../registry/resilient-registry.ts';
import type { StreamSpec, WorkerIdentity } from '../../../registry/types.ts';
import type { Config } from '../config.ts';
import { StreampoolError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { maskUrl } from '../upstream/mask.ts';
import { RelayServer, type RelayServerDeps } from './relay-server.ts';

/** How long an incarnation that does not renew keeps what it owns. */
export const LEASE_MS = 5_000;
/** Workers renew once a second, and with that say again what they own: two renewals are enough to know. */
const YOUNG_MS = 2_000;
const COMMAND_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MAX_MS = 1_000;

export interface Cluster {
  readonly identity: WorkerIdentity;
  readonly registry: Registry;
  /** What workers prove themselves with. */
  secret(): string;
  /** The workers that follow a feed of this one. */
  followersOf(feed: string): readonly WorkerIdentity[];
  close(): Promise<void>;
}

/** What a worker has for others. */
export type RelayedFeeds = Pick<RelayServerDeps, 'find' | 'prepare'>;

/** A worker on its own: the same, with nobody else. */
export function soloCluster(config: Config): Cluster {
  const identity = { workerId: config.workerId, incarnation: randomUUID(), address: '', zone: undefined };
  return {
    identity,
    registry: new MemoryRegistry(identity),
    secret: () => '',
    followersOf: () => [],
    close: async () => undefined,
  };
}

/**
 * Connects to Redis, opens the relay port and takes this worker's name.
 *
 * @throws {StreampoolError} 503 when another process runs under the same WORKER_ID
 */
export async function joinCluster(config: Config, feeds: RelayedFeeds, log: Logger): Promise<Cluster> {
  const redis = connect(config, log);
  const incarnation = randomUUID();
  let secret = config.clusterSecret ?? randomBytes(24).toString('hex');
  const relay = new RelayServer({ incarnation, secret: () => secret, ...feeds, log });
  const port = await relay.listen(config.host, config.relayPort);
  await redis.connect();
  if (config.clusterSecret === undefined) {
    await redis.set(keys.clusterSecret, secret, 'NX');
    secret = (await redis.get(keys.clusterSecret)) ?? secret;
  }
  const host = config.workerAddress ?? redis.stream.localAddress ?? '127.0.0.1';
  const identity: WorkerIdentity = {
    workerId: config.workerId,
    incarnation,
    address: `${host.includes(':') ? `[${host.replace('::ffff:', '')}]` : host}:${port}`,
    zone: undefined,
  };
  const registry = new RedisRegistry(redis, identity, { leaseMs: LEASE_MS, youngMs: YOUNG_MS, show });
  await takeName(registry, redis, identity, secret);
  log.info({ relay: identity.address }, 'joined the cluster');
  return {
    identity,
    registry: new ResilientRegistry(registry, identity, (error) => log.warn({ err: error }, 'Redis does not answer')),
    secret: () => secret,
    followersOf: (feed) => relay.followersOf(feed),
    close: async () => {
      await registry.leaveCluster().catch((error: unknown) => log.warn({ err: error }, 'could not leave the cluster'));
      redis.disconnect();
      await relay.close();
    },
  };
}

function connect(config: Config, log: Logger): Redis {
  const options: RedisOptions = {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (attempt) => Math.min(RECONNECT_MAX_MS, 100 * attempt),
    // After a failover the old primary answers READONLY: only a new connection finds the new one.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  };
  const redis =
    config.redisUrl === undefined
      ? new Redis({
          ...options,
          host: config.redisHost,
          port: config.redisPort,
          db: config.redisDb,
          ...(config.redisPassword === undefined ? {} : { password: config.redisPassword }),
          ...(config.redisTls ? { tls: {} } : {}),
        })
      : new Redis(config.redisUrl, options);
  redis.on('error', (error) => log.debug({ err: error }, 'connection to Redis'));
  return redis;
}

/** Ends the incarnation that had this name before, if it is gone; refuses to be a second one. */
async function takeName(registry: RedisRegistry, redis: Redis, me: WorkerIdentity, secret: string): Promise<void> {
  const before = (await registry.knownWorkers()).find((worker) => worker.workerId === me.workerId);
  if (before === undefined || before.incarnation === me.incarnation) return;
  const answers = before.address !== me.address && (await incarnationAt(before.address, secret)) === before.incarnation;
  if (answers) {
    redis.disconnect();
    throw new StreampoolError(
      503,
      `Another process runs as ${me.workerId} at ${before.address}. Give every worker its own WORKER_ID.`,
    );
  }
  await registry.endIncarnation(before.incarnation);
}

function incarnationAt(address: string, secret: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = { Authorization: `Bearer ${secret}` };
    const request = get(`http://${address}/ping`, { agent: false, headers, timeout: CONNECT_TIMEOUT_MS });
    request.once('response', (response) => {
      response.resume();
      resolve(String(response.headers['x-incarnation']));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
}

function show({ url, profile }: StreamSpec): { url: string; profile: string } {
  return { url: maskUrl(url), profile: profile?.name ?? 'direct' };
}
