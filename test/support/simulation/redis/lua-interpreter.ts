/**
 * Runs scripts as they are in a Lua interpreter. It shares nothing with their translation, which is twenty times faster, so it
 * tells whether that is right.
 */

import { createHash } from 'node:crypto';
import { LuaFactory } from 'wasmoon';
import { type Commands, type Reply, Status } from './commands.ts';
import { ReplyError } from './key-space.ts';
import { escaped } from './lua-library.ts';
import type { ScriptEngine } from './script-engine.ts';

/** What Redis offers to a script. Redis has Lua 5.1, this is 5.4. */
const OFFERED = `
unpack = table.unpack
redis = { call = call_redis, pcall = pcall_redis, sha1hex = sha1hex }
cjson = { encode = encode_json, decode = decode_json }
local scripts = {}
function define_script(name, script) scripts[name] = script end
function run_script(name, argv)
  ARGV = argv
  return scripts[name]()
end
`;

type Run = (name: string, argv: readonly string[]) => unknown;

export async function luaInterpreter(): Promise<ScriptEngine> {
  const lua = await new LuaFactory().createEngine({ injectObjects: true, enableProxy: false });
  let commands: Commands = {};
  let thrown: unknown;
  const call = (name: string, ...args: (string | number)[]) => luaOf(commands[name]?.(...args.map(String)) ?? null);
  const functions: Record<string, (...args: never[]) => unknown> = {
    call_redis(name: string, ...args: (string | number)[]) {
      try {
        return call(name, ...args);
      } catch (error) {
        thrown = error;
        throw error;
      }
    },
    pcall_redis(name: string, ...args: (string | number)[]) {
      try {
        return call(name, ...args);
      } catch (error) {
        if (error instanceof ReplyError) return { err: error.message };
        throw error;
      }
    },
    encode_json: (value: unknown) =>
      escaped(JSON.stringify(value, (_, each: unknown) => (isEmptyList(each) ? {} : each))),
    decode_json: (text: string) => JSON.parse(text) as unknown,
    sha1hex: (text: string) => createHash('sha1').update(text).digest('hex'),
  };
  for (const [name, each] of Object.entries(functions)) lua.global.set(name, each);
  lua.doStringSync(OFFERED);
  const run = lua.global.get('run_script') as Run;
  const names = new Map<string, string>();
  return (text, name) => {
    let key = names.get(text);
    if (key === undefined) {
      key = `${name} ${names.size}`;
      names.set(text, key);
      lua.doStringSync(`define_script(${JSON.stringify(key)}, function() ${text}\nend)`);
    }
    const known = key;
    return (argv, its) => {
      commands = its;
      thrown = undefined;
      try {
        return replyOf(run(known, argv));
      } catch (error) {
        if (thrown !== undefined) throw thrown;
        throw new ReplyError(`ERR ${String(error)} script: ${name}, on @user_script`);
      }
    };
  };
}

/** A list and an object are the same table, and an empty one is written as an object. */
function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function luaOf(reply: Reply): unknown {
  if (reply === null) return false;
  if (reply instanceof Status) return { ok: reply.text };
  return Array.isArray(reply) ? reply.map(luaOf) : reply;
}

function replyOf(value: unknown): Reply {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Math.trunc(value);
  if (value === true) return 1;
  if (Array.isArray(value)) return value.map(replyOf);
  if (typeof value !== 'object' || value === null) return null;
  if ('err' in value) throw new ReplyError(String(value.err));
  if ('ok' in value) return new Status(String(value.ok));
  // A table with a hole, whose list ends there.
  const list: Reply[] = [];
  const fields = value as Record<string, unknown>;
  for (let at = 1; fields[at] !== undefined; at++) list.push(replyOf(fields[at]));
  return list;
}
