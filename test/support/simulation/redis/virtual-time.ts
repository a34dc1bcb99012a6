/** A real Redis on a clock that a test moves. Its scripts are as they are; what they ask of time goes through a few lines before them. */

import { Redis } from 'ioredis';
import { type Dump, dumpOf } from './dump.ts';

/** Keys of the test itself. */
const NOW = 'test:now';
const RUN = 'test:run';
const EXPIRIES = 'test:expiries';

/** In front of every script: TIME, INFO and the times to live are those of the test. */
const VIRTUAL = `
local redis = (function(real)
  local function stored(command, ...)
    local name = string.upper(command)
    local args = { ... }
    if name == 'TIME' then
      local now = real.call('GET', '${NOW}')
      return { string.sub(now, 1, -4), string.sub(now, -3) .. '000' }
    end
    if name == 'INFO' then return 'run_id:' .. real.call('GET', '${RUN}') end
    if name == 'PEXPIRE' then
      if real.call('EXISTS', args[1]) == 1 then
        real.call('HSET', '${EXPIRIES}', args[1], string.format('%.0f', real.call('GET', '${NOW}') + args[2]))
      end
      return 1
    end
    if name == 'DEL' then real.call('HDEL', '${EXPIRIES}', ...) end
    if name == 'SET' then
      local kept, at = { args[1], args[2] }, nil
      for n = 3, #args do
        if args[n] == 'PX' then at = real.call('GET', '${NOW}') + args[n + 1]
        elseif args[n - 1] ~= 'PX' then kept[#kept + 1] = args[n] end
      end
      local answer = real.call('SET', unpack(kept))
      if answer then
        if at then real.call('HSET', '${EXPIRIES}', args[1], string.format('%.0f', at))
        else real.call('HDEL', '${EXPIRIES}', args[1]) end
      end
      return answer
    end
    return nil
  end
  local function through(ask)
    return function(...)
      local name = string.upper((...))
      if name == 'TIME' or name == 'INFO' or name == 'PEXPIRE' or name == 'SET' then return stored(...) end
      if name == 'DEL' then stored(...) end
      return ask(...)
    end
  end
  return { call = through(real.call), pcall = through(real.pcall), sha1hex = real.sha1hex }
end)(redis)
`;

/** Moves the clock: what has expired by then goes. */
const MOVE = `
local flat = redis.call('HGETALL', '${EXPIRIES}')
for at = 1, #flat, 2 do
  if tonumber(flat[at + 1]) < tonumber(ARGV[1]) then
    redis.call('DEL', flat[at])
    redis.call('HDEL', '${EXPIRIES}', flat[at])
  elseif redis.call('EXISTS', flat[at]) == 0 then
    redis.call('HDEL', '${EXPIRIES}', flat[at])
  end
end
redis.call('SET', '${NOW}', ARGV[1])
redis.call('SET', '${RUN}', ARGV[2])
`;

/** All keys: name, type, value, time of expiry. */
const LOOK = `
local read = { string = { 'GET' }, hash = { 'HGETALL' }, set = { 'SMEMBERS' }, zset = { 'ZRANGE', 0, -1, 'WITHSCORES' }, list = { 'LRANGE', 0, -1 }, stream = { 'XRANGE', '-', '+' } }
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if string.sub(key, 1, 5) ~= 'test:' then
    local kind = redis.call('TYPE', key).ok
    local command = read[kind]
    local value = redis.call(command[1], key, unpack(command, 2))
    found[#found + 1] = { key, kind, value, redis.call('HGET', '${EXPIRIES}', key) or '' }
  end
end
return found
`;

export class VirtualRedis {
  readonly #redis: Redis;
  #connection: Redis | undefined;

  /** @param url of a Redis that nobody else uses */
  constructor(url: string) {
    this.#redis = new Redis(url);
  }

  /** The connection of all workers. */
  connection(): Redis {
    if (this.#connection !== undefined) return this.#connection;
    const connection = this.#redis.duplicate();
    this.#connection = connection;
    const define = connection.defineCommand.bind(connection);
    connection.defineCommand = (name, definition) => define(name, { ...definition, lua: VIRTUAL + definition.lua });
    return connection;
  }

  /** @param runId of the Redis process from now on */
  async move(nowMs: number, runId: string): Promise<void> {
    await this.#redis.eval(MOVE, 0, nowMs, runId);
  }

  /** Runs one command that changes a key, as a person may. What SET has written does not expire. */
  async perform(name: string, args: readonly string[]): Promise<void> {
    await this.#redis.call(name, ...args);
    if (name !== 'HSET') await this.#redis.hdel(EXPIRIES, ...args.slice(0, 1));
  }

  async empty(nowMs: number, runId: string): Promise<void> {
    await this.#redis.flushall();
    await this.move(nowMs, runId);
  }

  async dump(): Promise<Dump> {
    const found = (await this.#redis.eval(LOOK, 0)) as [string, string, string | string[], string][];
    return dumpOf(
      found.map(([key, kind, value, expiry]) => ({
        key,
        kind,
        value,
        expiry: expiry === '' ? undefined : Number(expiry),
      })),
    );
  }

  end(): void {
    this.#redis.disconnect();
    this.#connection?.disconnect();
  }
}
