/** Collects values while they are measured. */
import type { Measure } from './results.ts';

/** What a group of measurements is given. */
export interface Order {
  readonly quick: boolean;
  readonly rounds: number;
  /** Tells what is under way. */
  readonly say: (text: string) => void;
}

export class Sheet {
  readonly #rounds: number;
  readonly #measures: readonly Omit<Measure, 'values'>[];
  readonly #values = new Map<string, Map<string, number[]>>();

  constructor(rounds: number, measures: readonly Omit<Measure, 'values'>[]) {
    this.#rounds = rounds;
    this.#measures = measures;
    for (const { id } of measures) this.#values.set(id, new Map());
  }

  add(id: string, server: string, value: number): void {
    const servers = this.#values.get(id);
    if (servers === undefined) throw new Error(`no measure ${id}`);
    const values = servers.get(server) ?? [];
    values.push(value);
    servers.set(server, values);
  }

  /** Without servers that failed in a round: which of their values belong together is not known then. */
  measures(): Measure[] {
    return this.#measures.map((measure) => {
      const servers = [...(this.#values.get(measure.id) ?? [])];
      return { ...measure, values: Object.fromEntries(servers.filter(([, values]) => values.length === this.#rounds)) };
    });
  }
}

/** All of them, in turn: what comes first in one round comes last in the next. */
export function inTurn<T>(all: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...all] : [...all].reverse();
}
