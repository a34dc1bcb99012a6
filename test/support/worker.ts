/** The real built worker as a child process, with its API, its FFmpegs and its resources. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { allProcesses, ffmpegProcesses, hasEnvironment, memoryOf, type ProcessInfo, processInfo } from './processes.ts';
import { until } from './until.ts';
import { WorkerApi } from './worker-api.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MAIN = join(ROOT, 'dist', 'proxy', 'main.js');
const SETPRIV = '/usr/bin/setpriv';
const MARKER = 'STREAMPOOL_TEST_ID';

/** One line of the worker's log; pino's JSON, or `{ msg }` for anything else. */
export interface LogLine {
  level?: number;
  msg?: string;
  [field: string]: unknown;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Undefined values are left out of the environment. */
export type WorkerEnv = Record<string, string | undefined>;

const DEFAULT_ENV: WorkerEnv = {
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'info',
  // Tests share a busy machine; its load must not decide which worker makes a feed.
  MAX_CPU: '0',
  ALLOW_PRIVATE_SOURCES: '127.0.0.1,::1,localhost',
};

/** Where a worker keeps recordings, if it is told nothing else: a folder of its own, which goes with it. */
const recordingsOf = (testId: string): string => join(tmpdir(), `streampool-recordings-${testId}`);

/** Running workers, which end with this process. */
const running = new Set<Worker>();
process.once('exit', () => {
  for (const worker of running) worker.killSession();
});

export class Worker {
  readonly logs: LogLine[] = [];
  readonly exited: Promise<Exit>;
  readonly testId: string;
  readonly #child: ChildProcess;
  #output = '';
  #exit: Exit | undefined;
  #api: WorkerApi | undefined;

  constructor(child: ChildProcess, testId: string) {
    this.#child = child;
    this.testId = testId;
    running.add(this);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.logs.push(parseLine(line));
      });
    }
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Everything that it printed. */
  get output(): string {
    return this.#output;
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return this.api.origin;
  }

  get api(): WorkerApi {
    if (this.#api === undefined) throw new Error('the worker does not listen');
    return this.#api;
  }

  /** Waits for the line that says where it listens. */
  async listening(timeoutMs: number, headers: Record<string, string>, host?: string): Promise<this> {
    const address = await until(
      () => {
        if (this.#exit !== undefined)
          throw new Error(`the worker exited (${JSON.stringify(this.#exit)}): ${this.output}`);
        return this.logs.find((line) => line.msg === 'listening' && typeof line.address === 'string')?.address;
      },
      { timeoutMs, what: () => `the worker to listen; it wrote: ${this.output}` },
    );
    const url = new URL(String(address));
    url.hostname = host ?? url.hostname;
    this.#api = new WorkerApi(url.origin, headers);
    return this;
  }

  /** Ends it in good order; SIGKILL and an error when that takes too long. Kills what it left behind. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 15_000): Promise<Exit> {
    if (this.#exit === undefined) {
      this.#child.kill(signal);
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs);
      await this.exited;
      clearTimeout(timer);
    }
    running.delete(this);
    const exit = await this.exited;
    this.killSession();
    rmSync(recordingsOf(this.testId), { recursive: true, force: true });
    if (exit.signal === 'SIGKILL' && signal !== 'SIGKILL') {
      throw new Error(`the worker did not end within ${timeoutMs} ms of ${signal}: ${this.output.slice(-2000)}`);
    }
    return exit;
  }

  /** kill -9, and nothing else: what it leaves behind is for the test to look at. */
  async kill(): Promise<Exit> {
    this.#child.kill('SIGKILL');
    return this.exited;
  }

  /** SIGSTOP, SIGCONT and the like. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Everything it started that still runs, also after its own death. */
  descendants(): ProcessInfo[] {
    return allProcesses().filter(
      ({ pid, session, state }) =>
        pid !== this.pid && state !== 'Z' && (session === this.pid || hasEnvironment(pid, MARKER, this.testId)),
    );
  }

  /** Its FFmpeg processes, orphans included; without short probes such as `ffmpeg -version`. */
  ffmpegPids(): number[] {
    return ffmpegProcesses(this.descendants())
      .filter(({ args }) => args.includes('-i'))
      .map(({ pid }) => pid);
  }

  rssBytes(): number {
    return memoryOf(this.pid);
  }

  /** CPU of the worker itself, without its children. */
  cpuSeconds(): number {
    return processInfo(this.pid)?.cpuSeconds ?? 0;
  }

  /** Log lines with that message. */
  logged(msg: string): LogLine[] {
    return this.logs.filter((line) => line.msg === msg);
  }

  /** Log lines that tell of this, in whatever words: their `type`. */
  told(type: string): LogLine[] {
    return this.logs.filter((line) => line.type === type);
  }

  killSession(): void {
    for (const { pid } of this.descendants()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself meanwhile.
      }
    }
    if (this.#exit === undefined) this.#child.kill('SIGKILL');
  }
}

export interface StartOptions {
  /** Default 10000. */
  timeoutMs?: number;
  /** Node flags, such as `--max-old-space-size=100`. */
  nodeArgs?: string[];
  /** Another script to run; default the built worker. */
  main?: string;
  /** What to put before the command, such as `ip netns exec NAME`. */
  prefix?: readonly string[];
  /** Where this process reaches it, when it listens on every address. */
  host?: string;
}

/**
 * Starts the built worker on a free port and waits until it listens.
 *
 * @example
 * const worker = await startWorker({ MAX_CLIENTS_PER_SHARED_STREAM: '2' });
 * const stream = await worker.api.createTranscode({ url: source.url });
 */
export async function startWorker(env: WorkerEnv = {}, options: StartOptions = {}): Promise<Worker> {
  const headers: Record<string, string> = env.API_TOKEN ? { 'x-api-token': env.API_TOKEN } : {};
  const worker = spawnWorker(env, options);
  try {
    return await worker.listening(options.timeoutMs ?? 30_000, headers, options.host);
  } catch (error) {
    await worker.stop('SIGKILL');
    throw error;
  }
}

/** Runs a worker that is expected to refuse to start. */
export async function runWorkerToExit(env: WorkerEnv, options: StartOptions = {}): Promise<Exit & { output: string }> {
  const worker = spawnWorker(env, options);
  const timer = setTimeout(() => worker.killSession(), options.timeoutMs ?? 10_000);
  const exit = await worker.exited;
  clearTimeout(timer);
  await worker.stop('SIGKILL');
  return { ...exit, output: worker.output };
}

function spawnWorker(env: WorkerEnv, options: StartOptions): Worker {
  const testId = randomUUID();
  const inherited = { PATH: process.env.PATH, HOME: process.env.HOME, FFMPEG_PATH: process.env.FFMPEG_PATH };
  const all: NodeJS.ProcessEnv = {
    ...inherited,
    ...DEFAULT_ENV,
    RECORDINGS: recordingsOf(testId),
    [MARKER]: testId,
    ...env,
  };
  const node = [process.execPath, ...(options.nodeArgs ?? []), options.main ?? MAIN];
  // The parent-death signal belongs to a thread, so it is of use from the main one only.
  const tied = isMainThread && existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...node] : node;
  const [command = '', ...args] = [...(options.prefix ?? []), ...tied];
  const child = spawn(command, args, { cwd: ROOT, env: all, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Worker(child, testId);
}

function parseLine(line: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? (parsed as LogLine) : { msg: line };
  } catch {
    return { msg: line };
  }
}
