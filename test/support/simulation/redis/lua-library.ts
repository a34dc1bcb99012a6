/** What scripts find in Redis besides Lua itself: the libraries that ours use. */

import {
  all,
  arithmetic,
  errorValue,
  first,
  isLess,
  type Lua,
  LuaError,
  type LuaFunction,
  LuaTable,
  lengthOf,
  Many,
  NULL,
  numberOf,
  numberText,
  textOf,
  typeOf,
} from './lua-values.ts';

/** A table from what JSON says. */
function fromJson(value: unknown): Lua {
  if (value === null) return NULL;
  if (typeof value !== 'object') return value as Lua;
  if (Array.isArray(value)) return LuaTable.of(value.map(fromJson));
  const table = new LuaTable();
  for (const name in value) table.set(name, fromJson((value as Record<string, unknown>)[name]));
  return table;
}

/** As cjson writes it: an empty table is an object, and a number has 14 digits. */
function toJson(value: Lua): string {
  if (value === NULL || value === undefined) return 'null';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (!(value instanceof LuaTable)) throw new LuaError(`Cannot serialise ${typeOf(value)}: type not supported`);
  if (value.isList) return `[${value.list.map(toJson).join(',')}]`;
  const fields = value.entries().map(([name, each]) => `${JSON.stringify(textOf(name))}:${toJson(each)}`);
  return `{${fields.join(',')}}`;
}

/** cjson writes these two characters, which only stand in strings, in another way than JavaScript. */
export function escaped(json: string): string {
  return json.replaceAll('/', '\\/').replaceAll('\x7f', '\\u007f');
}

let keyNames: { readonly text: string; readonly table: Lua } | undefined;

/** The first argument of every script is the same text in every run; from now on it is not parsed again. */
export function rememberKeyNames(text: string): void {
  if (text === keyNames?.text) return;
  const table = decodeJson(text);
  if (table instanceof LuaTable) keyNames = { text, table: table.fixed() };
}

const NO_JSON = new LuaError('Expected value but found T_END at character 1');

function decodeJson(text: Lua): Lua {
  if (text === keyNames?.text) return keyNames?.table;
  const json = textOf(text);
  // A renewal says often that it has no news.
  if (json === '') throw NO_JSON;
  try {
    return fromJson(JSON.parse(json));
  } catch (error) {
    if (error instanceof SyntaxError) throw new LuaError(error.message);
    throw error;
  }
}

const CLASSES: Record<string, string> = { d: '\\d', S: '\\S', s: '\\s', x: '[\\da-fA-F]', w: '[A-Za-z\\d]' };
const patterns = new Map<string, RegExp>();

/** A pattern of Lua that a regular expression can be, which those of our scripts are. */
function regularExpression(pattern: string): RegExp {
  let found = patterns.get(pattern);
  if (found === undefined) {
    if (/%[^dSsxw]|-|\[/.test(pattern)) throw new Error(`The translation does not know the pattern ${pattern}.`);
    found = new RegExp(
      pattern.replace(/%(.)/g, (_, name: string) => CLASSES[name] ?? ''),
      's',
    );
    patterns.set(pattern, found);
  }
  return found;
}

function match(text: Lua, pattern: Lua): Lua | Many {
  const found = regularExpression(textOf(pattern)).exec(textOf(text));
  if (found === null) return undefined;
  return found.length === 1 ? found[0] : new Many(found.slice(1));
}

/** What stands between the values of a template, and how each value is written. */
interface Template {
  readonly between: readonly string[];
  readonly kinds: readonly string[];
}

const templates = new Map<string, Template>();

function templateOf(text: string): Template {
  let template = templates.get(text);
  if (template === undefined) {
    const parts = text.split(/(%\.0f|%d|%s)/);
    const unknown = parts.find((part, at) => at % 2 === 0 && part.includes('%'));
    if (unknown !== undefined) throw new Error(`The translation does not know the format ${text}.`);
    template = { between: parts.filter((_, at) => at % 2 === 0), kinds: parts.filter((_, at) => at % 2 === 1) };
    templates.set(text, template);
  }
  return template;
}

function format(text: Lua, ...values: Lua[]): string {
  const { between, kinds } = templateOf(textOf(text));
  let written = between[0] ?? '';
  for (let at = 0; at < kinds.length; at++) {
    const value = values[at];
    written += kinds[at] === '%s' ? textOf(value) : wholeText(arithmetic(value), kinds[at] === '%d');
    written += between[at + 1];
  }
  return written;
}

function wholeText(number: number, isCut: boolean): string {
  if (Number.isSafeInteger(number)) return String(number);
  return (isCut ? Math.trunc(number) : roundHalfEven(number)).toFixed(0);
}

/** As printf rounds. */
function roundHalfEven(number: number): number {
  const rounded = Math.round(number);
  return Math.abs(number % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function tableIn(value: Lua): LuaTable {
  if (!(value instanceof LuaTable)) throw new LuaError(`table expected, got ${typeOf(value)}`);
  return value;
}

function library(functions: Record<string, LuaFunction>): LuaTable {
  const table = new LuaTable();
  for (const [name, each] of Object.entries(functions)) table.set(name, each);
  return table.fixed();
}

export const LIBRARY: Record<string, Lua> = {
  type: typeOf,
  tonumber: numberOf,
  tostring: (value) => (typeof value === 'boolean' ? String(value) : textOf(value)),
  unpack: (table) => new Many(tableIn(table).list),
  pcall: (called, ...args) => {
    try {
      return new Many([true, ...all((called as LuaFunction)(...args))]);
    } catch (error) {
      return new Many([false, errorValue(error)]);
    }
  },
  math: library({
    abs: (a) => Math.abs(arithmetic(a)),
    floor: (a) => Math.floor(arithmetic(a)),
    max: (...values) =>
      values.reduce<number>((most, each) => Math.max(most, arithmetic(each)), Number.NEGATIVE_INFINITY),
    min: (...values) =>
      values.reduce<number>((least, each) => Math.min(least, arithmetic(each)), Number.POSITIVE_INFINITY),
  }),
  string: library({
    lower: (text) => textOf(text).toLowerCase(),
    match,
    format,
    find: (text, part, from, isPlain) => {
      if (isPlain !== true || from !== 1) throw new Error('The translation knows only a plain search from the start.');
      const at = textOf(text).indexOf(textOf(part));
      return at < 0 ? undefined : at + 1;
    },
    sub: (text, from, to) => {
      const [start, end] = [arithmetic(from), arithmetic(to)];
      if (start < 1 || end < 0) throw new Error('The translation knows only positions from the start.');
      return textOf(text).slice(start - 1, end);
    },
  }),
  table: library({
    insert: (into, ...args) => {
      const { list } = tableIn(into);
      if (args.length === 1) tableIn(into).set(lengthOf(into) + 1, args[0]);
      else list.splice(arithmetic(args[0]) - 1, 0, args[1]);
      return undefined;
    },
    concat: (of, separator) =>
      tableIn(of)
        .list.map(textOf)
        .join(separator === undefined ? '' : textOf(separator)),
    sort: (of, isBefore) => {
      const before = (isBefore ?? isLess) as LuaFunction;
      tableIn(of).list.sort((a, b) => (first(before(a, b)) === true ? -1 : first(before(b, a)) === true ? 1 : 0));
      return undefined;
    },
  }),
  cjson: library({ encode: (value) => escaped(toJson(value)), decode: decodeJson }),
};
