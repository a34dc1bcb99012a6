/**
 * A Redis in memory for many incarnations in one process, on a clock that is passed in. It runs the registry's own Lua scripts,
 * translated or interpreted, so that a simulation of a cluster has the registry that the cluster has.
 */

import type { Redis } from 'ioredis';
import { type Commands, commandsOf, ordered, type Reply, runIdOf } from './commands.ts';
import { connectionTo, type Network, type Perform } from './connection.ts';
import { type Dump, type DumpedKey, dumpOf } from './dump.ts';
import { KeySpace, ReplyError, type Value } from './key-space.ts';
import { translatedScript } from './lua-engine.ts';
import type { ScriptEngine } from './script-engine.ts';

export interface SimulatedRedisOptions {
  /** The clock of this Redis, in ms. */
  readonly now: () => number;
  /** How far back `loseSince` may go, in ms; 0: not at all. */
  readonly keptMs?: number;
  /** What runs the scripts. */
  readonly engine?: ScriptEngine | undefined;
  /** Changes scripts before they are defined, to plant a fault. */
  readonly alter?: (name: string, lua: string) => string;
}

/** How far back a replica may be. */
const KEPT_MS = 2_000;

export class SimulatedRedis {
  readonly #now: () => number;
  readonly #space: KeySpace;
  readonly #commands: Commands;
  readonly #engine: ScriptEngine;
  readonly #alter: (name: string, lua: string) => string;
  #processes = 0;
  #runId = runIdOf(0);

  constructor({ now, keptMs = KEPT_MS, engine = translatedScript, alter = (_, lua) => lua }: SimulatedRedisOptions) {
    this.#now = now;
    this.#space = new KeySpace(now, keptMs);
    this.#commands = commandsOf(this.#space, { now, runId: () => this.#runId });
    this.#engine = engine;
    this.#alter = alter;
  }

  /** The connection of one worker. By default each request takes effect at once. */
  connection(network: Network = async ({ perform }) => perform()): Redis {
    const define = (name: string, lua: string) => {
      const script = this.#engine(this.#alter(name, lua), name);
      return (args: readonly string[]) => script(args, this.#commands);
    };
    return connectionTo(this.perform, define, network);
  }

  /** Runs one command now. */
  readonly perform: Perform = (name, args): Reply => {
    const command = this.#commands[name.toUpperCase()];
    if (command === undefined) throw new ReplyError(`ERR unknown command '${name}'`);
    return command(...args);
  };

  /** Another process has taken its place that has all keys. */
  restarted(): void {
    this.#runId = runIdOf(++this.#processes);
  }

  /** Another process has taken its place that has nothing: the registry is young. */
  emptied(): void {
    this.#space.clear();
    this.restarted();
  }

  /** A replica has taken its place that has not got what was written in the last ms. */
  loseLast(ms: number): void {
    this.#space.loseSince(this.#now() - ms);
    this.restarted();
  }

  keys(): string[] {
    return this.#space.keys();
  }

  /** A Redis that is out of memory drops a key. */
  evict(key: string): boolean {
    return this.#space.delete(key);
  }

  /** The value of a key, to look at. */
  value(key: string): Value | undefined {
    return this.#space.value(key);
  }

  /** Everything it holds. */
  dump(): Dump {
    return dumpOf(
      this.keys().map((key) => ({ key, expiry: this.#space.expiryOf(key), ...lookedAt(this.#space.value(key)) })),
    );
  }
}

/** A value as Redis answers the command that reads all of it. */
function lookedAt(value: Value | undefined): Pick<DumpedKey, 'kind' | 'value'> {
  switch (value?.kind) {
    case 'hash':
      return { kind: 'hash', value: [...value.fields].flat() };
    case 'set':
      return { kind: 'set', value: [...value.members] };
    case 'zset':
      return { kind: 'zset', value: ordered(value.scores).flatMap(([member, score]) => [member, String(score)]) };
    case 'list':
      return { kind: 'list', value: value.items };
    case 'stream':
      return { kind: 'stream', value: value.entries.map(({ ms, seq, fields }) => [`${ms}-${seq}`, fields] as const) };
    default:
      return { kind: 'string', value: value?.text ?? '' };
  }
}
