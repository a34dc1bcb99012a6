/** Every command that workers, or some of them, send to a Redis, as MONITOR shows them: what scripts do inside is not counted. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const SCRIPTS = join(import.meta.dirname, '..', '..', 'services', 'registry', 'redis', 'scripts');

export class RedisLog {
  readonly #redis: Redis;
  readonly #monitor: Redis;
  #counts = new Map<string, number>();
  /** Names of scripts by what EVALSHA calls them; learnt when they are sent in full. */
  readonly #names = new Map<string, string>();

  private constructor(redis: Redis, monitor: Redis, from: ReadonlySet<string> | undefined) {
    this.#redis = redis;
    this.#monitor = monitor;
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source !== 'lua' && from?.has(source) !== false) this.#count(args);
    });
  }

  /** @param from addresses of connections, such as `127.0.0.1:1234`; undefined: all count */
  static async start(port: number, from?: ReadonlySet<string>): Promise<RedisLog> {
    const redis = new Redis({ port });
    return new RedisLog(redis, await redis.monitor(), from);
  }

  /** Commands by name since the last call; a script counts under its own. */
  take(): Map<string, number> {
    const counts = this.#counts;
    this.#counts = new Map();
    return counts;
  }

  stop(): void {
    this.#monitor.disconnect();
    this.#redis.disconnect();
  }

  #count([command = '', shown = '']: string[]): void {
    const name = command.toLowerCase();
    const argument = asSent(shown);
    if (name === 'eval') this.#learn(argument);
    const known = name === 'eval' ? createHash('sha1').update(argument).digest('hex') : argument;
    const kind = name.startsWith('eval') ? (this.#names.get(known) ?? `script ${known.slice(0, 6)}`) : name;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  #learn(lua: string): void {
    const file = readdirSync(SCRIPTS).find((each) => lua.endsWith(readFileSync(join(SCRIPTS, each), 'utf8')));
    if (file !== undefined) this.#names.set(createHash('sha1').update(lua).digest('hex'), file.replace('.lua', ''));
  }
}

/** MONITOR shows line ends and backslashes escaped. */
function asSent(shown: string): string {
  return shown.replace(/\\([nrt\\])/g, (_, each: string) => ({ n: '\n', r: '\r', t: '\t' })[each] ?? each);
}
