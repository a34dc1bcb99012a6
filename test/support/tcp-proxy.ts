/**
 * A TCP proxy. It counts connections, cuts them and shows tests the bytes. It can make a server slow or silent, and put another
 * server behind its address.
 */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpProxyOptions {
  /** Default 127.0.0.1 and a free port. */
  host?: string;
  port?: number;
  target: { host: string; port: number };
  /** Called with each piece before it is passed on; 'drop' discards it. */
  onRequest?: (bytes: Buffer) => 'drop' | undefined;
  onAnswer?: (bytes: Buffer) => 'drop' | undefined;
}

export interface ProxiedConnection {
  /** Milliseconds since the Unix epoch. */
  readonly openedAt: number;
  /** The first piece that the client sent. */
  opening: string;
}

export class TcpProxy {
  /** Every connection ever. */
  readonly connections: ProxiedConnection[] = [];
  readonly #options: TcpProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: TcpProxyOptions['target'] | undefined;
  #delayMs = 0;
  /** The sockets to the server. */
  readonly #targets = new Set<Socket>();
  /** How many reasons there are not to read from a socket. */
  readonly #hushed = new WeakMap<Socket, number>();
  #holdsAnswers = false;
  #isHeld = false;
  /** Bytes a second of each connection's answers; undefined: no limit. */
  #answerRate: number | undefined;

  constructor(options: TcpProxyOptions) {
    this.#options = options;
    this.#target = options.target;
    this.#server = createServer((socket) => this.#pass(socket));
  }

  async listen(): Promise<this> {
    this.#server.listen(this.#options.port ?? 0, this.#options.host ?? '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now, including half-closed ones. */
  get openCount(): number {
    return Math.ceil(this.#sockets.size / 2);
  }

  /** Breaks all connections on both sides; new ones pass. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Delays each piece from the client to the server by this time. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** true: connections stay open, but nothing passes in either direction; what is sent meanwhile is lost. */
  hold(on: boolean): void {
    this.#isHeld = on;
  }

  /** Breaks all connections; new ones go to another server, or break too (undefined). */
  switchTo(target: TcpProxyOptions['target'] | undefined): void {
    this.#target = target;
    this.#isHeld = false;
    this.cut();
  }

  /** true: holds the server's answers until false; nothing is lost. */
  holdAnswers(on: boolean): void {
    this.#holdsAnswers = on;
    for (const target of this.#targets) {
      if (on) target.pause();
      else if ((this.#hushed.get(target) ?? 0) === 0) target.resume();
    }
  }

  /** Limits the rate of answers on each connection, so that the server notices backpressure; undefined: no limit. */
  throttleAnswers(bytesPerSecond: number | undefined): void {
    this.#answerRate = bytesPerSecond;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  /** Stops reading from a socket. Reading resumes when the returned function was called, and that of every other reason, too. */
  #hush(from: Socket): () => void {
    this.#hushed.set(from, (this.#hushed.get(from) ?? 0) + 1);
    from.pause();
    return () => {
      const reasons = (this.#hushed.get(from) ?? 1) - 1;
      this.#hushed.set(from, reasons);
      if (reasons === 0 && !(this.#holdsAnswers && this.#targets.has(from))) from.resume();
    };
  }

  /** Applies backpressure: the sender stops when the other side reads too slowly. */
  #send(bytes: Buffer, from: Socket, to: Socket): void {
    if (!to.destroyed && !to.write(bytes)) to.once('drain', this.#hush(from));
  }

  #pass(opener: Socket): void {
    const { onRequest, onAnswer } = this.#options;
    if (this.#target === undefined) {
      opener.on('error', () => undefined);
      opener.resetAndDestroy();
      return;
    }
    const record: ProxiedConnection = { openedAt: Date.now(), opening: '' };
    this.connections.push(record);
    const other = connect(this.#target.port, this.#target.host);
    for (const [from, to, look] of [
      [opener, other, onRequest],
      [other, opener, onAnswer],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      let dueMs = 0;
      from.on('data', (bytes: Buffer) => {
        if (from === opener && record.opening === '') record.opening = bytes.toString('latin1');
        if (this.#isHeld || look?.(bytes) === 'drop') return;
        if (from === other && this.#answerRate !== undefined) {
          setTimeout(this.#hush(from), (bytes.length / this.#answerRate) * 1_000);
        }
        // Never before an earlier piece.
        dueMs = Math.max(dueMs, performance.now() + (from === opener ? this.#delayMs : 0));
        const waitMs = dueMs - performance.now();
        if (waitMs <= 0) this.#send(bytes, from, to);
        else setTimeout(() => this.#send(bytes, from, to), waitMs);
      });
      if (from === other) {
        this.#targets.add(from);
        if (this.#holdsAnswers) from.pause();
      }
      from.once('end', () => to.end());
      from.on('error', () => undefined);
      from.once('close', () => {
        this.#sockets.delete(from);
        this.#targets.delete(from);
        to.destroy();
      });
    }
  }
}

/** Starts a proxy. */
export function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  return new TcpProxy(options).listen();
}

/** Where a worker or another HTTP server listens. */
export function targetOf({ url }: { readonly url: string }): TcpProxyOptions['target'] {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
