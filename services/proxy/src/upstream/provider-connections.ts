/** Connections to providers, counted per host and credentials, because that is what a provider's limit applies to. */

import { StreampoolError } from '../errors.ts';
import { maskUrl } from './mask.ts';
import type { SourceAddress } from './source-address.ts';

export interface ProviderConnectionsDeps {
  /** SOURCE_MAX_CONNECTIONS; 0: unlimited. */
  readonly max: number;
  /** Asked at the limit: closes what holds a connection to this account and serves nobody. */
  readonly reclaim: (account: string) => Promise<void>;
}

export class ProviderConnections {
  readonly #deps: ProviderConnectionsDeps;
  readonly #used = new Map<string, number>();

  constructor(deps: ProviderConnectionsDeps) {
    this.#deps = deps;
  }

  /**
   * Takes one connection to the account of `address`; call the answer when it is closed.
   *
   * @throws {StreampoolError} 503 at the limit
   */
  async acquire(address: SourceAddress): Promise<() => void> {
    const account = accountOf(address);
    if (this.#isFull(account)) await this.#deps.reclaim(account);
    if (this.#isFull(account)) {
      const message = `The provider of ${maskUrl(address.url)} allows ${this.#deps.max} connections (SOURCE_MAX_CONNECTIONS), and all are in use. Try again when a viewer has left.`;
      throw new StreampoolError(503, message, { retryAfterSeconds: 5 });
    }
    this.#used.set(account, (this.#used.get(account) ?? 0) + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = (this.#used.get(account) ?? 1) - 1;
      if (left === 0) this.#used.delete(account);
      else this.#used.set(account, left);
    };
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
