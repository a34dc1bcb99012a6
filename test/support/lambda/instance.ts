/**
 * One instance of a Lambda function: its bundle under a runtime interface client, and the Runtime API that this talks to. Between
 * two calls the process stands still, as in AWS: no timer fires, and connections die unseen.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FunctionOptions {
  /** The folder of the bundle. */
  readonly folder: string;
  /** `lambda.handler` */
  readonly handler: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What an invocation gives: the answer, or how the function failed, both as JSON. */
export interface Invocation {
  readonly failed: boolean;
  readonly payload: string;
}

/** The Node of the function, and its runtime interface client with the arguments before the handler. */
const NODE = process.env.STREAMPOOL_LAMBDA_NODE ?? process.execPath;
const RUNTIME = process.env.STREAMPOOL_LAMBDA_RUNTIME ?? join(import.meta.dirname, 'runtime.mjs');

interface Waiting {
  readonly event: string;
  readonly resolve: (answer: Invocation) => void;
}

/** Processes, which end with this one. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class FunctionInstance {
  readonly #server: Server;
  readonly #child: ChildProcess;
  readonly #asked = new Map<string, Waiting>();
  /** Resolves when it has loaded its handler and asks for an event. */
  readonly ready: Promise<void>;
  #isReady: () => void = () => undefined;
  #next: ServerResponse | undefined;
  #waiting: Waiting | undefined;
  #output = '';

  private constructor(server: Server, { folder, handler, env }: FunctionOptions) {
    this.#server = server;
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    server.on('request', (request, response) => void this.#answer(request, response));
    const { port } = server.address() as AddressInfo;
    this.#child = spawn(NODE, [RUNTIME, handler], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
        AWS_LAMBDA_FUNCTION_NAME: handler,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/test',
        AWS_LAMBDA_LOG_STREAM_NAME: 'test',
        LAMBDA_TASK_ROOT: folder,
        _HANDLER: handler,
        ...env,
      },
    });
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#child.once('exit', (code, signal) => {
      running.delete(this.#child);
      const payload = JSON.stringify({ errorType: 'Runtime.ExitError', errorMessage: `ended: ${code ?? signal}` });
      for (const { resolve } of this.#pending()) resolve({ failed: true, payload });
    });
  }

  static async start(options: FunctionOptions): Promise<FunctionInstance> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FunctionInstance(server, options);
  }

  get isBusy(): boolean {
    return this.#pending().length > 0;
  }

  /** What it has logged. */
  get output(): string {
    return this.#output;
  }

  async invoke(event: unknown): Promise<Invocation> {
    if (this.isBusy) throw new Error('an instance takes one event at a time');
    const answer = new Promise<Invocation>((resolve) => {
      this.#waiting = { event: JSON.stringify(event), resolve };
    });
    this.#child.kill('SIGCONT');
    this.#give();
    return answer;
  }

  async stop(): Promise<void> {
    if (running.has(this.#child)) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exited;
    }
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #pending(): Waiting[] {
    return [...(this.#waiting === undefined ? [] : [this.#waiting]), ...this.#asked.values()];
  }

  #give(): void {
    const [response, waiting] = [this.#next, this.#waiting];
    if (response === undefined || waiting === undefined) return;
    this.#next = undefined;
    this.#waiting = undefined;
    const id = randomUUID();
    this.#asked.set(id, waiting);
    response.setHeader('content-type', 'application/json');
    response.setHeader('lambda-runtime-aws-request-id', id);
    response.setHeader('lambda-runtime-deadline-ms', String(Date.now() + 15_000));
    response.setHeader('lambda-runtime-invoked-function-arn', 'arn:aws:lambda:eu-west-1:1:function:test');
    response.end(waiting.event);
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts = (request.url ?? '').split('/').slice(3);
    if (request.method === 'GET' && parts.join('/') === 'invocation/next') {
      this.#next = response;
      this.#isReady();
      this.#give();
      // It asks for the next event as soon as it has answered the last one, and is frozen then.
      if (this.#next === response) this.#child.kill('SIGSTOP');
      return;
    }
    const [, id = '', part] = parts;
    const body = await text(request);
    response.writeHead(202).end();
    if (part !== 'response' && part !== 'error') {
      // It could not load the handler, and says so before it ends.
      for (const { resolve } of this.#pending()) resolve({ failed: true, payload: body });
      return;
    }
    const waiting = this.#asked.get(id);
    this.#asked.delete(id);
    waiting?.resolve({ failed: part === 'error', payload: body });
  }
}

/** A function with as many instances as it has calls at the same time. */
export class FakeFunction {
  readonly #options: FunctionOptions;
  readonly #instances: FunctionInstance[] = [];
  /** How long a new instance takes before it starts, in ms. */
  coldMs = 0;
  /** Whether calls get no answer from now on. */
  isStuck = false;

  constructor(options: FunctionOptions) {
    this.#options = options;
  }

  get output(): string {
    return this.#instances.map(({ output }) => output).join('');
  }

  async invoke(event: unknown): Promise<Invocation> {
    if (this.isStuck) return new Promise(() => undefined);
    const idle = this.#instances.find(({ isBusy }) => !isBusy);
    if (idle !== undefined) return idle.invoke(event);
    await sleep(this.coldMs);
    return (await this.#start()).invoke(event);
  }

  /** Has an instance that waits for a call. */
  async warm(): Promise<void> {
    await (await this.#start()).ready;
  }

  async #start(): Promise<FunctionInstance> {
    const instance = await FunctionInstance.start(this.#options);
    this.#instances.push(instance);
    return instance;
  }

  /** All instances end, as they do after some minutes without a call. */
  async chill(): Promise<void> {
    await Promise.all(this.#instances.splice(0).map((instance) => instance.stop()));
  }
}
