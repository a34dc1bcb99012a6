/** The provider of a simulation: who has a connection open, seen from its side, and what is wrong with which source. */

import { Resolver } from './resolver.ts';

/**
 * - `refuses`: it closes its connections, and answers new ones with 503
 * - `drops`: it closes its connections, and takes new ones
 * - `hangs`: nothing comes any more; new connections get an answer, and nothing after it
 * - `mute`: the same, and new connections get no answer
 */
export type Outage = 'refuses' | 'drops' | 'hangs' | 'mute';

export class Provider {
  readonly resolver = new Resolver();
  readonly #now: () => number;
  /** When a source was last out of order, by its URL. */
  readonly #endedMs = new Map<string, number>();
  readonly #open = new Map<string, Set<object>>();
  readonly #outages = new Map<string, Outage>();
  /** What ends the connections to a source, by its URL. */
  readonly #breakers = new Map<string, Set<() => void>>();

  /** @param now virtual time, in ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  connect(account: string, connection: object): void {
    const open = this.#open.get(account) ?? new Set();
    this.#open.set(account, open.add(connection));
  }

  disconnect(account: string, connection: object): void {
    this.#open.get(account)?.delete(connection);
  }

  connections(account: string): number {
    return this.#open.get(account)?.size ?? 0;
  }

  /** What is wrong with a source now. */
  outage(url: string): Outage | undefined {
    return this.#outages.get(url);
  }

  isBroken(url: string): boolean {
    return this.outage(url) === 'refuses';
  }

  breaks(url: string, outage: Outage): void {
    if (outage !== 'drops') this.#outages.set(url, outage);
    if (outage !== 'drops' && outage !== 'refuses') return;
    for (const end of [...(this.#breakers.get(url) ?? [])]) end();
  }

  works(url: string): void {
    if (this.#outages.delete(url)) this.#endedMs.set(url, this.#now());
  }

  /** For how long a source has sent media to whoever reads it. One that drops a connection sends on over the next one. */
  wellMs(url: string): number {
    return this.#outages.has(url) ? 0 : this.#now() - (this.#endedMs.get(url) ?? Number.NEGATIVE_INFINITY);
  }

  /** Calls back when the source closes its connections. @returns a function that ends that */
  onBreak(url: string, end: () => void): () => void {
    const breakers = this.#breakers.get(url) ?? new Set();
    this.#breakers.set(url, breakers.add(end));
    return () => breakers.delete(end);
  }

  get accounts(): string[] {
    return [...this.#open.keys()];
  }
}
