/**
 * Counts connections to providers per host and credentials, because a provider's limit applies to those. It counts over
 * all workers, because a provider cannot tell them apart.
 */

import { createHash } from 'node:crypto';
import type { ConnectionLimits, Members } from '../../../../registry/registry.ts';
import type { ProviderConnection } from '../../../../registry/types.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { deferred, pauseBy } from '../../async.ts';
import { LimitError, SourceError } from '../../errors.ts';
import { ProviderAccounts } from './provider-accounts.ts';
import { ProviderTally } from './provider-tally.ts';
import type { SourceAddress } from './source-address.ts';

export interface ProviderConnectionsDeps {
  /** SOURCE_MAX_CONNECTIONS; 0: no limit, and nothing is counted. */
  readonly max: number;
  readonly registry: ConnectionLimits & Members;
  /** Called at this worker's or the provider's limit. Closes idle connections to this account on this worker. */
  readonly reclaim: (account: string) => Promise<void>;
  /** How long to wait for a connection that is about to be closed; default 5 s. */
  readonly waitMs?: number;
  /** Unset: the system's. */
  readonly clock?: Clock;
}

/** All SOURCE_MAX_CONNECTIONS connections are in use. */
class ConnectionLimitError extends LimitError {
  constructor({ url, account }: { readonly url: string; readonly account: string }, max: number) {
    const message = `The provider of ${maskUrl(url)} allows ${max} connections (SOURCE_MAX_CONNECTIONS), and all are in use. Try again when a viewer has left.`;
    super('provider', message, { retryAfterSeconds: 5, account });
  }
}

/** Status codes with which providers refuse a connection beyond the account's limit. */
const LIMIT_STATUS: readonly number[] = [401, 403, 429, 456, 458, 509];

/** Whether an answer may mean that another connection to the provider has to be closed first. */
export function isLimitStatus(status: number | undefined): boolean {
  return LIMIT_STATUS.includes(status ?? 0);
}

/** As `isLimitStatus`, for an error. */
export function mayBeConnectionLimit(error: unknown): boolean {
  if (error instanceof ConnectionLimitError) return true;
  return error instanceof SourceError && isLimitStatus(error.upstreamStatus);
}

/**
 * An error for somebody who watches already: at the limit it waits as for a source that does not answer, since a place may get free.
 */
export function asPassing(error: unknown): unknown {
  if (!(error instanceof ConnectionLimitError)) return error;
  return new SourceError('refused', error.message, { cause: error });
}

/** One place among a provider's connections. Its holder may give it back and take it again. */
export interface ProviderPlace {
  readonly giveBack: () => void;
  /** @throws {StreampoolError} 503 when all are in use */
  readonly take: () => Promise<void>;
}

/** A place whose holder may go to another provider. */
export interface MovablePlace extends ProviderPlace {
  /**
   * Takes one more place, at the provider of another source. Call the returned function when that connection is closed.
   * @throws {StreampoolError} 503 when all are in use
   */
  readonly beside: (address: SourceAddress, signal: AbortSignal) => Promise<() => void>;
  /** Holds the place that `beside` has taken, in exchange for the one before. @param free what `beside` has returned */
  readonly become: (free: () => void) => void;
}

/** The connections to the account of one source, for the code that opens one. */
export interface AccountWatch {
  /** A connection was accepted. Call the returned function when it is closed. */
  opened(): () => void;
  /** A connection was refused. Closes idle ones here and asks the other workers to do the same. */
  makeRoom(signal?: AbortSignal): Promise<void>;
  /** Whether a refusal `waitedMs` after the first one may pass, because a connection is being closed. */
  refusalMayPass(waitedMs: number): boolean;
}

/** Providers notice a closed connection within this time. A viewer waits for that as long. */
const STILL_COUNTED_MS = 5_000;
/** A player that changes channels may open the new one a moment before it closes the old one. */
const ABOUT_TO_CLOSE_MS = 1_500;
/** Within this time another worker gets the request to close idle connections: one renewal and some reserve. */
const ASKED_MS = 2_000;
/** If that did not help, the refusal has another cause. For this long, later refusals are not waited for. */
const ASK_AGAIN_MS = 10_000;
/** Other workers announce their connections only in the registry. */
const POLL_MS = 250;

