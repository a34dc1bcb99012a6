/** The values of Lua 5.1 in JavaScript: nil is undefined, text and numbers are themselves, and tables are this class. */

import { ReplyError } from './key-space.ts';

/** What JSON's null is in a script: not nil. */
export const NULL: unique symbol = Symbol('null');

export type LuaFunction = (...args: Lua[]) => Lua | Many;
export type Lua = undefined | boolean | number | string | typeof NULL | LuaTable | LuaFunction;

/** Several results of a function. */
export class Many {
  readonly values: readonly Lua[];

  constructor(values: readonly Lua[]) {
    this.values = values;
  }
}

/** An error that a script has made. */
export class LuaError extends Error {}

export class LuaTable {
  /** The values of 1, 2, …; none is nil. */
  readonly list: Lua[] = [];
  readonly #rest = new Map<Lua, Lua>();
  #isFixed = false;

  /** A table whose values are these, in this order. */
  static of(values: readonly Lua[]): LuaTable {
    const table = new LuaTable();
    for (let at = 0; at < values.length; at++) {
      if (values[at] !== undefined && table.list.length === at) table.list.push(values[at]);
      else table.set(at + 1, values[at]);
    }
    return table;
  }

  /** From now on it is an error to change it. */
  fixed(): this {
    this.#isFixed = true;
    return this;
  }

  get(key: Lua): Lua {
    if (typeof key === 'number' && key >= 1 && key <= this.list.length) return this.list[key - 1];
    return this.#rest.get(key);
  }

  set(key: Lua, value: Lua): void {
    if (this.#isFixed) throw new LuaError('the key names are not to be changed');
    if (key === undefined || Number.isNaN(key)) throw new LuaError('table index is nil');
    const { list } = this;
    if (typeof key === 'number' && key >= 1 && key <= list.length + 1 && Number.isInteger(key)) {
      if (value !== undefined) list[key - 1] = value;
      else if (key === list.length) list.pop();
      else if (key < list.length)
        for (const [at, each] of list
          .splice(key - 1)
          .slice(1)
          .entries())
          this.#rest.set(key + at + 1, each);
      if (value !== undefined && this.#rest.size > 0) this.#takeOver();
      return;
    }
    if (value === undefined) this.#rest.delete(key);
    else this.#rest.set(key, value);
  }

  /** All keys with their values. */
  entries(): [Lua, Lua][] {
    const entries = this.list.map((value, at): [Lua, Lua] => [at + 1, value]);
    for (const entry of this.#rest) entries.push(entry);
    return entries;
  }

  get isList(): boolean {
    return this.#rest.size === 0 && this.list.length > 0;
  }

  /** What was set out of order before what comes ahead of it. */
  #takeOver(): void {
    for (
      let next = this.#rest.get(this.list.length + 1);
      next !== undefined;
      next = this.#rest.get(this.list.length + 1)
    ) {
      this.#rest.delete(this.list.length + 1);
      this.list.push(next);
    }
  }
}

export function typeOf(value: Lua): string {
  if (value === undefined) return 'nil';
  if (value === NULL) return 'userdata';
  return value instanceof LuaTable ? 'table' : typeof value;
}

/** A number as Lua writes it, with 14 digits. */
export function numberText(number: number): string {
  if (Number.isInteger(number) && Math.abs(number) < 1e14) return String(number);
  return String(Number(number.toPrecision(14)));
}

/** tonumber(): nil for what is no number. */
export function numberOf(value: Lua): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !/^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i.test(value)) return undefined;
  return Number(value);
}

/** A number for arithmetic. */
export function arithmetic(value: Lua): number {
  if (typeof value === 'number') return value;
  const number = numberOf(value);
  if (number === undefined) throw new LuaError(`attempt to perform arithmetic on a ${typeOf(value)} value`);
  return number;
}

/** Text for `..`. */
export function textOf(value: Lua): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return numberText(value);
  throw new LuaError(`attempt to concatenate a ${typeOf(value)} value`);
}

export function isLess(a: Lua, b: Lua): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b;
  if (typeof a === 'string' && typeof b === 'string') return a < b;
  throw new LuaError(`attempt to compare ${typeOf(a)} with ${typeOf(b)}`);
}

export function isAtMost(a: Lua, b: Lua): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a <= b;
  if (typeof a === 'string' && typeof b === 'string') return a <= b;
  throw new LuaError(`attempt to compare ${typeOf(a)} with ${typeOf(b)}`);
}

export function index(table: Lua, key: Lua): Lua {
  if (table instanceof LuaTable) return table.get(key);
  throw new LuaError(`attempt to index a ${typeOf(table)} value (with ${String(key)})`);
}

export function setIndex(table: Lua, key: Lua, value: Lua): void {
  if (!(table instanceof LuaTable)) throw new LuaError(`attempt to index a ${typeOf(table)} value`);
  table.set(key, value);
}

export function call(called: Lua, args: Lua[]): Lua | Many {
  if (typeof called !== 'function') throw new LuaError(`attempt to call a ${typeOf(called)} value`);
  return called(...args);
}

/** The only value that counts where one is wanted. */
export function first(result: Lua | Many): Lua {
  return result instanceof Many ? result.values[0] : result;
}

export function all(result: Lua | Many): readonly Lua[] {
  return result instanceof Many ? result.values : [result];
}

export function lengthOf(value: Lua): number {
  if (value instanceof LuaTable) return value.list.length;
  if (typeof value === 'string') return value.length;
  throw new LuaError(`attempt to get length of a ${typeOf(value)} value`);
}

/** What a script gets of an error: its text, or for an error of Redis a table. */
export function errorValue(error: unknown): Lua {
  if (error instanceof LuaError || error instanceof ReplyError) return error.message;
  throw error;
}
