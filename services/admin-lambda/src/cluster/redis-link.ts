/**
 * A connection to Redis that is checked before each use. A Lambda is frozen between calls: its timers stand still, and a
 * connection that died meanwhile looks open afterwards. So nothing runs in the background here. Each use begins with a PING;
 * a connection that does not answer it is replaced.
 */

import { Redis, type RedisOptions } from 'ioredis';
import type { RegistrySettings } from '../environment.ts';
import { RegistryUnavailable } from './cluster-admin.ts';

/** Within one network a PING takes a millisecond; a connection that needs longer than this is dead or useless. */
const PING_TIMEOUT_MS = 400;
/** TCP, TLS, AUTH and the first PING. */
const CONNECT_TIMEOUT_MS = 1_000;
/** The limit of one use. Together with the two limits above, a caller gets its 503 well within 3 s. */
const USE_TIMEOUT_MS = 2_000;

/** Answers that make the connection useless: another server is the primary, or this one is starting. */
const NOT_SERVING = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|UNBLOCKED)/;

type Where = Pick<RegistrySettings, 'redisHost' | 'redisPort' | 'redisDb' | 'redisPassword' | 'redisTls' | 'redisUrl'>;

export class RedisLink {
  readonly #where: Where;
  #redis: Redis | undefined;
  #connecting: Promise<Redis> | undefined;
  #password: string | undefined;

  constructor(where: Where) {
    this.#where = where;
    this.#password = where.redisPassword;
  }

  /** Sets the password. A changed password needs a new connection. */
  set password(password: string) {
    if (password === this.#password) return;
    this.#password = password;
    this.close();
  }

  /**
   * Runs some work on a working connection.
   *
   * @throws {RegistryUnavailable} when Redis does not answer, or the work takes longer than 2 s
   */
  async use<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    let redis: Redis | undefined;
    const inTime = async (): Promise<T> => {
      redis = await this.#living();
      return work(redis);
    };
    try {
      return await within(USE_TIMEOUT_MS, inTime(), 'Redis does not answer in time');
    } catch (error) {
      const reason = unavailability(error);
      if (reason === undefined) throw error;
      if (redis !== undefined) this.#drop(redis);
      throw new RegistryUnavailable(reason, { cause: error });
    }
  }

  close(): void {
    if (this.#redis !== undefined) this.#drop(this.#redis);
  }

  async #living(): Promise<Redis> {
    const redis = this.#redis;
    if (redis !== undefined) {
      try {
        await within(PING_TIMEOUT_MS, redis.ping(), 'no PONG');
        return redis;
      } catch {
        this.#drop(redis);
        // A use that began earlier has replaced it meanwhile.
        if (this.#redis !== undefined) return this.#redis;
      }
    }
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<Redis> {
    const { redisHost: host, redisPort: port, redisDb: db, redisTls, redisUrl } = this.#where;
    const options: RedisOptions = {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: USE_TIMEOUT_MS,
      // The next use opens a new one: a frozen process cannot retry on a timer.
      retryStrategy: () => null,
      ...(this.#password === undefined ? {} : { password: this.#password }),
    };
    const redis =
      redisUrl === undefined
        ? new Redis({ ...options, host, port, db, ...(redisTls ? { tls: {} } : {}) })
        : new Redis(redisUrl, options);
    let cause: unknown;
    redis.on('error', (error) => {
      cause = error;
    });
    redis.once('end', () => this.#forget(redis));
    try {
      const connected = redis.connect().then(() => redis.ping());
      await within(CONNECT_TIMEOUT_MS, connected, 'Redis does not accept a connection in time');
    } catch (error) {
      redis.disconnect();
      // "Connection is closed." says less than the error that closed it.
      throw new RegistryUnavailable(unavailability(cause ?? error) ?? String(error), { cause: cause ?? error });
    }
    this.#redis = redis;
    return redis;
  }

  #drop(redis: Redis): void {
    this.#forget(redis);
    redis.disconnect();
  }

  #forget(redis: Redis): void {
    if (this.#redis === redis) this.#redis = undefined;
  }
}

/** Why Redis is of no use now; undefined for an error of the work itself. */
function unavailability(error: unknown): string | undefined {
  if (error instanceof RegistryUnavailable) return error.message;
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined || code !== undefined) return `Redis cannot be reached: ${error.message || code}`;
  if (/^(WRONGPASS|NOAUTH|NOPERM)/.test(error.message)) return `Redis refuses the password: ${error.message}`;
  if (NOT_SERVING.test(error.message)) return `Redis is not ready: ${error.message}`;
  if (/^(Connection is closed|Command timed out|Stream isn't writeable)/.test(error.message)) {
    return `Redis does not answer: ${error.message}`;
  }
  return undefined;
}

/** @throws {RegistryUnavailable} */
async function within<T>(ms: number, work: Promise<T>, reason: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RegistryUnavailable(`${reason} (${ms} ms).`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // The work that lost the race may still fail; nobody waits for it.
    work.catch(() => undefined);
  }
}
