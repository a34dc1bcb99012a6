/** Registries on two Redis that must stay the same: each question goes to both, and so does everything else that happens. */

import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { RedisRegistry } from '../../../../services/registry/redis/redis-registry.ts';
import type { StreamSpec, WorkerIdentity } from '../../../../services/registry/types.ts';
import { type Clock, systemClock } from '../../../../services/shared/clock.ts';
import { seeded } from '../../seed.ts';
import { runIdOf } from './commands.ts';
import type { Dump } from './dump.ts';

/** A Redis on a clock that the test moves. */
export interface Side {
  connection(): Redis;
  /** @param runId of the Redis process from now on */
  move(nowMs: number, runId: string): Promise<void>;
  /** Runs one command that changes a key. */
  perform(name: string, args: readonly string[]): Promise<void>;
  empty(nowMs: number, runId: string): Promise<void>;
  dump(): Promise<Dump>;
}

/** Long after 1970, so that every time has as many digits as in the program. */
const BEGINS_MS = 1_764_000_000_000;
const TIMES = { leaseMs: 5_000, youngMs: 2_000, graceMs: 3_000 };

export class ComparedSides {
  readonly #sides: readonly Side[];
  #nowMs = BEGINS_MS;
  #process = 0;
  #begun = 0;

  constructor(sides: readonly Side[]) {
    this.#sides = sides;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** By the clocks of the workers. */
  get monotonicMs(): number {
    return this.#nowMs - BEGINS_MS;
  }

  /** Both are empty. */
  async start(): Promise<void> {
    for (const side of this.#sides) await side.empty(this.#nowMs, runIdOf(this.#process));
  }

  /** A new incarnation of a worker: its registry on each side. */
  begin(workerId: string): { me: WorkerIdentity; registries: RedisRegistry[] } {
    const begun = this.#begun++;
    const me = { workerId, incarnation: `i${begun}`, address: `${workerId}:9085`, zone: undefined };
    const registries = this.#sides.map((side) => {
      const random = seeded(begun);
      const clock: Clock = {
        ...systemClock,
        wallMs: () => this.#nowMs,
        monotonicMs: () => this.monotonicMs,
        random,
        randomHex: (bytes) => Array.from({ length: bytes * 2 }, () => Math.floor(random() * 16).toString(16)).join(''),
      };
      const show = (spec: StreamSpec) => ({ url: spec.url, profile: 'direct' });
      return new RedisRegistry(side.connection(), me, { ...TIMES, show, clock });
    });
    return { me, registries };
  }

  /** @returns the answer; undefined when it is an error, the same on both sides */
  async ask<T>(
    registries: readonly RedisRegistry[],
    question: (registry: RedisRegistry) => Promise<T>,
  ): Promise<T | undefined> {
    const answers: { answer?: T; error?: string }[] = [];
    for (const registry of registries) {
      try {
        answers.push({ answer: await question(registry) });
      } catch (error) {
        answers.push({ error: (error as Error).name });
      }
    }
    const [one, ...others] = answers;
    for (const other of others) expect(inOrder(other), `the answer to ${question}`).toEqual(inOrder(one));
    return one?.answer;
  }

  async pass(ms: number): Promise<void> {
    this.#nowMs += ms;
    for (const side of this.#sides) await side.move(this.#nowMs, runIdOf(this.#process));
  }

  /** Another process has taken the place of Redis; it has all keys. */
  async restart(): Promise<void> {
    this.#process++;
    await this.pass(0);
  }

  /** The same with nothing. */
  async empty(): Promise<void> {
    this.#process++;
    await this.start();
  }

  async perform(name: string, args: readonly string[]): Promise<void> {
    for (const side of this.#sides) await side.perform(name, args);
  }

  /** Everything that one of them holds. */
  async dump(): Promise<Dump> {
    return (await this.#sides[0]?.dump()) ?? {};
  }

  async expectSame(what: string): Promise<void> {
    const [one, ...others] = await Promise.all(this.#sides.map((side) => side.dump()));
    for (const other of others) expect(other, what).toEqual(one);
  }
}

/** Lists in one order: Redis promises none of its sets and hashes. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (value instanceof Map) return inOrder([...value]);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inOrder(each)]));
}
