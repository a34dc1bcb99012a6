/** The one connection to Redis: how it opens, closes and reopens, and how long an answer may take. */

import type { Redis, RedisOptions } from 'ioredis';
import type { Logger } from '../../../shared/log.ts';
import type { Config } from '../config/config.ts';
import { StreampoolError } from '../errors.ts';
import { REDIS_COMMAND_TIMEOUT_MS, REDIS_RECONNECT_MAX_MS, REDIS_SILENCE_MS } from '../timing.ts';
import { MeasuredRedis, type RedisTally } from './redis-tally.ts';

const CONNECT_TIMEOUT_MS = 2_000;
/** What Redis answers to a client that may not use it at all. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR (DB index|invalid password|AUTH))/;

/** @param tally counts what is sent */
export function redisConnection(config: Config, log: Logger, tally?: RedisTally): Redis {
  const options: RedisOptions & { replyMapping?: 'legacy' } = {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
    socketTimeout: REDIS_SILENCE_MS,
    retryStrategy: (attempt) => Math.min(REDIS_RECONNECT_MAX_MS, 100 * attempt),
    // After a failover the old primary answers READONLY. Only a new connection finds the new primary.
    reconnectOnError: (error) => error.message.includes('READONLY'),
  };
  const redis =
    config.redisUrl === undefined
      ? new MeasuredRedis({
          ...options,
          host: config.redisHost,
          port: config.redisPort,
          db: config.redisDb,
          ...(config.redisPassword === undefined ? {} : { password: config.redisPassword }),
          ...(config.redisTls ? { tls: {} } : {}),
        })
      : new MeasuredRedis(config.redisUrl, options);
  redis.tally = tally;
  redis.on('error', (error) => log.debug({ err: error }, 'connection to Redis'));
  return redis;
}

/**
 * Waits up to `ms` for the connection; connection attempts continue after that.
 *
 * @returns why there is no connection yet, or undefined when there is one
 * @throws {StreampoolError} 503 when Redis answers and refuses this worker
 */
export async function connected(redis: Redis, ms: number): Promise<Error | undefined> {
  let last: Error | undefined;
  const onError = (error: Error) => {
    last = error;
  };
  redis.on('error', onError);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(last ?? new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  const ready = redis.connect().then(
    () => undefined,
    (error: Error) => last ?? error,
  );
  const why = await Promise.race([ready, late]);
  clearTimeout(timer);
  redis.off('error', onError);
  // A missing database does not prevent a connection: it is then made to database 0, so the error came before.
  const refusal = [why, last].find((error) => error !== undefined && REFUSED.test(error.message));
  if (refusal === undefined) return why;
  redis.disconnect();
  const reason = refusal.message.replace(/\.$/, '');
  throw new StreampoolError(503, `Redis refuses this worker: ${reason}. Check REDIS_PASSWORD and REDIS_DB.`);
}

/**
 * A warning about a Redis that drops keys when its memory is full; undefined if it does not. Streams go on then, but for a
 * moment other workers do not see the dropped records and may start a second process.
 */
export async function evictionOf(redis: Redis): Promise<string | undefined> {
  const memory = await redis.info('memory');
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(memory)?.[1];
  const policy = field('maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction' || (field('maxmemory') ?? '0') === '0') return undefined;
  return (
    `Redis drops keys when its ${field('maxmemory_human') ?? ''} of memory are full (maxmemory-policy ${policy}), including those ` +
    'of streams and viewers. The workers write them back within seconds. To avoid this, set maxmemory-policy noeviction, ' +
    'or give Streampool a Redis of its own.'
  );
}
