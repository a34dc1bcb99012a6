/** Runs scripts as their translation to JavaScript. Each text is translated once in a process. */

import { createHash } from 'node:crypto';
import { compileFunction } from 'node:vm';
import { type Commands, type Reply, Status } from './commands.ts';
import { ReplyError } from './key-space.ts';
import { rememberKeyNames } from './lua-library.ts';
import { translated } from './lua-translation.ts';
import {
  all,
  arithmetic,
  first,
  index,
  isAtMost,
  isLess,
  type Lua,
  LuaError,
  LuaTable,
  lengthOf,
  Many,
  setIndex,
  textOf,
  typeOf,
} from './lua-values.ts';
import type { Script } from './script-engine.ts';

const HELPERS = {
  all,
  argument(value: Lua): string {
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);
    throw new LuaError('Lua redis lib command arguments must be strings or integers');
  },
  arithmetic,
  first,
  index,
  isAtMost,
  isLess,
  isTrue: (value: Lua) => value !== undefined && value !== false,
  LuaTable,
  lengthOf,
  Many,
  orError(ask: () => Lua): Lua {
    try {
      return ask();
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
      const table = new LuaTable();
      table.set('err', error.message);
      return table;
    }
  },
  setIndex,
  sha1hex: (text: Lua) => createHash('sha1').update(textOf(text)).digest('hex'),
  tableIn(value: Lua): LuaTable {
    if (value instanceof LuaTable) return value;
    throw new LuaError(`table expected, got ${typeOf(value)}`);
  },
  tableOf(values: Lua[], pairs: Lua[]): LuaTable {
    const table = LuaTable.of(values);
    for (let at = 0; at < pairs.length; at += 2) table.set(pairs[at], pairs[at + 1]);
    return table;
  },
  textOf,
  luaOf,
};

/** Runs a script. */
type Run = (commands: Commands, ARGV: LuaTable) => Lua | Many;

const scripts = new Map<string, Script>();

export function translatedScript(lua: string, name: string): Script {
  let script = scripts.get(lua);
  if (script === undefined) {
    script = ready(lua, name);
    scripts.set(lua, script);
  }
  return script;
}

function ready(lua: string, name: string): Script {
  const { functions, variables, code, library } = translated(lua);
  // One script runs at a time, so all runs share these variables. A line of Lua has the same number in both parts.
  const made = `let it, ${['commands', 'ARGV', ...variables].join(', ')}; ${functions}`;
  const make = compileFunction(
    `${made}\nreturn (a, b) => { commands = a; ARGV = b; ${code}\n}`,
    [...Object.keys(HELPERS), 'L'],
    { filename: `${name}.lua` },
  );
  const run = make(...Object.values(HELPERS), library) as Run;
  return (argv, commands) => {
    rememberKeyNames(argv[0] ?? '');
    try {
      return replyOf(first(run(commands, LuaTable.of(argv))));
    } catch (error) {
      if (error instanceof LuaError) throw new ReplyError(`ERR ${error.message} script: ${name}, on @user_script`);
      throw error;
    }
  };
}

/** A reply of Redis as a script gets it. */
function luaOf(reply: Reply): Lua {
  if (typeof reply === 'string' || typeof reply === 'number') return reply;
  if (reply === null) return false;
  if (Array.isArray(reply)) return LuaTable.of(reply.map(luaOf));
  const table = new LuaTable();
  table.set('ok', reply.text);
  return table;
}

/** A script's answer as Redis passes it on. */
function replyOf(value: Lua): Reply {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Math.trunc(value);
  if (value === true) return 1;
  if (!(value instanceof LuaTable)) return null;
  const error = value.get('err');
  if (typeof error === 'string') throw new ReplyError(error);
  const ok = value.get('ok');
  return typeof ok === 'string' ? new Status(ok) : value.list.map(replyOf);
}
