/** The client of simulated HTTP: a request, and the response as the client has it. */

import { EventEmitter } from 'node:events';
import type { IncomingMessage, RequestOptions } from 'node:http';
import type { SimulatedHttp } from './http-model.ts';
import { type Head, type Sent, SimulatedResponse, type SimulatedServer } from './http-server-model.ts';
import type { Process } from './machine.ts';
import { type Channel, isThere } from './network.ts';

function errorWith(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** The response as the client has it. */
class Received extends EventEmitter {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  complete = false;
  #isPaused = false;
  #isClosed = false;
  readonly #waiting: Sent[] = [];
  readonly #request: SimulatedRequest;

  constructor(head: Head, request: SimulatedRequest) {
    super();
    this.statusCode = head.status;
    this.headers = head.headers;
    this.#request = request;
  }

  pause(): this {
    this.#isPaused = true;
    return this;
  }

  resume(): this {
    this.#isPaused = false;
    for (let next = this.#waiting.shift(); next !== undefined && !this.#isPaused; next = this.#waiting.shift())
      this.take(next);
    return this;
  }

  destroy(error?: Error): this {
    this.#request.destroy(error);
    return this;
  }

  take(sent: Sent): void {
    if (this.#isClosed) return;
    if (this.#isPaused) {
      this.#waiting.push(sent);
      return;
    }
    for (const chunk of sent.chunks) {
      if (this.#isClosed) return;
      this.#request.took(chunk.length);
      this.emit('data', chunk);
    }
    if (!sent.isEnd || this.#isClosed) return;
    this.complete = true;
    this.#request.completed();
    this.emit('end');
    this.closed(undefined);
  }

  closed(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (error !== undefined && this.listenerCount('error') > 0) this.emit('error', error);
    this.emit('close');
  }
}

export class SimulatedRequest extends EventEmitter {
  readonly #http: SimulatedHttp;
  readonly #url: URL;
  readonly #options: RequestOptions;
  #server: SimulatedServer | undefined;
  #answer: SimulatedResponse | undefined;
  #received: Received | undefined;
  #forth: Channel | undefined;
  #isOver = false;
  readonly #onAbort = () => void this.destroy(errorWith('ABORT_ERR', 'aborted'));

  constructor(http: SimulatedHttp, url: string, options: RequestOptions) {
    super();
    this.#http = http;
    this.#url = new URL(url);
    this.#options = options;
    const { signal } = options;
    if (signal?.aborted === true) queueMicrotask(() => this.destroy(errorWith('ABORT_ERR', 'aborted')));
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get process(): Process {
    return this.#http.process;
  }

  end(): this {
    const { network, servers, process } = this.#http;
    const server = servers.get(this.#url.host);
    const { timeout } = this.#options;
    if (timeout !== undefined) process.setTimeout(() => this.#received === undefined && this.emit('timeout'), timeout);
    // Nothing has ever listened there.
    if (server === undefined) {
      process.setTimeout(() => this.#failed(errorWith('ECONNREFUSED', 'refused')), 1);
      return this;
    }
    this.#server = server;
    this.#forth = network.channel(process.machine, server.process.machine);
    const back = network.channel(server.process.machine, process.machine);
    network.send(this.#forth, undefined, () => {
      if (!isThere(server.process) || !server.listening) {
        network.send(back, process, () => this.#failed(errorWith('ECONNREFUSED', 'refused')));
        return;
      }
      // The system takes the connection, even for a process that stands still.
      this.#http.scheduler.after(0, server.process, () => this.#accepted(server, back));
    });
    process.onEnd(() => this.#tellServer());
    return this;
  }

  #accepted(server: SimulatedServer, back: Channel): void {
    if (this.#isOver) return;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(this.#options.headers ?? {}))
      headers[name.toLowerCase()] = String(value);
    const { pathname, search } = this.#url;
    const message = { url: `${pathname}${search}`, method: this.#options.method ?? 'GET', headers };
    const { network, scheduler } = this.#http;
    const answer = new SimulatedResponse(server.process, (sent) => {
      network.send(back, undefined, () => {
        if (this.process.isAlive) scheduler.at(scheduler.nowMs, this.process, () => this.#arrived(sent), false, true);
        // The system does not know the connection of a process that has ended.
        else network.send(network.channel(back.to, back.from), server.process, () => answer.closed());
      });
    });
    this.#answer = answer;
    server.process.onEnd(() => {
      // Without power nobody says that the process has ended.
      if (!answer.isSent && server.process.machine.hasPower) {
        network.send(back, this.process, () => this.#failed(errorWith('ECONNRESET', 'reset')));
      }
    });
    server.accept(message as unknown as IncomingMessage, answer);
  }

  #arrived(sent: Sent | 'reset'): void {
    if (this.#isOver) return;
    if (sent === 'reset') {
      this.#failed(errorWith('ECONNRESET', 'reset'));
      return;
    }
    if (sent.head !== undefined) {
      this.#received = new Received(sent.head, this);
      this.emit('response', this.#received);
    }
    this.#received?.take(sent);
  }

  took(bytes: number): void {
    this.#answer?.acknowledged(bytes);
  }

  destroy(error?: Error): this {
    if (this.#isOver) return this;
    this.#over();
    this.#tellServer();
    queueMicrotask(() => this.#told(error ?? errorWith('ECONNRESET', 'socket hang up')));
    return this;
  }

  /** The response has come to its end. */
  completed(): void {
    this.#over();
  }

  #over(): void {
    this.#isOver = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  #failed(error: Error): void {
    if (this.#isOver) return;
    this.#over();
    this.#told(error);
  }

  #told(error: Error): void {
    if (this.#received === undefined) {
      if (this.listenerCount('error') > 0) this.emit('error', error);
    } else {
      this.#received.closed(error);
    }
    this.emit('close');
  }

  /** The connection is closed from here. */
  #tellServer(): void {
    if (this.#forth === undefined || !this.process.machine.hasPower) return;
    const server = this.#server?.process;
    if (server !== undefined) this.#http.network.send(this.#forth, server, () => this.#answer?.closed());
    this.#forth = undefined;
  }
}
