/** What must hold of the units that somebody gets: none comes twice, and none is left out that the provider has sent over the same connection. */

import { TIMESTAMP_WRAP, ticksBetween } from '../../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import type { Rule } from '../invariants.ts';
import type { Provider } from './provider.ts';

export interface UnitSeen {
  readonly number: number;
  /** Of a live source: the connection over which it came. */
  readonly connection?: number | undefined;
  /** As the standard has it; undefined when nobody reads it. */
  readonly dts?: number | undefined;
}

export type UnitsSent = Pick<Provider, 'lostBetween' | 'firstOf' | 'hasSameClock'>;

export class UnitsGot {
  readonly #who: string;
  readonly #provider: UnitsSent;
  readonly #broken: (rule: Rule, what: string) => void;
  #last: UnitSeen | undefined;
  readonly #numbers = new Set<number>();

  /** @param broken called when a rule is broken */
  constructor(who: string, provider: UnitsSent, broken: (rule: Rule, what: string) => void) {
    this.#who = who;
    this.#provider = provider;
    this.#broken = broken;
  }

  get isEmpty(): boolean {
    return this.#last === undefined;
  }

  /** A connection with another clock may begin with pictures that have been missing before: nothing shows that they are the past. */
  #mayLookNew(last: UnitSeen, { number, connection }: UnitSeen): boolean {
    if (connection === undefined || last.connection === undefined) return false;
    const first = this.#provider.firstOf(connection);
    if (first === undefined || this.#provider.hasSameClock(last.connection, connection)) return false;
    return number === first && !this.#numbers.has(first);
  }

  got(unit: UnitSeen): void {
    const last = this.#last;
    const looksNew = last !== undefined && this.#mayLookNew(last, unit);
    this.#last = unit;
    this.#numbers.add(unit.number);
    if (last === undefined || looksNew) return;
    const { number, connection, dts } = unit;
    const what = `${this.#who} got unit ${number} after ${last.number}`;
    if (number <= last.number) this.#broken('no step back', what);
    else if (dts !== undefined && last.dts !== undefined && ticksBetween(last.dts, dts) <= 0)
      this.#broken('no step back', `${what}, at ${dts} after ${last.dts} of ${TIMESTAMP_WRAP} ticks`);
    if (connection === undefined) return;
    const lost = this.#provider.lostBetween(connection, last.number, number);
    if (lost.length > 0)
      this.#broken('nothing is lost', `${what}; connection ${connection} has brought ${lost.join(', ')}`);
  }
}
