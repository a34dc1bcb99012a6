/** The one connection to Redis: how it is opened, given up and opened again, and how long an answer may take. */

import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from '../../../shared/log.ts';
import type { Config } from '../config/config.ts';
import { StreampoolError } from '../errors.ts';
import { REDIS_COMMAND_TIMEOUT_MS, REDIS_RECONNECT_MAX_MS } from '../timing.ts';

/** A host that takes connections and answers nothing is left: its name may lead to another one by now. */
const SILENCE_MS = 6_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** What Redis says to those who may not use it, whatever they do. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR (DB index|invalid password|AUTH))/;

export function redisConnection(config: Config, log: Logger): Redis {
  const options: RedisOptions = {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: (attempt) => Math.min(REDIS_RECONNECT_MAX_MS, 100 * attempt),
    // After a failover the old primary answers READONLY: only a new connection finds the new one.
    reconnectOnError: (error) => error.message.includes('READONLY'),
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

/**
 * Waits for the connection, `ms` at most; it goes on being tried.
 *
 * @returns why there is none yet, or undefined when there is
 * @throws {StreampoolError} 503 when Redis is there and does not let this worker in
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
  // A database that is not there does not keep the connection from being made, to another one.
  const refusal = [why, last].find((error) => error !== undefined && REFUSED.test(error.message));
  if (refusal === undefined) return why;
  redis.disconnect();
  const reason = refusal.message.replace(/\.$/, '');
  throw new StreampoolError(503, `Redis does not let this worker in: ${reason}. Check REDIS_PASSWORD and REDIS_DB.`);
}

/**
 * What to know of a Redis that drops keys when its memory is full; undefined for one that does not. Streams go on, but for a
 * moment other workers do not see what was dropped, and a second process may start.
 */
export async function evictionOf(redis: Redis): Promise<string | undefined> {
  const memory = await redis.info('memory');
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(memory)?.[1];
  const policy = field('maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction' || (field('maxmemory') ?? '0') === '0') return undefined;
  return (
    `Redis drops keys when its ${field('maxmemory_human') ?? ''} of memory are full (maxmemory-policy ${policy}), also those ` +
    'that say who watches what. Lost ones are written back within seconds. To lose none, set maxmemory-policy noeviction, ' +
    'or give Streampool a Redis of its own.'
  );
}
