/** A private real redis-server without persistence that tests may kill, freeze and restart. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { processInfo } from './processes.ts';
import { until } from './until.ts';

export interface RedisOptions {
  port?: number;
  password?: string;
  /** Port of a primary on this host to replicate. */
  replicaOf?: number;
  /** More redis-server arguments, such as `['--maxmemory', '50mb']`. */
  args?: string[];
  /** The machine it runs on, and its addresses: for this process, and for processes on other machines. */
  on?: { prefix: readonly string[]; front: string; back: string };
}

/** Running servers, which end with this process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class RedisServer {
  readonly port: number;
  readonly #options: RedisOptions;
  readonly #directory: string;
  #child: ChildProcess | undefined;

  constructor(port: number, directory: string, options: RedisOptions) {
    this.port = port;
    this.#directory = directory;
    this.#options = options;
  }

  /** The address at which this process reaches it. */
  get host(): string {
    return this.#options.on?.front ?? '127.0.0.1';
  }

  get url(): string {
    const { password } = this.#options;
    return `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${this.host}:${this.port}`;
  }

  /** The settings that make a worker use this server. */
  get env(): Record<string, string> {
    const { password } = this.#options;
    return {
      REDIS_ENABLED: 'true',
      REDIS_HOST: this.#options.on?.back ?? this.host,
      REDIS_SERVER_PORT: String(this.port),
      ...(password === undefined ? {} : { REDIS_PASSWORD: password }),
    };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, empty, on the same port as before. */
  async start(): Promise<this> {
    const { password, replicaOf, args = [], on } = this.#options;
    const [command = '', ...prefixed] = [...(on?.prefix ?? []), 'redis-server'];
    const listen = on === undefined ? ['--bind', this.host] : ['--bind', '0.0.0.0', '--protected-mode', 'no'];
    const child = spawn(
      command,
      [
        ...prefixed,
        ...['--port', String(this.port), ...listen, '--dir', this.#directory],
        ...['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'],
        ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
        ...(replicaOf === undefined ? [] : ['--replicaof', this.host, String(replicaOf)]),
        ...args,
      ],
      { stdio: 'ignore' },
    );
    this.#child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    await until(() => this.#answers(), { what: `redis-server to answer on port ${this.port}` });
    return this;
  }

  /** kill -9; everything is lost. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Freezes it: connections stay open, but nothing answers. */
  async pause(): Promise<void> {
    this.#child?.kill('SIGSTOP');
    await until(() => processInfo(this.pid)?.state === 'T', { what: 'redis-server to stand still' });
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Kills it and starts it empty. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Ends it for ever and deletes its directory. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /**
   * One command over a connection of its own, and its answer as `redis-cli` prints it: a line for each element, nothing for
   * nil, an error as text. `-n <database>` may come first. A process for each would slow down the machine that is tested.
   */
  async cli(...args: string[]): Promise<string> {
    const [db, [command = '', ...more]] = args[0] === '-n' ? [Number(args[1]), args.slice(2)] : [0, args];
    const { password } = this.#options;
    const redis = new Redis({
      ...{ host: this.host, port: this.port, db, ...(password === undefined ? {} : { password }) },
      ...{
        lazyConnect: true,
        protocol: 2,
        enableReadyCheck: false,
        disableClientInfo: true,
        retryStrategy: () => null,
      },
    });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return printed(await redis.call(command, more)).trimEnd();
    } catch (error) {
      if (error instanceof Error && error.name === 'ReplyError') return error.message;
      throw error;
    } finally {
      redis.disconnect();
    }
  }

  /** Commands served since the start, to measure what an operation costs. */
  async commandsProcessed(): Promise<number> {
    const info = await this.cli('info', 'stats');
    return Number(info.match(/total_commands_processed:(\d+)/)?.[1] ?? 0);
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, this.host);
      socket.once('connect', () => socket.write('PING\r\n'));
      socket.once('data', (data) => {
        resolve(/^(\+PONG|-NOAUTH)/.test(data.toString()));
        socket.destroy();
      });
      socket.once('error', () => resolve(false));
    });
  }
}

function printed(answer: unknown): string {
  if (Array.isArray(answer)) return answer.map(printed).join('\n');
  return answer === null ? '' : String(answer);
}

/** Starts a private Redis on a free port. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'streampool-redis-'));
  return new RedisServer(options.port ?? (await freePort()), directory, options).start();
}
