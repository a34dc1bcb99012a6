/** Connections to providers, and what they have refused, by host: without credentials, and only for so many hosts. */

/** So many hosts are counted by name. */
export const NAMED_PROVIDERS = 50;
/** All others together. */
export const OTHER_PROVIDERS = 'other';

export interface ProviderCounts {
  readonly provider: string;
  /** Connections that this worker has taken now. */
  readonly connections: number;
  /** Accounts of the provider over which those go. */
  readonly accounts: number;
  /** Connections that were refused because of a limit, since the start. */
  readonly refusals: number;
}

class Counts {
  readonly accounts = new Map<string, number>();
  refusals = 0;

  get connections(): number {
    let sum = 0;
    for (const count of this.accounts.values()) sum += count;
    return sum;
  }

  get isUnused(): boolean {
    return this.accounts.size === 0 && this.refusals === 0;
  }
}

export class ProviderTally {
  readonly #counts = new Map<string, Counts>();

  get all(): ProviderCounts[] {
    return [...this.#counts].map(([provider, { connections, accounts, refusals }]) => {
      return { provider, connections, accounts: accounts.size, refusals };
    });
  }

  /** A connection was taken. Call the returned function when it is given back. */
  taken(url: string, account: string): () => void {
    const { accounts } = this.#of(url);
    accounts.set(account, (accounts.get(account) ?? 0) + 1);
    return () => {
      const left = (accounts.get(account) ?? 0) - 1;
      if (left > 0) accounts.set(account, left);
      else accounts.delete(account);
    };
  }

  refused(url: string): void {
    this.#of(url).refusals++;
  }

  #of(url: string): Counts {
    const host = URL.canParse(url) ? new URL(url).host : '';
    const known = this.#counts.get(host);
    if (known !== undefined) return known;
    const [unused] = [...this.#counts].find(([, counts]) => counts.isUnused) ?? [];
    const isFull = [...this.#counts.keys()].filter((each) => each !== OTHER_PROVIDERS).length >= NAMED_PROVIDERS;
    if (isFull && unused !== undefined) this.#counts.delete(unused);
    const name = isFull && unused === undefined ? OTHER_PROVIDERS : host;
    const counts = this.#counts.get(name) ?? new Counts();
    this.#counts.set(name, counts);
    return counts;
  }
}
