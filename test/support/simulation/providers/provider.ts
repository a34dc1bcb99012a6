/** The provider of a simulation: who has a connection open, seen from its side, and what is wrong with which source. */

import type { LiveUnit } from './live-media.ts';
import { Resolver } from './resolver.ts';

/**
 * - `refuses`: it closes its connections, and answers new ones with 503
 * - `drops`: it closes its connections, and takes new ones
 * - `hangs`: nothing comes any more; new connections get an answer, and nothing after it
 * - `mute`: the same, and new connections get no answer
 */
export type Outage = 'refuses' | 'drops' | 'hangs' | 'mute';

/** How a provider begins the connections to its live sources. */
export interface Habits {
  /** It begins with so much of the past, at once; 0: with the next picture. */
  readonly burstMs: number;
  /** Each connection has a clock of its own; else all connections to a source have the same one. */
  readonly hasOwnClocks: boolean;
}

export class Provider {
  readonly resolver = new Resolver();
  readonly habits: Habits;
  readonly #now: () => number;
  /** The numbers of the units that have come over each connection to a live source; a connection's number is its index. */
  readonly #sent: Set<number>[] = [];
  /** Where each connection leads. */
  readonly #urls: string[] = [];
  /** The units of each connection with which a feed has begun. */
  readonly #beginnings: (readonly number[])[] = [];
  /** When a source was last out of order, by its URL. */
  readonly #endedMs = new Map<string, number>();
  readonly #open = new Map<string, Set<object>>();
  readonly #outages = new Map<string, Outage>();
  /** What ends the connections to a source, by its URL. */
  readonly #breakers = new Map<string, Set<() => void>>();

  /** @param now virtual time, in ms */
  constructor(now: () => number, habits: Habits = { burstMs: 0, hasOwnClocks: false }) {
    this.#now = now;
    this.habits = habits;
  }

  /**
   * A new connection to a live source; returns its number.
   * @param url of the source
   */
  nextConnection(url: string): number {
    this.#urls.push(url);
    return this.#sent.push(new Set()) - 1;
  }

  /** Whether the times of two connections show which of their pictures are the same. */
  hasSameClock(one: number, other: number): boolean {
    return one === other || (!this.habits.hasOwnClocks && this.#urls[one] === this.#urls[other]);
  }

  /** The first unit that has come over a connection. */
  firstOf(connection: number): number | undefined {
    const [first] = this.#sent[connection] ?? [];
    return first;
  }

  /** A unit has come to a worker. */
  hasSent(connection: number, unit: number): void {
    this.#sent[connection]?.add(unit);
  }

  /** A feed of a worker begins with this unit: nothing before it was there. */
  began({ connection, number }: Pick<LiveUnit, 'connection' | 'number'>): void {
    this.#beginnings[connection] = [...(this.#beginnings[connection] ?? []), number];
  }

  /**
   * Which units between two others have come over the connection of the second one, and could have been passed on. Without a picture
   * that is known, nobody can tell where another connection goes on.
   */
  lostBetween(connection: number, after: number, before: number): number[] {
    const sent = this.#sent[connection] ?? new Set();
    const units: number[] = [];
    const begins = (this.#beginnings[connection] ?? []).filter((unit) => unit > after && unit <= before);
    const first = Math.max(after + 1, ...begins);
    for (let unit = first; unit < before; unit++) if (sent.has(unit)) units.push(unit);
    return units.length > 0 && [...sent].some((unit) => unit <= after) ? units : [];
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

  /** A source has closed a connection before any media came over it: a worker takes that for a refusal. */
  refused(url: string): void {
    this.#endedMs.set(url, this.#now());
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
