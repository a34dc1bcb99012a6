/**
 * Connections to providers, counted per host and credentials, because that is what a provider's limit applies to; over all
 * workers, because a provider does not know of them.
 */

import { createHash, randomUUID } from 'node:crypto';
import type { Registry } from '../../../registry/registry.ts';
import type { ProviderConnection } from '../../../registry/types.ts';
import { pause } from '../async.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import { maskUrl } from './mask.ts';
import type { SourceAddress } from './source-address.ts';

export interface ProviderConnectionsDeps {
  /** SOURCE_MAX_CONNECTIONS; 0: unlimited, and nothing is counted. */
  readonly max: number;
  readonly registry: Pick<Registry, 'takeConnection' | 'returnConnection' | 'send' | 'workers'>;
  /** Asked at the limit: closes what holds a connection to this account here and serves nobody. */
  readonly reclaim: (account: string) => Promise<void>;
}

/** SOURCE_MAX_CONNECTIONS are in use. */
export class ConnectionLimitError extends StreampoolError {
  constructor(url: string, max: number) {
    const message = `The provider of ${maskUrl(url)} allows ${max} connections (SOURCE_MAX_CONNECTIONS), and all are in use. Try again when a viewer has left.`;
    super(503, message, { retryAfterSeconds: 5 });
  }
}

/** How providers refuse a connection more than the account may have. */
const LIMIT_STATUS: readonly number[] = [401, 403, 429, 456, 458, 509];

/** Whether an error may mean that another connection to the provider has to be closed first. */
export function mayBeConnectionLimit(error: unknown): boolean {
  if (error instanceof ConnectionLimitError) return true;
  return error instanceof SourceError && LIMIT_STATUS.includes(error.upstreamStatus ?? 0);
}

/** Providers notice within this time that a connection of ours is closed. */
const STILL_COUNTED_MS = 5_000;
/** Other workers hear within a second that a connection is wanted, and end what nobody watches. */
const RECLAIM_MS = 1_500;
const RECLAIM_POLL_MS = 250;

export class ProviderConnections {
  readonly #deps: ProviderConnectionsDeps;
  /** When the last connection to an account was closed, monotonic. */
  readonly #closedMs = new Map<string, number>();

  constructor(deps: ProviderConnectionsDeps) {
    this.#deps = deps;
  }

  /**
   * Takes one connection to the account of `address`; call the answer when it is closed. At the limit waits for a moment
   * until what nobody watches, on whatever worker, is ended.
   *
   * @throws {ConnectionLimitError} 503 at the limit
   */
  async acquire(address: SourceAddress): Promise<() => void> {
    const { max, registry } = this.#deps;
    const connection = { account: accountOf(address), id: randomUUID() };
    if (max > 0 && !(await this.#take(connection))) throw new ConnectionLimitError(address.url, max);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#noteClosed(connection.account);
      if (max > 0) void registry.returnConnection(connection).catch(() => undefined);
    };
  }

  async #take(connection: ProviderConnection): Promise<boolean> {
    const { max, registry, reclaim } = this.#deps;
    const { account } = connection;
    if (await registry.takeConnection(connection, max)) return true;
    await reclaim(account);
    if (await registry.takeConnection(connection, max)) return true;
    if ((await registry.workers()).length < 2) return false;
    await registry.send({ kind: 'reclaim', account });
    const untilMs = performance.now() + RECLAIM_MS;
    while (performance.now() < untilMs) {
      await pause(RECLAIM_POLL_MS);
      if (await registry.takeConnection(connection, max)) return true;
    }
    return false;
  }

  /** Whether the provider may still count a connection that was closed a moment ago, and refuse the next one for that. */
  hasJustClosed(address: SourceAddress): boolean {
    const closedMs = this.#closedMs.get(accountOf(address));
    return closedMs !== undefined && performance.now() - closedMs < STILL_COUNTED_MS;
  }

  #noteClosed(account: string): void {
    const nowMs = performance.now();
    for (const [each, closedMs] of this.#closedMs) if (nowMs - closedMs > STILL_COUNTED_MS) this.#closedMs.delete(each);
    this.#closedMs.set(account, nowMs);
  }
}

/** Provider host and credentials, as one string that does not tell them: 32 hex digits. */
export function accountOf({ url, headers }: SourceAddress): string {
  const { host, username, password, pathname, searchParams } = new URL(url);
  // Xtream URLs carry the account as the path segments in front of the channel.
  const folder = pathname.split('/').slice(0, -1).join('/');
  const query = ['username', 'password', 'token'].map((name) => searchParams.get(name));
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1];
  const account = JSON.stringify([host, username, password, folder, query, authorization]);
  return createHash('sha256').update(account).digest('hex').slice(0, 32);
}
