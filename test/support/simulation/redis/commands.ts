/** The commands of Redis that the registry uses, on the keys of a simulated one. */

import { type KeySpace, ReplyError, type StreamEntry } from './key-space.ts';

export type Reply = string | number | null | Status | Reply[];

/** A reply such as OK, which is not text of a value. */
export class Status {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Command = (...args: string[]) => Reply;
/** By name, in capitals. */
export type Commands = Readonly<Record<string, Command>>;

const OK = new Status('OK');
/** What HINCRBY adds to. */
const INTEGER = /^-?(?:0|[1-9]\d*)$/;

/** What a command says of the server that runs it. */
export interface Server {
  readonly now: () => number;
  /** Another one after each restart, 40 hex digits. */
  readonly runId: () => string;
}

/** The id of a Redis process, by its number. */
export function runIdOf(process: number): string {
  return process.toString(16).padStart(40, '0');
}

/** A score as Redis answers it. */
function scoreText(score: number): string {
  return score === Number.POSITIVE_INFINITY ? 'inf' : score === Number.NEGATIVE_INFINITY ? '-inf' : String(score);
}

function numberIn(text: string): number {
  const number = text === '-inf' ? Number.NEGATIVE_INFINITY : text === '+inf' ? Number.POSITIVE_INFINITY : Number(text);
  if (text === '' || Number.isNaN(number)) throw new ReplyError('ERR value is not a valid float');
  return number;
}

function integerIn(text: string): number {
  if (!INTEGER.test(text)) throw new ReplyError('ERR value is not an integer or out of range');
  return Number(text);
}

/** The members of a sorted set in its order: by score, then by name. */
export function ordered(scores: ReadonlyMap<string, number>): [string, number][] {
  return [...scores].sort(([a, ofA], [b, ofB]) => ofA - ofB || (a < b ? -1 : 1));
}

/** A slice of a list as Redis counts: both ends are in it, and negative ones count from the end. */
function between<T>(items: readonly T[], first: string, last: string): T[] {
  const at = (text: string) => (integerIn(text) < 0 ? items.length + integerIn(text) : integerIn(text));
  return items.slice(Math.max(0, at(first)), at(last) + 1);
}

/** Whether an entry stands at or before an id: `+`, a time in ms, an id, or `(` and an id that it must stand before. */
function isUpTo({ ms, seq }: StreamEntry, end: string): boolean {
  if (end === '+') return true;
  const [ofMs = 0, ofSeq = Number.POSITIVE_INFINITY] = end.replace('(', '').split('-').map(Number);
  if (ms !== ofMs) return ms < ofMs;
  return end.startsWith('(') ? seq < ofSeq : seq <= ofSeq;
}

function streamReply({ ms, seq, fields }: StreamEntry): Reply {
  return [`${ms}-${seq}`, [...fields]];
}

export function commandsOf(space: KeySpace, server: Server): Commands {
  const fields = (key: string) => space.read(key, 'hash')?.fields;
  const members = (key: string) => space.read(key, 'set')?.members;
  const scores = (key: string) => space.read(key, 'zset')?.scores;

  /** Removes some of what a collection has, and its key with the last of it. */
  function remove(
    key: string,
    kind: 'hash' | 'set' | 'zset',
    has: { has(name: string): boolean } | undefined,
    names: string[],
  ): number {
    const there = names.filter((name, at) => has?.has(name) === true && names.indexOf(name) === at);
    if (there.length === 0) return 0;
    const value = space.change(key, kind);
    const all = value.kind === 'hash' ? value.fields : value.kind === 'set' ? value.members : value.scores;
    for (const name of there) all.delete(name);
    if (all.size === 0) space.delete(key);
    return there.length;
  }

  return {
    PING: () => new Status('PONG'),
    TIME: () => {
      const nowMs = server.now();
      return [String(Math.floor(nowMs / 1000)), String(Math.floor((nowMs % 1000) * 1000))];
    },
    INFO: () => `# Server\r\nredis_version:7.0.15\r\nrun_id:${server.runId()}\r\n`,

    EXISTS: (...keys) => keys.filter((key) => space.has(key)).length,
    DEL: (...keys) => keys.filter((key) => space.delete(key)).length,
    PEXPIRE: (key, ms = '') => (space.expire(key, server.now() + integerIn(ms)) ? 1 : 0),

    GET: (key) => space.read(key, 'string')?.text ?? null,
    MGET: (...keys) => keys.map((key) => space.read(key, 'string')?.text ?? null),
    SET: (key, text = '', ...options) => {
      let expiresAtMs: number | undefined;
      for (let at = 0; at < options.length; at++) {
        const option = options[at]?.toUpperCase();
        if (option === 'PX') expiresAtMs = server.now() + integerIn(options[++at] ?? '');
        else if (option !== 'NX') throw new ReplyError('ERR syntax error');
        else if (space.has(key)) return null;
      }
      space.setText(key, text, expiresAtMs);
      return OK;
    },
    INCR: (key) => {
      const next = integerIn(space.read(key, 'string')?.text ?? '0') + 1;
      space.change(key, 'string').text = String(next);
      return next;
    },

    HGET: (key, field = '') => fields(key)?.get(field) ?? null,
    HMGET: (key, ...names) => {
      const there = fields(key);
      return names.map((name) => there?.get(name) ?? null);
    },
    HGETALL: (key) => {
      const flat: string[] = [];
      for (const [name, value] of fields(key) ?? []) flat.push(name, value);
      return flat;
    },
    HKEYS: (key) => [...(fields(key)?.keys() ?? [])],
    HVALS: (key) => [...(fields(key)?.values() ?? [])],
    HLEN: (key) => fields(key)?.size ?? 0,
    HEXISTS: (key, field = '') => (fields(key)?.has(field) === true ? 1 : 0),
    HSET: (key, ...pairs) => {
      if (pairs.length === 0 || pairs.length % 2 !== 0) {
        throw new ReplyError("ERR wrong number of arguments for 'hset' command");
      }
      const before = fields(key);
      let isSame = before !== undefined;
      for (let at = 0; isSame && at < pairs.length; at += 2) isSame = before?.get(pairs[at] ?? '') === pairs[at + 1];
      if (isSame) return 0;
      const { fields: all } = space.change(key, 'hash');
      const size = all.size;
      for (let at = 0; at < pairs.length; at += 2) all.set(pairs[at] ?? '', pairs[at + 1] ?? '');
      return all.size - size;
    },
    HSETNX: (key, field = '', value = '') => {
      if (fields(key)?.has(field) === true) return 0;
      space.change(key, 'hash').fields.set(field, value);
      return 1;
    },
    HDEL: (key, ...names) => remove(key, 'hash', fields(key), names),
    HINCRBY: (key, field = '', by = '') => {
      const before = fields(key)?.get(field) ?? '0';
      if (!INTEGER.test(before)) throw new ReplyError('ERR hash value is not an integer');
      const next = Number(before) + integerIn(by);
      space.change(key, 'hash').fields.set(field, String(next));
      return next;
    },
    // All at once, which Redis may do too.
    SCAN: (_cursor, _match, pattern = '') => {
      const prefix = pattern.slice(0, -1);
      return ['0', space.keys().filter((key) => key.startsWith(prefix))];
    },
    HSCAN: (key) => ['0', [...(fields(key) ?? [])].flat()],

    SMEMBERS: (key) => [...(members(key) ?? [])],
    SISMEMBER: (key, member = '') => (members(key)?.has(member) === true ? 1 : 0),
    SCARD: (key) => members(key)?.size ?? 0,
    SADD: (key, ...names) => {
      const before = members(key);
      const added = names.filter((name, at) => before?.has(name) !== true && names.indexOf(name) === at);
      if (added.length === 0) return 0;
      const { members: all } = space.change(key, 'set');
      for (const name of added) all.add(name);
      return added.length;
    },
    SREM: (key, ...names) => remove(key, 'set', members(key), names),

    ZSCORE: (key, member = '') => {
      const score = scores(key)?.get(member);
      return score === undefined ? null : scoreText(score);
    },
    ZMSCORE: (key, ...names) => {
      const all = scores(key);
      return names.map((name) => {
        const score = all?.get(name);
        return score === undefined ? null : scoreText(score);
      });
    },
    ZCARD: (key) => scores(key)?.size ?? 0,
    ZADD: (key, ...args) => {
      const option = args.length > 2 ? args[0]?.toUpperCase() : undefined;
      const isOnlyGreater = option === 'GT';
      const [text = '', member = ''] = option === undefined ? args : args.slice(1);
      const score = numberIn(text);
      const before = scores(key)?.get(member);
      if (option === 'NX' && before !== undefined) return 0;
      if (before === score || (isOnlyGreater && before !== undefined && before > score)) return 0;
      space.change(key, 'zset').scores.set(member, score);
      return before === undefined ? 1 : 0;
    },
    ZINCRBY: (key, by = '', member = '') => {
      const score = (scores(key)?.get(member) ?? 0) + numberIn(by);
      space.change(key, 'zset').scores.set(member, score);
      return scoreText(score);
    },
    ZREM: (key, ...names) => remove(key, 'zset', scores(key), names),
    ZREMRANGEBYSCORE: (key, min = '', max = '') => {
      const low = [...(scores(key) ?? [])].filter(([, score]) => score >= numberIn(min) && score <= numberIn(max));
      return remove(
        key,
        'zset',
        scores(key),
        low.map(([member]) => member),
      );
    },
    ZRANGE: (key, first = '', last = '', withScores) => {
      const found = between(ordered(scores(key) ?? new Map()), first, last);
      return withScores === undefined
        ? found.map(([member]) => member)
        : found.flatMap(([member, score]) => [member, scoreText(score)]);
    },
    ZRANGEBYSCORE: (key, min = '', max = '', ...limit) => {
      const scored = ordered(scores(key) ?? new Map()).filter(
        ([, score]) => score >= numberIn(min) && score <= numberIn(max),
      );
      if (limit[0] === 'WITHSCORES') return scored.flatMap(([member, score]) => [member, scoreText(score)]);
      const found = scored.map(([member]) => member);
      if (limit.length === 0) return found;
      const from = integerIn(limit[1] ?? '');
      return found.slice(from, from + integerIn(limit[2] ?? ''));
    },

    // MAXLEN is not heeded: schedules are short.
    XADD: (key, ...args) => {
      const [, , , id = '', ...given] = args;
      const [ms = 0, seq = 0] = id.split('-').map(Number);
      const last = space.read(key, 'stream')?.entries.at(-1);
      if (last !== undefined && (ms < last.ms || (ms === last.ms && seq <= last.seq))) {
        throw new ReplyError('ERR The ID specified in XADD is equal or smaller than the target stream top item');
      }
      space.change(key, 'stream').entries.push({ ms, seq, fields: given });
      return id;
    },

    XREVRANGE: (key, end = '+', start = '-', _count = '', count = 'Infinity') => {
      if (start !== '-') throw new ReplyError('ERR only - is a start here');
      const entries = space.read(key, 'stream')?.entries ?? [];
      const found = entries.filter((entry) => isUpTo(entry, end)).reverse();
      return found.slice(0, Number(count)).map(streamReply);
    },
    XREAD: (_count, count = '', _streams, ...rest) => {
      const names = rest.slice(0, rest.length / 2);
      const found = names.flatMap((key, at): [string, Reply][] => {
        const after = rest[names.length + at] ?? '';
        const entries = (space.read(key, 'stream')?.entries ?? []).filter((entry) => !isUpTo(entry, after));
        return entries.length === 0 ? [] : [[key, entries.slice(0, Number(count)).map(streamReply)]];
      });
      return found.length === 0 ? null : found;
    },

    RPUSH: (key, ...items) => {
      const list = space.change(key, 'list').items;
      list.push(...items);
      return list.length;
    },
    LREM: (key, count = '', item = '') => {
      if (count !== '1') throw new ReplyError('ERR only the first of an element is removed here');
      const at = space.read(key, 'list')?.items.indexOf(item) ?? -1;
      if (at < 0) return 0;
      const { items } = space.change(key, 'list');
      items.splice(at, 1);
      if (items.length === 0) space.delete(key);
      return 1;
    },
    LRANGE: (key, first = '', last = '') => between(space.read(key, 'list')?.items ?? [], first, last),
  };
}
