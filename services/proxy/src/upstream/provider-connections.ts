/** Connections to providers, counted per host and credentials, because that is what a provider's limit applies to. */

import { SourceError, StreampoolError } from '../errors.ts';
import { maskUrl } from './mask.ts';
import type { SourceAddress } from './source-address.ts';

export interface ProviderConnectionsDeps {
  /** SOURCE_MAX_CONNECTIONS; 0: unlimited. */
  readonly max: number;
  /** Asked at the limit: closes what holds a connection to this account and serves nobody. */
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

export class ProviderConnections {
  readonly #deps: ProviderConnectionsDeps;
  readonly #used = new Map<string, number>();
  /** When the last connection to an account was closed, monotonic. */
  readonly #closedMs = new Map<string, number>();

  constructor(deps: ProviderConnectionsDeps) {
    this.#deps = deps;
  }

  /**
   * Takes one connection to the account of `address`; call the answer when it is closed.
   *
   * @throws {ConnectionLimitError} 503 at the limit
   */
  async acquire(address: SourceAddress): Promise<() => void> {
    const account = accountOf(address);
    if (this.#isFull(account)) await this.#deps.reclaim(account);
    if (this.#isFull(account)) throw new ConnectionLimitError(address.url, this.#deps.max);
    this.#used.set(account, (this.#used.get(account) ?? 0) + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#noteClosed(account);
      const left = (this.#used.get(account) ?? 1) - 1;
      if (left === 0) this.#used.delete(account);
      else this.#used.set(account, left);
    };
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

  #isFull(account: string): boolean {
    const { max } = this.#deps;
    return max > 0 && (this.#used.get(account) ?? 0) >= max;
  }
}

/** Provider host and credentials, as one string. */
export function accountOf({ url, headers }: SourceAddress): string {
  const { host, username, password, pathname, searchParams } = new URL(url);
  // Xtream URLs carry the account as the path segments in front of the channel.
  const folder = pathname.split('/').slice(0, -1).join('/');
  const query = ['username', 'password', 'token'].map((name) => searchParams.get(name));
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1];
  return JSON.stringify([host, username, password, folder, query, authorization]);
}
