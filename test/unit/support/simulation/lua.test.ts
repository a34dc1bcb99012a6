/** Where Lua and JavaScript differ, the translation does what Lua does: a table, held against a Lua interpreter too. */

import { beforeAll, describe, expect, it } from 'vitest';
import { type Commands, commandsOf } from '../../../support/simulation/redis/commands.ts';
import { KeySpace } from '../../../support/simulation/redis/key-space.ts';
import { translatedScript } from '../../../support/simulation/redis/lua-engine.ts';
import { luaInterpreter } from '../../../support/simulation/redis/lua-interpreter.ts';
import type { ScriptEngine } from '../../../support/simulation/redis/script-engine.ts';

const ROWS: readonly (readonly [what: string, lua: string, answer: unknown])[] = [
  ['0 and empty text are true', "return { 0 and 'a', '' and 'b', nil or 'c', false or 'd' }", ['a', 'b', 'c', 'd']],
  [
    'the value of `and` and `or`',
    "local n = 5 return (n > 3 and 'more' or 'less') .. (n > 9 and 'more' or 'less')",
    'moreless',
  ],
  ['targets are read before values are stored', 'local t = {} t[#t + 1], t[#t + 2] = 1, 2 return t', [1, 2]],
  ['values are read before they are stored', 'local a, b = 1, 2 a, b = b, a return { a, b }', [2, 1]],
  ['a name declared twice', 'local a = 1 local a = a + 1 do local a = 9 end return a', 2],
  [
    'several results where one counts',
    "local function two() return 'a', 'b' end return { two(), two() }",
    ['a', 'a', 'b'],
  ],
  [
    'several results in parentheses of a call',
    "local function two() return 'a', 'b' end return table.concat({ two() }, '-')",
    'a-b',
  ],
  ['missing arguments are nil', "local function f(a, b) return b == nil and 'nil' or 'there' end return f(1)", 'nil'],
  ['a list ends at the first nil', 'return { 1, 2, nil, 4 }', [1, 2]],
  ['a number is cut when it is answered', 'return 3.9', 3],
  ['text counts as a number', "return ('10' + 5) .. ''", '15'],
  ['a number in text', "return 1764000000000 .. ' ' .. 3", '1764000000000 3'],
  ['formats', "return string.format('%d %.0f %s', 3, 1764000000000, 'x')", '3 1764000000000 x'],
  ['patterns', "return { string.match('p:ab:7', '^p:(.*):(%d+)$') }", ['ab', '7']],
  ['a pattern without a match', "return string.match('x', '^%d+$') == nil and 1 or 0", 1],
  [
    'JSON: null is not nil, an empty list is an object',
    'local t = cjson.decode(ARGV[2]) return { t.a == nil and 1 or 0, cjson.encode(t.b) }',
    [0, '{}'],
  ],
  ['JSON: a slash', "return cjson.encode({ 'a/b' })", '["a\\/b"]'],
  ['nothing in Redis is false', "return redis.call('GET', 'none') == false and 1 or 0", 1],
  [
    'an error of Redis that is caught',
    "redis.call('SET', 'k', 'x') return type(redis.pcall('HINCRBY', 'k', 'f', 1))",
    'table',
  ],
  ['loops', 'local sum = 0 for n = 1, 10, 2 * 2 do sum = sum + n end return sum', 15],
  [
    'a loop that is left',
    "local found for _, each in ipairs({ 'a', 'b' }) do found = each break end return found",
    'a',
  ],
  [
    'a sum of keys and values',
    'local sum = 0 for key, value in pairs({ 10, 20, x = 5 }) do sum = sum + value end return sum',
    35,
  ],
];

let engines: Record<string, ScriptEngine>;

beforeAll(async () => {
  engines = { translation: translatedScript, interpreter: await luaInterpreter() };
});

function commands(): Commands {
  return commandsOf(new KeySpace(() => 0, 0), { now: () => 0, runId: () => '' });
}

describe.each(['translation', 'interpreter'])('%s', (name) => {
  it.each(ROWS)('%s', (_what, lua, answer) => {
    expect(engines[name]?.(lua, 'row')(['{}', '{"a":null,"b":[]}'], commands())).toEqual(answer);
  });

  it('an error of Redis ends the script, and what it did before stays', () => {
    const its = commands();
    const run = engines[name]?.("redis.call('SET', 'k', 'x') redis.call('HGET', 'k', 'f') return 1", 'row');
    expect(() => run?.(['{}'], its)).toThrow('WRONGTYPE');
    expect(its.GET?.('k')).toBe('x');
  });
});

describe('the translation refuses what it does not know', () => {
  it.each([
    ['a pattern', "return string.match('a', '[ab]')", 'the pattern [ab]'],
    ['a loop that counts down', 'for n = 3, 1, -1 do end', 'no loop that counts down'],
    ['a function of the library', "return string.rep('a', 2)", 'string.rep'],
    ['a name', 'return unheard_of', 'unheard_of'],
    ['a command that is chosen at run time', 'return redis.call(ARGV[2])', 'named where they are called'],
  ])('%s', (_what, lua, message) => {
    expect(() => translatedScript(lua, 'row')(['{}', 'GET'], commands())).toThrow(message);
  });
});
