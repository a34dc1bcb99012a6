/**
 * A connection to Redis that is checked before each use. A Lambda is frozen between calls: its timers stand still, and a
 * connection that died meanwhile looks open afterwards. So nothing runs in the background here. Each use begins with a PING;
 * a connection that does not answer it is replaced.
 */

import { Redis, type RedisOptions } from 'ioredis';
import type { RegistrySettings } from '../environment.ts';
import { REDIS_MS } from '../time-limits.ts';
import { within } from '../within.ts';
import { PasswordRefused, RegistryUnavailable } from './cluster-admin.ts';

/** Within one network a PING takes a millisecond; a connection that needs longer than this is dead or useless. */
const PING_TIMEOUT_MS = 400;
/** TCP, TLS, AUTH and the first PING. */
const CONNECT_TIMEOUT_MS = 1_000;

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
   * @throws {RegistryUnavailable} when Redis does not answer, or connection and work take longer than REDIS_MS
   */
  async use<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    let redis: Redis | undefined;
    const inTime = async (): Promise<T> => {
      redis = await this.#living();
      return work(redis);
    };
    try {
      return await within(REDIS_MS, inTime(), late(REDIS_MS, 'Redis does not answer in time'));
    } catch (error) {
      const unavailable = unavailability(error);
      if (unavailable === undefined) throw error;
      if (redis !== undefined) this.#drop(redis);
      throw unavailable;
    }
  }

  close(): void {
    if (this.#redis !== undefined) this.#drop(this.#redis);
  }

  async #living(): Promise<Redis> {
    const redis = this.#redis;
    if (redis !== undefined) {
      try {
        await within(PING_TIMEOUT_MS, redis.ping(), late(PING_TIMEOUT_MS, 'no PONG'));
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
      commandTimeout: REDIS_MS,
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
      const tooLate = late(CONNECT_TIMEOUT_MS, 'Redis does not accept a connection in time');
      await within(CONNECT_TIMEOUT_MS, connected, tooLate);
    } catch (error) {
      redis.disconnect();
      // "Connection is closed." says less than the error that closed it.
      throw unavailability(cause ?? error) ?? new RegistryUnavailable(String(error), { cause: cause ?? error });
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

/** The error that says why Redis is of no use now; undefined for an error of the work itself. */
function unavailability(error: unknown): RegistryUnavailable | undefined {
  if (error instanceof RegistryUnavailable) return error;
  if (!(error instanceof Error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const of = (reason: string): RegistryUnavailable => new RegistryUnavailable(reason, { cause: error });
  if (syscall !== undefined || code !== undefined) return of(`Redis cannot be reached: ${error.message || code}`);
  if (/^(WRONGPASS|NOAUTH)/.test(error.message)) {
    return new PasswordRefused(`Redis refuses the password: ${error.message}`, { cause: error });
  }
  if (/^NOPERM/.test(error.message)) return of(`Redis refuses the user: ${error.message}`);
  if (NOT_SERVING.test(error.message)) return of(`Redis is not ready: ${error.message}`);
  if (/^(Connection is closed|Command timed out|Stream isn't writeable)/.test(error.message)) {
    return of(`Redis does not answer: ${error.message}`);
  }
  return undefined;
}

function late(ms: number, reason: string): () => RegistryUnavailable {
  return () => new RegistryUnavailable(`${reason} (${ms} ms).`);
}
