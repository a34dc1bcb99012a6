/** A worker's connection to a simulated Redis: as much of ioredis as the registry uses. Each request goes through the network. */

import type { Redis } from 'ioredis';
import type { Reply } from './commands.ts';
import { Status } from './commands.ts';

/** What a worker asks of Redis at once: a command, a script, or several commands together. */
export interface Request {
  /** What is asked, for people: `join`, `hgetall`. */
  readonly name: string;
  readonly args: readonly string[];
  /** Takes effect now, in one step. Returns the answer; throws what Redis answers as an error. */
  readonly perform: () => Reply;
}

/** The way to Redis: it may delay a request or its answer, lose either, or refuse it. */
export type Network = (request: Request) => Promise<Reply>;

/** A command of Redis, or a script that this connection has defined. */
export type Perform = (name: string, args: readonly string[]) => Reply;

/** How ioredis returns an answer that is not what Redis sends. */
const READ: Record<string, (reply: Reply) => unknown> = {
  hgetall: (reply) => {
    const flat = reply as string[];
    const fields: Record<string, string> = {};
    for (let at = 0; at < flat.length; at += 2) fields[flat[at] as string] = flat[at + 1] as string;
    return fields;
  },
};

const COMMANDS = (
  'ping time exists del get mget set hdel hget hmget hgetall hkeys hvals hlen hset hincrby hscan scan smembers scard zrange zrangebyscore zscore ' +
  'zmscore rpush xrevrange xread'
).split(' ');

type Argument = string | number;
type Answered = [error: Error | null, answer: unknown];

/** @param define makes a script known, and returns how it is run */
export function connectionTo(
  perform: Perform,
  define: (name: string, lua: string) => (args: readonly string[]) => Reply,
  network: Network,
): Redis {
  const ask = async (name: string, given: Argument[], run: (args: readonly string[]) => Reply) => {
    const args = given.map(String);
    return read(name, await network({ name, args, perform: () => run(args) }));
  };
  const connection: Record<string, unknown> = {
    defineCommand(name: string, { lua }: { lua: string }): void {
      const run = define(name, lua);
      connection[name] = (...args: Argument[]) => ask(name, args, run);
    },
    pipeline: () => pipeline(perform, network),
  };
  for (const name of COMMANDS) {
    connection[name] = (...args: Argument[]) => ask(name, args, (texts) => perform(name, texts));
  }
  // The registry uses no more of it than this.
  return connection as unknown as Redis;
}

/** Commands that are sent together; each is a step of its own, with nothing in between here. */
function pipeline(perform: Perform, network: Network): object {
  const names: string[] = [];
  const steps: (() => Reply)[] = [];
  const batch: Record<string, unknown> = {
    async exec(): Promise<Answered[]> {
      const answered: Answered[] = [];
      const step = (): Reply => {
        for (const [at, each] of steps.entries()) {
          try {
            answered.push([null, read(names[at] ?? '', each())]);
          } catch (error) {
            answered.push([error as Error, null]);
          }
        }
        return null;
      };
      if (steps.length > 0) await network({ name: names.join(' '), args: [], perform: step });
      return answered;
    },
  };
  for (const name of COMMANDS) {
    batch[name] = (...args: Argument[]) => {
      names.push(name);
      steps.push(() => perform(name, args.map(String)));
      return batch;
    };
  }
  return batch;
}

function read(name: string, reply: Reply): unknown {
  if (reply instanceof Status) return reply.text;
  return READ[name]?.(reply) ?? reply;
}