export class ProviderConnections {
  readonly #deps: ProviderConnectionsDeps;
  readonly #clock: Clock;
  /** When the last connection to an account was closed, monotonic ms. */
  readonly #closedMs = new Map<string, number>();
  /**
   * When other workers were asked to close their connections to an account, monotonic ms. Cleared when a connection is
   * accepted again.
   */
  readonly #askedMs = new Map<string, number>();
  /** Open connections of this worker per account. */
  readonly #open = new Map<string, number>();
  /** Taken connections of this worker, by holder. */
  readonly #held = new Map<string, number>();
  /** Callers that wait for a connection to be given back here. */
  readonly #waiting = new Set<() => void>();
  /** The same by provider, for people. */
  readonly tally = new ProviderTally();
  /** The same by account, for people. */
  readonly accounts: ProviderAccounts;

  constructor(deps: ProviderConnectionsDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.accounts = new ProviderAccounts(this.#clock);
  }

  /** SOURCE_MAX_CONNECTIONS is set. */
  get areLimited(): boolean {
    return this.#deps.max > 0;
  }

  /** SOURCE_MAX_CONNECTIONS; 0: no limit. */
  get max(): number {
    return this.#deps.max;
  }

  /** Taken connections of this worker, by holder. */
  get held(): Record<string, number> {
    return Object.fromEntries(this.#held);
  }

  /**
   * Takes one connection to the account of `address`. Call the returned function when it is closed. At the limit it
   * ends what nobody watches, and waits for a connection that is about to be closed on any worker.
   *
   * @param holder what the connection is for: a stream's id, or the key of a source that several streams may read
   * @param atLimit closes what the caller can do without
   * @throws {ConnectionLimitError} 503 when all are in use for 5 s
   * @throws {SourceError} `stopped` on the signal
   */
  async acquire(
    holder: string,
    address: SourceAddress,
    signal?: AbortSignal,
    atLimit?: () => void,
  ): Promise<() => void> {
    const { max, registry } = this.#deps;
    const connection = { account: accountOf(address), id: this.#clock.id() };
    if (max > 0 && !(await this.#take(connection, signal, atLimit))) {
      if (signal?.aborted === true) throw new SourceError('stopped', 'The source is no longer wanted.');
      this.tally.refused(address.url);
      this.accounts.refused(address.url, connection.account);
      throw new ConnectionLimitError({ url: address.url, account: connection.account }, max);
    }
    this.#count(holder, 1);
    const gaveBack = this.tally.taken(address.url, connection.account);
    const leaveAccount = this.accounts.taken(address.url, connection.account, holder);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#count(holder, -1);
      gaveBack();
      leaveAccount();
      this.#noteClosed(connection.account);
      if (max === 0) return;
      const returned = registry.returnConnection(connection).catch(() => undefined);
      void returned.then(() => {
        for (const wake of [...this.#waiting]) wake();
      });
    };
  }

  /** Lets the code that opens a source report its connections and learn about the others. */
  watch(address: SourceAddress): AccountWatch {
    const account = accountOf(address);
    const others = () => this.#open.get(account) ?? 0;
    return {
      opened: () => {
        this.#askedMs.delete(account);
        this.#open.set(account, others() + 1);
        return () => {
          if (others() > 1) this.#open.set(account, others() - 1);
          else this.#open.delete(account);
          this.#noteClosed(account);
        };
      },
      makeRoom: (signal) => {
        this.tally.refused(address.url);
        this.accounts.refused(address.url, account);
        return this.#makeRoom(account, signal);
      },
      refusalMayPass: (waitedMs) => {
        if (waitedMs >= STILL_COUNTED_MS) return false;
        if (this.#hasJustClosed(account)) return true;
        const askedMs = this.#askedMs.get(account);
        if (askedMs !== undefined && this.#clock.monotonicMs() - askedMs < ASKED_MS) return true;
        return others() > 0 && waitedMs < ABOUT_TO_CLOSE_MS;
      },
    };
  }

  /**
   * A process or source without viewers holds its connection for its grace time. A viewer that changes channels needs
   * it now.
   */
  async #makeRoom(account: string, signal: AbortSignal | undefined): Promise<void> {
    const { registry } = this.#deps;
    const closedMs = this.#closedMs.get(account);
    await this.#endIdle(account, signal);
    if (this.#closedMs.get(account) !== closedMs) return;
    const nowMs = this.#clock.monotonicMs();
    for (const [each, askedMs] of this.#askedMs) if (nowMs - askedMs > ASK_AGAIN_MS) this.#askedMs.delete(each);
    if (this.#askedMs.has(account)) return;
    if ((await registry.workers()).length < 2) return;
    this.#askedMs.set(account, this.#clock.monotonicMs());
    await registry.send({ kind: 'reclaim', account });
  }

  #count(holder: string, by: 1 | -1): void {
    const count = (this.#held.get(holder) ?? 0) + by;
    if (count > 0) this.#held.set(holder, count);
    else this.#held.delete(holder);
  }

  async #take(connection: ProviderConnection, signal?: AbortSignal, atLimit?: () => void): Promise<boolean> {
    const { max, registry } = this.#deps;
    const { account } = connection;
    if (await registry.takeConnection(connection, max)) return true;
    atLimit?.();
    await this.#endIdle(account, signal);
    const untilMs = this.#clock.monotonicMs() + (this.#deps.waitMs ?? STILL_COUNTED_MS);
    let isAsked = false;
    while (!(await registry.takeConnection(connection, max))) {
      if (this.#clock.monotonicMs() >= untilMs || signal?.aborted === true) return false;
      if (!isAsked && (await registry.workers()).length > 1) await registry.send({ kind: 'reclaim', account });
      isAsked = true;
      await this.#returned(signal);
    }
    // A connection has just been closed, here or elsewhere, and the provider may not have noticed.
    this.#noteClosed(account);
    return true;
  }

  /**
   * Ends what nobody watches. The one that asks may be among that: then it is ended only when it no longer waits here, so the signal
   * ends the wait.
   */
  async #endIdle(account: string, signal: AbortSignal | undefined): Promise<void> {
    const stopped = deferred<void>();
    const stop = () => stopped.resolve();
    signal?.addEventListener('abort', stop);
    if (signal?.aborted === true) stop();
    try {
      await Promise.race([this.#deps.reclaim(account), stopped.promise]);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Resolves when a connection has been given back here, or when it is time to look at the other workers. */
  async #returned(signal: AbortSignal | undefined): Promise<void> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#waiting.add(wake);
    signal?.addEventListener('abort', wake, { once: true });
    await pauseBy(this.#clock, POLL_MS, woken.signal);
    signal?.removeEventListener('abort', wake);
    this.#waiting.delete(wake);
  }

  /** Whether the provider may still count a recently closed connection and refuse the next one because of it. */
  #hasJustClosed(account: string): boolean {
    const closedMs = this.#closedMs.get(account);
    return closedMs !== undefined && this.#clock.monotonicMs() - closedMs < STILL_COUNTED_MS;
  }

  #noteClosed(account: string): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [each, closedMs] of this.#closedMs) if (nowMs - closedMs > STILL_COUNTED_MS) this.#closedMs.delete(each);
    this.#closedMs.set(account, nowMs);
  }
}

const XTREAM_PATH = /\/(?:live|movie|series|timeshifts?)\/([^/]+)\/([^/]+)\/|^\/([^/]+)\/([^/]+)\/\d+(?:\.\w+)?$/i;

/** Provider host and credentials as 32 hex digits that do not reveal them. */
export function accountOf({ url, headers }: SourceAddress): string {
  const { host, username, password, pathname, searchParams } = new URL(url);
  // Xtream URLs carry the account before the channel. The channel may be live, a film or a recording.
  const [user, pass] =
    XTREAM_PATH.exec(pathname)
      ?.slice(1)
      .filter((part) => part !== undefined) ?? [];
  const folder = user === undefined ? pathname.split('/').slice(0, -1).join('/') : `${user}/${pass}`;
  const query = ['username', 'password', 'token'].map((name) => searchParams.get(name));
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1];
  const account = JSON.stringify([host, username, password, folder, query, authorization]);
  return createHash('sha256').update(account).digest('hex').slice(0, 32);
}
