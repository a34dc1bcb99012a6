/** The server of simulated HTTP, and a response as the server has it. */

import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answering } from '../../../services/proxy/src/relay/wire.ts';
import type { Process } from './machine.ts';

export interface Head {
  readonly status: number;
  readonly headers: Record<string, string>;
}

/** A part of a response on its way. */
export interface Sent {
  readonly head: Head | undefined;
  readonly chunks: readonly Buffer[];
  readonly isEnd: boolean;
}

/** The bytes of a response that may be under way before a write waits. */
const WINDOW_BYTES = 64 * 1024;

/** The response as the server has it. */
export class SimulatedResponse extends EventEmitter {
  readonly #process: Process;
  readonly #send: (sent: Sent | 'reset') => void;
  readonly #headers: Record<string, string> = {};
  #head: Head | undefined;
  #chunks: Buffer[] = [];
  #corks = 0;
  #unread = 0;
  /** Writes that wait for room, with what to call then. */
  #waiting: (() => void)[] = [];
  headersSent = false;
  destroyed = false;
  /** Each request has a connection of its own, which closes with its response. */
  readonly req = { socket: this };
  isSent = false;

  constructor(process: Process, send: (sent: Sent | 'reset') => void) {
    super();
    this.#process = process;
    this.#send = send;
  }

  get writableNeedDrain(): boolean {
    return this.#unread > WINDOW_BYTES;
  }

  setHeader(name: string, value: string): this {
    this.#headers[name.toLowerCase()] = value;
    return this;
  }

  removeHeader(name: string): void {
    delete this.#headers[name.toLowerCase()];
  }

  writeHead(status: number, headers: Record<string, string> = {}): this {
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value);
    this.#head = { status, headers: this.#headers };
    return this;
  }

  write(bytes: Buffer, done?: () => void): boolean {
    // As a socket: what is written after the end is lost.
    if (this.destroyed || this.isSent) return false;
    this.#chunks.push(Buffer.from(bytes));
    this.#unread += bytes.length;
    if (done !== undefined) {
      if (this.writableNeedDrain) this.#waiting.push(done);
      else this.#process.setImmediate(() => !this.destroyed && done());
    }
    if (this.#corks === 0) this.#flush(false);
    return !this.writableNeedDrain;
  }

  acknowledged(bytes: number): void {
    this.#unread -= bytes;
    if (this.writableNeedDrain) return;
    for (const done of this.#waiting.splice(0)) this.#process.setImmediate(() => !this.destroyed && done());
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    this.#corks--;
    if (this.#corks === 0 && this.#chunks.length > 0) this.#flush(false);
  }

  end(bytes?: Buffer | string): this {
    if (this.destroyed || this.isSent) return this;
    if (bytes !== undefined) this.#chunks.push(Buffer.from(bytes as string));
    this.#flush(true);
    this.isSent = true;
    this.#process.setImmediate(() => this.closed());
    return this;
  }

  destroy(): this {
    if (this.destroyed) return this;
    if (!this.isSent) this.#send('reset');
    queueMicrotask(() => this.closed());
    this.destroyed = true;
    return this;
  }

  #isClosed = false;

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.destroyed = true;
    this.emit('close');
  }

  #flush(isEnd: boolean): void {
    const head = this.headersSent ? undefined : (this.#head ?? { status: 200, headers: this.#headers });
    this.headersSent = true;
    this.#send({ head, chunks: this.#chunks, isEnd });
    this.#chunks = [];
  }
}

export class SimulatedServer extends EventEmitter {
  readonly process: Process;
  readonly #servers: Map<string, SimulatedServer>;
  readonly #answer: Answering;
  listening = false;
  requestTimeout = 0;
  #port = 0;

  constructor(process: Process, servers: Map<string, SimulatedServer>, answer: Answering) {
    super();
    this.#servers = servers;
    this.process = process;
    this.#answer = answer;
  }

  listen(port: number, host: string): this {
    this.#port = port;
    this.listening = true;
    this.#servers.set(`${host}:${port}`, this);
    queueMicrotask(() => this.emit('listening'));
    return this;
  }

  address(): { port: number } {
    return { port: this.#port };
  }

  accept(request: IncomingMessage, response: SimulatedResponse): void {
    this.#answer(request, response as unknown as ServerResponse);
  }

  close(): this {
    this.listening = false;
    queueMicrotask(() => this.emit('close'));
    return this;
  }

  closeAllConnections(): void {
    // Only a process that ends closes its server.
  }
}
