/** The accounts over which this worker has connections to providers, and what they have refused: for people, without credentials. */

import type { HeldAccount } from '../../../../registry/types.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';

/** Refusals are shown for so long. */
const REFUSED_MS = 3_600_000;
/** So many refusals of an account are counted. */
const MOST_REFUSALS = 1_000;
/** So many accounts are remembered that have no connection now. */
const MOST_UNUSED = 100;

interface Account {
  readonly host: string;
  /** Holder → its connections. */
  readonly held: Map<string, number>;
  /** When connections were refused, monotonic ms, the oldest first. */
  refusedMs: number[];
}

export class ProviderAccounts {
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Account>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * A connection was taken. Call the returned function when it is given back.
   *
   * @param account as `accountOf` names it
   * @param holder as `ProviderConnections.acquire` has it
   */
  taken(url: string, account: string, holder: string): () => void {
    const { held } = this.#of(url, account);
    held.set(holder, (held.get(holder) ?? 0) + 1);
    return () => {
      const left = (held.get(holder) ?? 0) - 1;
      if (left > 0) held.set(holder, left);
      else held.delete(holder);
    };
  }

  /** A connection was refused because of a limit: the provider's, or that of this cluster. */
  refused(url: string, account: string): void {
    const found = this.#of(url, account);
    found.refusedMs = [...found.refusedMs, this.#clock.monotonicMs()].slice(-MOST_REFUSALS);
  }

  /** Those with connections, or with refusals in the last hour. */
  get all(): Record<string, HeldAccount> {
    const fromMs = this.#clock.monotonicMs() - REFUSED_MS;
    const shown: Record<string, HeldAccount> = {};
    for (const [account, found] of this.#accounts) {
      if (found.refusedMs.length > 0) found.refusedMs = found.refusedMs.filter((atMs) => atMs >= fromMs);
      const { host, held, refusedMs } = found;
      if (held.size === 0 && refusedMs.length === 0) continue;
      shown[account] = {
        host,
        held: Object.fromEntries(held),
        ...(refusedMs.length > 0 && { refused: refusedMs.length }),
      };
    }
    return shown;
  }

  #of(url: string, account: string): Account {
    const known = this.#accounts.get(account);
    if (known !== undefined) return known;
    const unused = [...this.#accounts].filter(([, { held }]) => held.size === 0);
    for (const [each] of unused.slice(0, Math.max(0, unused.length - MOST_UNUSED))) this.#accounts.delete(each);
    const made = { host: URL.canParse(url) ? new URL(url).host : '', held: new Map<string, number>(), refusedMs: [] };
    this.#accounts.set(account, made);
    return made;
  }
}
